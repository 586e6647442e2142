#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "bridge/autolog.h"
#include "bridge/crash_pause.h"
#include "bridge/handoff.h"
#include "bridge/identity.h"
#include "bridge/manager_internal.h"
#include "bridge/runtime_directory.h"
#include "common/install_path.h"

enum { SHUTDOWN_REPORT_SECONDS = 3 };

static void schedule_advance(Manager *manager);

/* What systemd says
 * ---------------------------------------------------------------------------------------------- */

/* The scope that an adopted process was in is of no concern any more once its program is a service. */
static bool is_current(const Instance *instance, const char *unit)
{
    return strcmp(instance_unit(instance), unit) == 0;
}

static void on_unit_changed(const char *unit, const UnitSnapshot *snapshot, void *userdata)
{
    Manager *manager = userdata;
    Instance *instance = g_hash_table_lookup(manager->by_unit, unit);
    FcgiSocket *socket = instance ? NULL : g_hash_table_lookup(manager->by_socket, unit);

    if (instance && manager->ready && is_current(instance, unit))
        instance_unit_changed(instance, snapshot);
    else if (socket && manager->ready)
        fcgi_socket_unit_changed(socket, snapshot);
    else if (!instance && !socket)
        manager_dismissed_changed(manager, unit, snapshot);
}

static void on_unit_removed(const char *unit, void *userdata)
{
    Manager *manager = userdata;
    Instance *instance = g_hash_table_lookup(manager->by_unit, unit);
    FcgiSocket *socket = instance ? NULL : g_hash_table_lookup(manager->by_socket, unit);

    if (instance && manager->ready && is_current(instance, unit))
        instance_unit_removed(instance);
    else if (socket && manager->ready)
        fcgi_socket_unit_removed(socket);
    else if (!instance && !socket)
        manager_dismissed_removed(manager, unit);
}

static void on_resynchronise(void *userdata)
{
    Manager *manager = userdata;
    g_autoptr(GPtrArray) instances = manager_instances(manager, ORDER_PRIORITY);

    manager_explain_term(manager);
    manager_look_again(manager);
    for (unsigned i = 0; manager->ready && i < instances->len; i++)
        instance_look(g_ptr_array_index(instances, i));
    GHashTableIter iterator;
    void *socket;
    g_hash_table_iter_init(&iterator, manager->by_socket);
    while (manager->ready && g_hash_table_iter_next(&iterator, NULL, &socket))
        fcgi_socket_look(socket);
}

static void on_state_changed(Instance *instance, ProcessState old, void *userdata)
{
    Manager *manager = userdata;

    if (manager->stopping)
        instance_unit_hold(instance);
    group_release_socket(instance_group(instance));
    schedule_advance(manager);
}

static void on_settled(Instance *instance, void *userdata)
{
    group_release_socket(instance_group(instance));
    schedule_advance(userdata);
}

static void on_socket_closed(void *userdata)
{
    schedule_advance(userdata);
}

static pid_t find_holder(const char *name, void *userdata)
{
    const Group *group = manager_find_group(userdata, name);

    for (size_t i = 0; group && i < group_instance_count(group); i++) {
        const Instance *instance = group_instance(group, i);
        if (instance_is_adopted(instance))
            return instance_pid(instance);
    }
    return 0;
}

/* Getting ready: look at what is there, open the servers, start what is to start
 * ---------------------------------- */

void manager_fail(Manager *manager, int failure, const char *message)
{
    if (manager->failure_message)
        return;
    manager->failure = failure;
    manager->failure_message = g_strdup(message);
    (void)sd_event_exit(manager->event, 0);
}

static void write_pidfile(Manager *manager)
{
    const char *path = manager->settings->pidfile;
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());

    IDENTITY_SCOPE;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    manager->pidfile_written = written;
    if (written)
        main_log_write(manager->log, LOG_LEVEL_INFO, "supervisord started with pid %d", (int)getpid());
    else
        main_log_write(manager->log, LOG_LEVEL_CRITICAL, "could not write pidfile %s", path);
}

/* What we could not write is somebody else's. */
static void remove_pidfile(Manager *manager)
{
    IDENTITY_SCOPE;
    if (manager->pidfile_written)
        (void)unlink(manager->settings->pidfile);
}

