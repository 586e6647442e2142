#include "bridge/adoption.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "bridge/adoption_listener.h"
#include "bridge/adoption_member.h"
#include "bridge/adoption_note.h"
#include "bridge/adoption_record.h"
#include "bridge/adoption_scope.h"
#include "bridge/adoption_unit.h"
#include "bridge/instance_owner.h"
#include "bridge/old_daemon.h"
#include "bridge/process_facts.h"
#include "bridge/server_socket.h"
#include "bridge/systemd_wait.h"

/* As large as the FIFOs: a program that writes much goes on while nobody reads. */
#define PIPE_BYTES (1024 * 1024)

enum { ROOM_BYTES = 32 * 1024 };

typedef struct Adoption {
    const AdoptionContext *context;
    char *note_path;
    char *room_path;
    AdoptionNote note;
    LegacyDaemon *legacy;
    Plan *plan;
    GPtrArray *members;
    SystemdWait *systemd;
    OldDaemon *old;
    char *message; /* what went wrong */
} Adoption;

static void adoption_clear(Adoption *adoption)
{
    g_free(adoption->note_path);
    g_free(adoption->room_path);
    adoption_note_clear(&adoption->note);
    legacy_daemon_free(adoption->legacy);
    g_clear_pointer(&adoption->plan, plan_unref);
    g_clear_pointer(&adoption->members, g_ptr_array_unref);
    systemd_wait_free(adoption->systemd);
    old_daemon_free(adoption->old);
    g_free(adoption->message);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Adoption, adoption_clear)

static int put_note(Adoption *adoption, AdoptionStage stage)
{
    adoption->note.stage = stage;
    return adoption_note_write(adoption->note_path, &adoption->note);
}

/* Before anything is touched
 * --------------------------------------------------------------------------------------------- */

static int compare(Adoption *adoption)
{
    if (!fd_store_is_kept(adoption->context->fd_store)) {
        adoption->message = g_strdup("this supervisord is no service of systemd, which has to keep the pipes "
                                     "of programs should it die in the middle: leave out -n");
        return -ENOTSUP;
    }
    int r = plan_new(adoption->context->config, adoption->context->identifier, &adoption->plan);
    if (r < 0)
        return r;
    return adoption_members_new(adoption->legacy, adoption->plan, &adoption->members, &adoption->message);
}

static int find_daemon(Adoption *adoption)
{
    ProcessStat facts;

    int r = process_stat_read(adoption->legacy->pid, &facts);
    if (r >= 0)
        r = old_daemon_open(adoption->legacy->pid, facts.start, &adoption->old);
    if (r < 0)
        return r;
    adoption->note.pid = adoption->legacy->pid;
    adoption->note.start = facts.start;
    adoption->note.cgroup = process_facts_cgroup(adoption->legacy->pid);
    if (!adoption->note.cgroup) {
        adoption->message = g_strdup("it is in no control group: is /sys/fs/cgroup the unified hierarchy?");
        return -ENOTSUP;
    }
    adoption->note.unit = adoption_unit_of(adoption->note.cgroup, adoption->context->user_manager);
    return systemd_wait_open(adoption->context->user_manager, &adoption->systemd);
}

/* What can be undone
 * ------------------------------------------------------------------------------------------------------ */

static int begin(Adoption *adoption)
{
    return put_note(adoption, ADOPTION_BEGUN);
}

/* What the bridge writes for a program that it takes up: two marks for each stream, a page each, and its
 * state. Without it a program that is ours could not be gone on with. */
