#include "bridge/takeover.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bridge/adoption_unit.h"
#include "bridge/daemonize.h"
#include "bridge/fd_store.h"
#include "bridge/old_daemon.h"
#include "bridge/process_facts.h"
#include "bridge/runtime_directory.h"

typedef struct Holder {
    OldDaemon *process;
    char *unit;
} Holder;

static void holder_clear(Holder *holder)
{
    old_daemon_free(holder->process);
    g_free(holder->unit);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Holder, holder_clear)

/* Only one for the time being makes room: what has a unit file of its own is somebody's decision. */
static int find_holder(const char *runtime_directory, const char *configuration, const char *own_unit,
                       Holder *ret)
{
    g_autofree char *theirs = NULL, *cgroup = NULL, *unit = NULL;
    ProcessStat facts;
    pid_t pid;

    if (runtime_directory_holder(runtime_directory, &pid, &theirs) < 0 ||
        strcmp(theirs, configuration) != 0 || process_stat_read(pid, &facts) < 0 ||
        !(cgroup = process_facts_cgroup(pid)))
        return -EBUSY;
    unit = adoption_unit_of(cgroup, geteuid() != 0);
    if (!g_str_has_prefix(unit, DAEMONIZE_PREFIX) || strcmp(unit, own_unit) == 0)
        return -EBUSY;
    int r = old_daemon_open(pid, facts.start, &ret->process);
    if (r >= 0)
        ret->unit = g_steal_pointer(&unit);
    return r;
}

/* It always has one: the sockets of its servers are in there. */
static int take_queue(Holder *holder)
{
    GArray *fds = NULL;

    int r = old_daemon_take_sockets(holder->process, fd_store_is_queue, &fds);
    if (r < 0)
        return r;
    int queue = fds->len > 0 ? g_array_index(fds, int, 0) : -ENOENT;
    for (unsigned i = 1; i < fds->len; i++)
        close(g_array_index(fds, int, i));
    g_array_unref(fds);
    return queue;
}

/* While it stands still: until its end nothing is put anywhere else. */
static int take_everything(Holder *holder)
{
    int queue = take_queue(holder);
    int r = queue < 0 ? queue : fd_store_secure(queue);

    if (r >= 0)
        r = old_daemon_kill(holder->process);
    if (r < 0 && queue >= 0)
        close(queue);
    return r < 0 ? r : queue;
}

int takeover_run(const char *runtime_directory, const char *configuration, const char *own_unit,
                 int *ret_queue, char **ret_unit)
{
    g_auto(Holder) holder = {0};

    int r = find_holder(runtime_directory, configuration, own_unit, &holder);
    if (r >= 0)
        r = old_daemon_freeze(holder.process);
    if (r < 0)
        return r;
    int queue = take_everything(&holder);
    if (queue < 0) {
        (void)old_daemon_thaw(holder.process);
        return queue;
    }
    *ret_queue = queue;
    *ret_unit = g_steal_pointer(&holder.unit);
    return 0;
}