static void autostart(Manager *manager)
{
    g_autoptr(GPtrArray) groups = manager_copy_groups(manager);

    g_ptr_array_sort(groups, manager_compare_groups);
    for (unsigned i = 0; i < groups->len; i++)
        group_autostart(g_ptr_array_index(groups, i));
}

/* The service had the stderr of the daemonising parent to tell what goes wrong at the start. Whoever waits
 * for the end of that (a pipe, an ssh session) must not wait for the end of the daemon. */
static void let_go_of_stderr(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd >= 0 && dup2(fd, STDERR_FILENO) >= 0)
        close(fd);
}

void manager_become_ready(Manager *manager)
{
    g_autofree char *message = NULL;

    int r = manager_open_servers(manager, &message);
    if (r < 0) {
        manager_fail(manager, r, message);
        return;
    }
    manager_stop_sockets(manager, false);
    manager_order_stops(manager);
    manager->ready = true;
    write_pidfile(manager);
    if (manager->line->handoff)
        let_go_of_stderr();
    (void)sd_notifyf(false, "READY=1\nMAINPID=%d\nSTATUS=supervising %u groups", (int)getpid(),
                     manager->groups->len);
    fd_store_drop_untaken(manager->fd_store);
    if (manager->line->adopt)
        manager_end_adoption(manager);
    /* Events about units came in while they were looked at; nothing of that may be missed. */
    on_resynchronise(manager);
    event_bus_publish(manager->events, EVENT_SUPERVISOR_STATE_CHANGE_RUNNING, "", 0);
    if (manager->state == DAEMON_RUNNING)
        autostart(manager);
    else
        schedule_advance(manager);
    /* What an earlier bridge has left open, and nobody needs any more. */
    for (unsigned i = 0; i < manager->groups->len; i++)
        group_release_socket(g_ptr_array_index(manager->groups, i));
}

/* Ending
 * ---------------------------------------------------------------------------------------------------------
 */

/* Closing the connection right behind the last requests would lose some of them. */
static int on_idle(sd_event_source *source, void *userdata)
{
    Manager *manager = userdata;

    if (systemd_is_idle(manager->systemd))
        (void)sd_event_exit(manager->event, 0);
    return 0;
}

static void finish(Manager *manager)
{
    http_free(g_steal_pointer(&manager->http));
    remove_pidfile(manager);
    fd_store_clear(manager->fd_store);
    if (manager->own_unit)
        stop_target_remove(manager->settings->identifier, manager->context.mapping.user_manager);
    for (unsigned i = 0; i < manager->groups->len; i++)
        group_abolish(g_ptr_array_index(manager->groups, i));
    /* A client that comes when everything has been shut down must not start it again. */
    if (manager->state == DAEMON_RESTARTING)
        server_sockets_pass_on(manager->sockets);
    else
        manager_stop_sockets(manager, true);
    /* A restart reads again what the daemonising parent left. */
    runtime_directory_remove(manager->runtime_directory,
                             manager->state == DAEMON_RESTARTING ? HANDOFF_FILE : NULL);
    if (systemd_is_idle(manager->systemd) || sd_event_add_post(manager->event, NULL, on_idle, manager) < 0)
        (void)sd_event_exit(manager->event, 0);
}

static char *names_of_unstopped(const Manager *manager)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (unsigned i = 0; i < manager->groups->len; i++) {
        const Group *group = g_ptr_array_index(manager->groups, i);
        for (size_t j = 0; j < group_instance_count(group); j++) {
            const Instance *instance = group_instance(group, j);
            if (!process_state_is_stopped(instance_state(instance)))
                g_string_append_printf(names, "%s%s", names->len ? ", " : "", instance_name(instance));
        }
    }
    return g_string_free(g_steal_pointer(&names), FALSE);
}