static int reserve(Adoption *adoption)
{
    off_t size = (off_t)ROOM_BYTES * (adoption->members->len + 1);
    int fd = open(adoption->room_path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return -errno;
    int r = -posix_fallocate(fd, 0, size);
    close(fd);
    return r;
}

static void give_room(Adoption *adoption)
{
    (void)g_unlink(adoption->room_path);
}

static int quiet(Adoption *adoption)
{
    return adoption_unit_quiet(adoption->systemd, adoption->note.unit, adoption->context->user_manager,
                               &adoption->message);
}

static void release(Adoption *adoption)
{
    adoption_unit_release(adoption->systemd, adoption->note.unit, adoption->context->user_manager);
}

static int enter_scopes(Adoption *adoption)
{
    int r = 0;

    for (unsigned i = 0; i < adoption->members->len && r >= 0; i++) {
        AdoptionMember *member = g_ptr_array_index(adoption->members, i);
        /* Whatever comes of those that are in their scopes is there, too. */
        if (adoption_member_is_taken(member) && !member->ended && !member->scope)
            r = adoption_scope_enter(adoption->systemd, member, &adoption->message);
    }
    return r;
}

static void leave_scopes(Adoption *adoption)
{
    for (unsigned i = 0; i < adoption->members->len; i++)
        adoption_scope_leave(g_ptr_array_index(adoption->members, i), adoption->note.cgroup);
}

static int freeze(Adoption *adoption)
{
    return old_daemon_freeze(adoption->old);
}

static void thaw(Adoption *adoption)
{
    (void)old_daemon_thaw(adoption->old);
}

static int see(Adoption *adoption)
{
    return adoption_members_see(adoption->members, adoption->note.pid, &adoption->message);
}

static int keep_pipe(Adoption *adoption, const AdoptionMember *member, int number, int fd)
{
    g_autofree char *name = instance_adopted_fd_name(member->planned->namespec, number);

    (void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
    return fd_store_leave(adoption->context->fd_store, name, fd);
}

static int take_pipes_of(Adoption *adoption, const AdoptionMember *member)
{
    int fds[OLD_DAEMON_STREAMS];
    g_autoptr(GArray) tree = process_facts_tree(member->pid);

    int r = old_daemon_take_pipes(adoption->old, tree, member->pid, member->planned->config->redirect_stderr,
                                  fds);
    if (r < 0)
        return r;
    for (int number = 0; number < OLD_DAEMON_STREAMS; number++) {
        if (fds[number] < 0)
            continue;
        if (r >= 0)
            r = keep_pipe(adoption, member, number, fds[number]);
        else
            close(fds[number]);
    }
    return r;
}

static void drop_pipes_of(Adoption *adoption, const AdoptionMember *member)
{
    for (int number = 0; member->planned && number < OLD_DAEMON_STREAMS; number++) {
        g_autofree char *name = instance_adopted_fd_name(member->planned->namespec, number);
        (void)fd_store_drop(adoption->context->fd_store, name);
    }
}

/* While the old daemon is at work: it goes on reading, and nothing needs to be looked for when it stands
 * still. There, once more for those that have come or gone since. */
static int take_pipes(Adoption *adoption)
{
    int r = 0;

    for (unsigned i = 0; i < adoption->members->len && r >= 0; i++) {
        AdoptionMember *member = g_ptr_array_index(adoption->members, i);
        if (member->connected && adoption_member_is_taken(member))
            continue;
        drop_pipes_of(adoption, member);
        if (adoption_member_is_taken(member) && !member->ended)
            r = take_pipes_of(adoption, member);
        member->connected = r >= 0;
    }
    return r;
}

static void drop_pipes(Adoption *adoption)
{
    fd_store_clear(adoption->context->fd_store);
}

/* Clients that connect meanwhile wait in the queue of the same socket. */
static int take_sockets(Adoption *adoption)
{
    const Config *config = adoption->context->config;
    GArray *fds = NULL;

    int r = old_daemon_take_sockets(adoption->old, old_daemon_is_listening, &fds);
    if (r < 0)
        return r;
    for (unsigned i = 0; i < fds->len; i++) {
        int fd = g_array_index(fds, int, i);
        for (size_t server = 0; server < config_server_count(config) && r >= 0; server++)
            r = server_socket_keep(adoption->context->fd_store, config_server(config, server), fd);
        close(fd);
    }
    g_array_unref(fds);
    return r;
}

static int remember_member(Adoption *adoption, const AdoptionMember *member)
{
    Store *store = adoption->context->store;
    const char *namespec = member->planned->namespec;
    StoreRecord record = adoption_record_make(member);

    int r = store_put_process(store, namespec, &record);
    for (int stream = 0; stream < STREAM_COUNT && r >= 0; stream++) {
        bool is_auto = member->planned->config->log[stream].kind == LOGFILE_AUTO;
        if (is_auto &&
            adoption_record_is_autolog(member->legacy, (Stream)stream, adoption->context->childlogdir))
            r = store_put_autolog(store, namespec, (Stream)stream, member->legacy->logfiles[stream]);
    }
    if (r >= 0 && adoption_member_is_taken(member))
        r = store_put_adopted(store, namespec, (StoreAdopted){.pid = member->pid, .start = member->start});
    return r;
}

static int remember(Adoption *adoption)
{
    int r = 0;

    for (unsigned i = 0; i < adoption->members->len && r >= 0; i++) {
        const AdoptionMember *member = g_ptr_array_index(adoption->members, i);
        if (member->planned)
            r = remember_member(adoption, member);
    }
    return r;
}

static void forget(Adoption *adoption)
{
    for (unsigned i = 0; i < adoption->members->len; i++) {
        const AdoptionMember *member = g_ptr_array_index(adoption->members, i);
        if (member->planned)
            (void)store_forget_process(adoption->context->store, member->planned->namespec);
    }
}

static int commit(Adoption *adoption)
{
    adoption->note.listeners = adoption_listeners_name(adoption->members);
    give_room(adoption);
    return put_note(adoption, ADOPTION_TAKEN);
}

static const struct {
    const char *what;
    int (*run)(Adoption *adoption);
    void (*undo)(Adoption *adoption);
} steps[] = {
    {"write down that it begins", begin, NULL},
    {"make sure of the room in /run that it takes", reserve, give_room},
    {"keep its unit quiet", quiet, release},
    {"put its programs into scopes", enter_scopes, leave_scopes},
    {"take its pipes", take_pipes, drop_pipes},
    {"take its sockets", take_sockets, NULL},
    {"stop it where it stands", freeze, thaw},
    {"look at its children", see, NULL},
    {"put new programs into scopes", enter_scopes, NULL},
    {"take their pipes", take_pipes, NULL},
    {"write down the states of its programs", remember, forget},
    {"write down that everything is taken", commit, NULL},
};

static void undo(Adoption *adoption, size_t count)
{
    while (count > 0) {
        count--;
        if (steps[count].undo)
            steps[count].undo(adoption);
    }
}

static int run_steps(Adoption *adoption, char **ret_message)
{
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        int r = steps[i].run(adoption);
        if (r >= 0)
            continue;
        /* What a step has done by half is undone, too. */
        undo(adoption, i + 1);
        *ret_message = g_strdup_printf(
            "could not %s: %s; the old supervisord (pid %d) and its programs run on as before", steps[i].what,
            adoption->message ? adoption->message : g_strerror(-r), (int)adoption->note.pid);
        return r;
    }
    return 0;
}

/* What cannot be undone
 * --------------------------------------------------------------------------------------------------- */

/* Everything is ours by now: whatever comes of this, there is no way back. */
static void end_daemon(Adoption *adoption)
{
    int r = old_daemon_kill(adoption->old);

    if (r < 0)
        main_log_write(adoption->context->log, LOG_LEVEL_CRITICAL,
                       "the old supervisord with pid %d has not ended (%s): see to it",
                       (int)adoption->note.pid, g_strerror(-r));
    main_log_write(adoption->context->log, LOG_LEVEL_INFO,
                   "took the place of the supervisord with pid %d; its programs run on",
                   (int)adoption->note.pid);
}

/* The whole, and the whole after a death in the middle
 * ----------------------------------------------------------------------------------- */

static int adopt(Adoption *adoption, char **ret_message)
{
    int r = compare(adoption);

    if (r >= 0)
        r = find_daemon(adoption);
    if (r < 0) {
        *ret_message =
            g_strdup_printf("could not take over the supervisord with pid %d: %s", (int)adoption->legacy->pid,
                            adoption->message ? adoption->message : g_strerror(-r));
        return r;
    }
    r = run_steps(adoption, ret_message);
    if (r < 0)
        return r;
    end_daemon(adoption);
    adoption_listeners_end(adoption->note.listeners);
    return 1;
}

/* Whatever the configuration has become meanwhile, the old daemon goes on, and its unit is what it was. */
static void restore(Adoption *adoption)
{
    bool connected = systemd_wait_open(adoption->context->user_manager, &adoption->systemd) >= 0;

    thaw(adoption);
    if (connected && compare(adoption) >= 0)
        undo(adoption, G_N_ELEMENTS(steps));
    else if (connected)
        release(adoption);
}

/* A bridge has died before it was through: nothing has happened. */
static int go_back(Adoption *adoption, char **ret_message)
{
    int r = old_daemon_open(adoption->note.pid, adoption->note.start, &adoption->old);

    if (r >= 0)
        restore(adoption);
    else if (systemd_wait_open(adoption->context->user_manager, &adoption->systemd) >= 0)
        release(adoption);
    *ret_message =
        g_strdup_printf("supervisord died while it took over the one with pid %d, which %s",
                        (int)adoption->note.pid, r >= 0 ? "runs on as before: try again" : "has ended, too");
    return -ECANCELED;
}

/* A bridge has died after everything was ours. */
static int carry_through(Adoption *adoption)
{
    if (old_daemon_open(adoption->note.pid, adoption->note.start, &adoption->old) >= 0)
        end_daemon(adoption);
    adoption_listeners_end(adoption->note.listeners);
    return 1;
}

static int resume(Adoption *adoption, char **ret_message)
{
    switch (adoption->note.stage) {
    case ADOPTION_BEGUN:
        return go_back(adoption, ret_message);
    case ADOPTION_TAKEN:
        return carry_through(adoption);
    default:
        adoption_note_clear(&adoption->note);
        adoption->note = (AdoptionNote){0};
        return adopt(adoption, ret_message);
    }
}

int adoption_run(const AdoptionContext *context, char **ret_message)
{
    g_auto(Adoption) adoption = {.context = context};

    adoption.note_path = g_build_filename(context->runtime_directory, ADOPTION_NOTE_FILE, NULL);
    adoption.room_path = g_strconcat(adoption.note_path, ".room", NULL);
    int r = adoption_note_read(adoption.note_path, &adoption.note);
    if (r >= 0 && adoption.note.stage == ADOPTION_OVER)
        return 0;
    if (r >= 0)
        r = legacy_daemon_read(context->file, &adoption.legacy);
    /* The file goes when all is over. */
    if (r == -ENOENT)
        return 0;
    if (r < 0) {
        *ret_message = g_strdup_printf("%s: %s", context->file, g_strerror(-r));
        return r;
    }
    return resume(&adoption, ret_message);
}
