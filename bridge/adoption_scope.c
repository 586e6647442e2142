#include "bridge/adoption_scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/instance_owner.h"
#include "bridge/process_facts.h"

/* A process that forks all the time has new children in the old place whenever one looks. */
enum { ROUNDS = 50 };

static bool is_in(pid_t pid, const char *scope)
{
    g_autofree char *cgroup = process_facts_cgroup(pid);
    const char *name = cgroup ? strrchr(cgroup, '/') : NULL;

    return name && strcmp(name + 1, scope) == 0;
}

/* Those of the tree that are not there yet. */
static GArray *list_outside(const AdoptionMember *member)
{
    g_autoptr(GArray) tree = process_facts_tree(member->pid);
    GArray *outside = g_array_new(FALSE, FALSE, sizeof(pid_t));

    for (unsigned i = 0; i < tree->len; i++) {
        pid_t pid = g_array_index(tree, pid_t, i);
        ProcessStat facts;
        if (process_stat_read(pid, &facts) >= 0 && process_facts_is_alive(pid, facts.start) &&
            !is_in(pid, member->scope))
            g_array_append_val(outside, pid);
    }
    return outside;
}

/* With the main process alone: systemd fails the scope when one of several has ended by the time it is moved.
 */
static int make(SystemdWait *systemd, AdoptionMember *member, char **ret_message)
{
    const uint32_t pid = (uint32_t)member->pid;
    g_autofree char *scope = plan_adopted_scope(member->planned);
    /* This is before the daemon is ready: ordered after it, the scope would wait for what waits for it. */
    g_autoptr(PropertyList) properties = mapping_scope(member->planned, &pid, 1, NULL);

    int r = systemd_wait_start_scope(systemd, scope, properties, ret_message);
    if (r >= 0)
        member->scope = g_steal_pointer(&scope);
    return r;
}

/* systemd's own AttachProcessesToUnit wants a delegated unit; the kernel does not. A process that has ended
 * meanwhile is none of our business. */
static int move(const GArray *pids, const char *cgroup)
{
    g_autofree char *path = g_build_filename("/sys/fs/cgroup", cgroup, "cgroup.procs", NULL);

    for (unsigned i = 0; i < pids->len; i++) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
            return -errno;
        bool moved = dprintf(fd, "%d\n", (int)g_array_index(pids, pid_t, i)) > 0;
        int r = moved || errno == ESRCH ? 0 : -errno;
        close(fd);
        if (r < 0)
            return r;
    }
    return 0;
}

/* What has been forked into the old place before its parent was moved. */
static int move_rest(const AdoptionMember *member)
{
    for (int round = 0; round < ROUNDS; round++) {
        g_autoptr(GArray) outside = list_outside(member);
        g_autofree char *cgroup = process_facts_cgroup(member->pid);
        if (outside->len == 0 || !cgroup)
            return 0;
        int r = move(outside, cgroup);
        if (r < 0)
            return r;
    }
    return -EBUSY;
}

int adoption_scope_enter(SystemdWait *systemd, AdoptionMember *member, char **ret_message)
{
    int r = member->scope ? 0 : make(systemd, member, ret_message);

    if (r >= 0)
        r = move_rest(member);
    if (r == -EBUSY)
        *ret_message = g_strdup_printf("%s: processes of it stay outside", member->scope);
    if (r >= 0 || process_facts_is_alive(member->pid, member->start))
        return r;
    g_clear_pointer(ret_message, g_free);
    return 0;
}

static GArray *list_inside(const char *cgroup)
{
    GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    g_autofree char *path = g_build_filename("/sys/fs/cgroup", cgroup, "cgroup.procs", NULL), *text = NULL;

    (void)g_file_get_contents(path, &text, NULL, NULL);
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    for (char **line = lines; *line; line++) {
        pid_t pid = (pid_t)strtol(*line, NULL, 10);
        if (pid > 0)
            g_array_append_val(pids, pid);
    }
    return pids;
}

void adoption_scope_leave(const AdoptionMember *member, const char *cgroup)
{
    if (!adoption_member_is_taken(member))
        return;
    g_autofree char *scope = plan_adopted_scope(member->planned);
    g_autofree char *current = process_facts_cgroup(member->pid);
    if (!current || !is_in(member->pid, scope))
        return;
    /* A scope that is left with anybody in it would be in the way of the next try. */
    for (int round = 0; round < ROUNDS; round++) {
        g_autoptr(GArray) inside = list_inside(current);
        if (inside->len == 0 || move(inside, cgroup) < 0)
            return;
    }
}