static int on_shutdown_report(sd_event_source *source, uint64_t usec, void *userdata)
{
    Manager *manager = userdata;
    g_autofree char *names = names_of_unstopped(manager);
    uint64_t now = 0;

    if (*names)
        main_log_write(manager->log, LOG_LEVEL_INFO, "waiting for %s to die", names);
    (void)sd_event_now(manager->event, CLOCK_MONOTONIC, &now);
    (void)sd_event_source_set_time(source, now + SHUTDOWN_REPORT_SECONDS * G_USEC_PER_SEC);
    (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    return 0;
}

/* One group after the other, the one with the highest priority number first; the next when all of it has
 * stopped. */
static int on_advance(sd_event_source *source, void *userdata)
{
    Manager *manager = userdata;

    manager->advance = sd_event_source_disable_unref(manager->advance);
    if (manager->stopping->len > 0) {
        Group *group = g_ptr_array_index(manager->stopping, manager->stopping->len - 1);
        group_stop_all(group);
        if (!group_is_stopped(group) || !group_at_rest(group) ||
            (group_socket(group) && !fcgi_socket_is_closed(group_socket(group))))
            return 0;
        g_ptr_array_set_size(manager->stopping, (int)manager->stopping->len - 1);
    }
    /* One group a turn: event listeners, which stop last, hear of it in between. */
    if (manager->stopping->len > 0)
        schedule_advance(manager);
    else
        finish(manager);
    return 0;
}

static void schedule_advance(Manager *manager)
{
    if (manager->ready && manager->stopping && !manager->advance)
        (void)sd_event_add_defer(manager->event, &manager->advance, on_advance, manager);
}

static void begin_shutdown(Manager *manager)
{
    if (manager->stopping)
        return;
    g_autoptr(GPtrArray) instances = manager_instances(manager, ORDER_PRIORITY);

    manager->stopping = manager_copy_groups(manager);
    event_bus_publish(manager->events, EVENT_SUPERVISOR_STATE_CHANGE_STOPPING, "", 0);
    for (unsigned i = 0; i < instances->len; i++)
        instance_unit_hold(g_ptr_array_index(instances, i));
    g_ptr_array_sort(manager->stopping, manager_compare_groups);
    (void)sd_event_add_time(manager->event, &manager->shutdown_report, CLOCK_MONOTONIC, 0, 0,
                            on_shutdown_report, manager);
    schedule_advance(manager);
}

void manager_shutdown(Manager *manager)
{
    manager->state = DAEMON_SHUTDOWN;
    (void)sd_notify(false, "STOPPING=1");
    begin_shutdown(manager);
}

void manager_restart(Manager *manager)
{
    if (manager->state == DAEMON_SHUTDOWN)
        return;
    manager->state = DAEMON_RESTARTING;
    /* Told that it is stopping, systemd would take the next image of this process for one that does not end.
     */
    (void)sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());
    begin_shutdown(manager);
}

/* Making and running
 * --------------------------------------------------------------------------------------------- */

static int prepare_directory(Manager *manager, char **ret_message)
{
    bool user_manager = geteuid() != 0;

    int r = runtime_directory_path(manager->settings->identifier, user_manager, &manager->runtime_directory);
    if (r < 0) {
        *ret_message =
            g_strdup_printf("no runtime directory to work in (%s): is a systemd user session there? "
                            "\"loginctl enable-linger\" makes one that stays",
                            g_strerror(-r));
        return r;
    }
    r = manager_lock_directory(manager);
    if (r == -EBUSY)
        *ret_message = g_strdup_printf(
            "another supervisord with the identifier '%s' is running; stop it first, or give this one "
            "a name of its own (-i NAME, or identifier= in [supervisord])",
            manager->settings->identifier);
    else if (r < 0)
        *ret_message =
            g_strdup_printf("could not prepare %s: %s", manager->runtime_directory, g_strerror(-r));
    return r;
}

static int connect_systemd(Manager *manager, char **ret_message)
{
    static const SystemdCallbacks callbacks = {
        .unit_changed = on_unit_changed,
        .unit_removed = on_unit_removed,
        .resynchronise = on_resynchronise,
    };
    bool user_manager = geteuid() != 0;

    int r = systemd_new(manager->event, user_manager, &callbacks, manager, &manager->systemd);
    if (r < 0)
        *ret_message =
            g_strdup_printf("%s is not there or does not answer (%s): supervisord runs programs as its units",
                            user_manager ? "systemd --user" : "systemd", g_strerror(-r));
    return r;
}

static void fill_context(Manager *manager, char **environment)
{
    const Settings *settings = manager->settings;
    mode_t mask = umask(0);

    umask(mask);
    manager->context = (InstanceContext){
        .event = manager->event,
        .systemd = manager->systemd,
        .pump = manager->pump,
        .log = manager->log,
        .store = manager->store,
        .fd_store = manager->fd_store,
        .events = manager->events,
        .mapping = {.libexecdir = manager->libexecdir,
                    .runtime_directory = manager->runtime_directory,
                    .user_manager = geteuid() != 0,
                    .bridge_unit = manager->own_unit},
        .launch = {.runtime_directory = manager->runtime_directory,
                   .working_directory = manager->working_directory,
                   .environment = environment,
                   .serverurl = settings->serverurl,
                   .has_user = settings->has_user,
                   .uid = settings->uid,
                   .umask = mask,
                   .user_manager = geteuid() != 0},
        .identifier = settings->identifier,
        .childlogdir = settings->childlogdir,
        .strip_ansi = settings->strip_ansi,
        .state_changed = on_state_changed,
        .settled = on_settled,
        .userdata = manager,
    };
    manager->socket_context = (FcgiSocketContext){.event = manager->event,
                                                  .systemd = manager->systemd,
                                                  .log = manager->log,
                                                  .closed = on_socket_closed,
                                                  .holder = find_holder,
                                                  .userdata = manager};
    (void)getrlimit(RLIMIT_NPROC, &manager->context.launch.processes);
}

static int open_parts(Manager *manager, char **ret_message)
{
    g_autofree char *state = g_build_filename(manager->runtime_directory, "state", NULL);

    int r = store_open(state, &manager->store);
    if (r < 0) {
        *ret_message = g_strdup_printf("could not open %s: %s", state, g_strerror(-r));
        return r;
    }
    manager->sockets = server_sockets_new();
    manager->fd_store = fd_store_open(manager->inherited, &r);
    if (r < 0)
        main_log_write(manager->log, LOG_LEVEL_ERROR,
                       "systemd cannot keep descriptors for the next supervisord (%s): should this one be "
                       "killed, output that is on its way then may be lost",
                       g_strerror(-r));
    r = install_path_libexec(&manager->libexecdir);
    if (r >= 0)
        r = pump_new(manager->event, manager->log, manager->events, &manager->pump);
    if (r >= 0)
        r = tick_new(manager->event, manager->events, &manager->tick);
    if (r >= 0)
        r = manager_make_http(manager);
    if (r >= 0)
        r = manager_watch_signals(manager);
    if (r >= 0)
        r = plan_new(manager->config, manager->settings->identifier, &manager->plan);
    if (r < 0)
        *ret_message = g_strdup_printf("could not start: %s", g_strerror(-r));
    return r;
}

/* Programs are there already: this bridge's last life had them, or an old supervisord. */
static bool goes_on(const Manager *manager)
{
    return store_is_restart(manager->store) || manager->adopted;
}

/* The oracle does not start when a socket cannot be made. After a restart of the bridge it may be in use: by
 * its own programs. */
static int activate_all(Manager *manager, char **ret_message)
{
    for (size_t i = 0; i < plan_group_count(manager->plan); i++) {
        const PlannedGroup *planned = plan_group(manager->plan, i);
        /* Taken out by a client before an earlier bridge died: it stays out. */
        if (store_group_removed(manager->store, planned->config->name))
            continue;
        FcgiSocket *socket = goes_on(manager) ? NULL : manager_socket(manager, planned);
        int r = socket ? fcgi_socket_try(socket, ret_message) : 0;
        if (r < 0)
            return r;
        (void)manager_activate(manager, planned);
    }
    return 0;
}

static void allocate(Manager *manager)
{
    manager->own_unit = manager_find_own_unit();
    manager->groups = g_ptr_array_new_with_free_func((GDestroyNotify)group_free);
    manager->dead_instances = g_ptr_array_new_with_free_func((GDestroyNotify)instance_free);
    manager->graveyard = g_ptr_array_new_with_free_func((GDestroyNotify)group_free);
    manager->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    manager->by_unit = g_hash_table_new(g_str_hash, g_str_equal);
    manager->looked = g_hash_table_new(NULL, NULL);
    manager->by_socket =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)fcgi_socket_free);
    manager->dismissed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    manager->working_directory = g_get_current_dir();
    manager->events = event_bus_new();
    manager->lock = -1;
    manager->inherited = -1;
    manager->state = DAEMON_RUNNING;
}

int manager_new(const CommandLine *line, const Settings *settings, Config *config, MainLog *log,
                char **environment, const struct rlimit *open_files, Manager **ret, char **ret_message)
{
    g_autoptr(Manager) manager = g_new0(Manager, 1);

    manager->line = line;
    manager->settings = settings;
    manager->log = log;
    manager->config = config_ref(config);
    allocate(manager);
    int r = sd_event_new(&manager->event);
    if (r < 0) {
        *ret_message = g_strdup_printf("could not make an event loop: %s", g_strerror(-r));
        return r;
    }
    /* Nothing happens without WatchdogSec=. */
    (void)sd_event_set_watchdog(manager->event, true);
    r = prepare_directory(manager, ret_message);
    if (r >= 0)
        crash_pause_wait(crash_pause_count(manager->runtime_directory, (uint64_t)g_get_monotonic_time()));
    if (r >= 0)
        r = open_parts(manager, ret_message);
    if (r < 0)
        return r;
    r = manager_adopt(manager, ret_message);
    if (r < 0) {
        runtime_directory_remove(manager->runtime_directory, HANDOFF_FILE);
        return r;
    }
    manager->adopted = r > 0;
    /* Only now: an adoption makes systemd say a lot to those who listen, all of which would have to be heard
     * before anybody reads what programs write. */
    r = connect_systemd(manager, ret_message);
    if (r < 0)
        return manager->adopted ? -ECONNRESET : r; /* there is no way back: once more */
    manager_end_former(manager);
    fill_context(manager, environment);
    manager->context.launch.open_files = *open_files;
    /* The logs of what was adopted are called the same. */
    if (!settings->nocleanup && !goes_on(manager))
        autolog_clear(settings->childlogdir, settings->identifier, log);
    r = activate_all(manager, ret_message);
    if (r < 0) {
        /* What was remembered by now would make the next start look like one after a crash. */
        runtime_directory_remove(manager->runtime_directory, HANDOFF_FILE);
        return r;
    }
    *ret = g_steal_pointer(&manager);
    return 0;
}

void manager_free(Manager *manager)
{
    if (!manager)
        return;
    sd_event_source_disable_unref(manager->bury);
    sd_event_source_disable_unref(manager->advance);
    sd_event_source_disable_unref(manager->shutdown_report);
    http_free(manager->http);
    g_clear_pointer(&manager->stopping, g_ptr_array_unref);
    g_ptr_array_unref(manager->groups);
    g_ptr_array_unref(manager->dead_instances);
    g_ptr_array_unref(manager->graveyard);
    g_hash_table_unref(manager->by_name);
    g_hash_table_unref(manager->by_unit);
    g_hash_table_unref(manager->looked);
    g_hash_table_unref(manager->by_socket);
    g_hash_table_unref(manager->dismissed);
    adoption_end_free(manager->adoption_end);
    rpc_server_free(manager->rpc);
    web_free(manager->web);
    pump_free(manager->pump);
    systemd_free(manager->systemd);
    store_free(manager->store);
    server_sockets_free(manager->sockets);
    fd_store_free(manager->fd_store);
    g_free(manager->former_unit);
    g_free(manager->own_unit);
    tick_free(manager->tick);
    event_bus_free(manager->events);
    g_clear_pointer(&manager->plan, plan_unref);
    config_unref(manager->config);
    if (manager->lock >= 0)
        close(manager->lock);
    sd_event_unref(manager->event);
    g_free(manager->failure_message);
    g_free(manager->runtime_directory);
    g_free(manager->working_directory);
    g_free(manager->libexecdir);
    g_free(manager);
}

int manager_run(Manager *manager, ManagerOutcome *ret_outcome, char **ret_message)
{
    int r = manager_look(manager);
    if (r >= 0)
        r = sd_event_loop(manager->event);
    if (r >= 0)
        r = manager->failure;
    if (r < 0) {
        *ret_message = g_strdup(manager->failure_message ? manager->failure_message : g_strerror(-r));
        return r;
    }
    crash_pause_forget(manager->runtime_directory);
    *ret_outcome = manager->state == DAEMON_RESTARTING ? MANAGER_RESTART : MANAGER_EXIT;
    return 0;
}
