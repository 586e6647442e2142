#include "bridge/daemonize.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/fd_store.h"
#include "bridge/handoff.h"
#include "bridge/runtime_directory.h"
#include "bridge/systemd_wait.h"
#include "common/install_path.h"
#include "translator/property.h"
#include "translator/service_environment.h"
#include "translator/unitname.h"

extern char **environ;

/* The exit status of a configuration or start that cannot work: trying again would not help. */
enum { EXIT_USAGE = 2 };

/* Programs wait for so long at most when their pipes are full. A daemon that crashes at every start waits
 * longer (bridge/crash_pause.h). */
#define RESTART_USEC ((uint64_t)50 * 1000)
/* The daemon shows a sign of life at half to three quarters of it, and sleeps through all of that when idle.
 */
#define WATCHDOG_USEC ((uint64_t)60 * 1000 * 1000)

static int write_handoff(char *const *argv, const char *path)
{
    g_autofree char *directory = g_get_current_dir();
    g_auto(GStrv) environment = service_environment_forget(g_strdupv(environ));
    mode_t mask = umask(0);

    umask(mask);
    return handoff_write(path, &(Handoff){
                                   .directory = directory,
                                   .umask = mask,
                                   .arguments = (char **)argv,
                                   .environment = environment,
                               });
}

static void add_limits(PropertyList *properties)
{
    static const struct {
        __rlimit_resource_t resource;
        const char *hard;
        const char *soft;
    } limits[] = {
        {RLIMIT_NOFILE, "LimitNOFILE", "LimitNOFILESoft"},
        {RLIMIT_NPROC, "LimitNPROC", "LimitNPROCSoft"},
        {RLIMIT_CORE, "LimitCORE", "LimitCORESoft"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        struct rlimit limit;
        if (getrlimit(limits[i].resource, &limit) < 0)
            continue;
        property_list_add_uint64(properties, limits[i].hard, limit.rlim_max);
        property_list_add_uint64(properties, limits[i].soft, limit.rlim_cur);
    }
}

static PropertyList *make_properties(const char *executable, const char *handoff, const char *slice)
{
    PropertyList *properties = property_list_new();
    const char *const argv[] = {executable, "--handoff", handoff, NULL};
    const int32_t final[] = {EXIT_USAGE};

    property_list_add_string(properties, "Description", "Supervisor process control (supersede)");
    property_list_add_string(properties, "Slice", slice);
    property_list_add_string(properties, "Type", "notify");
    property_list_add_string(properties, "NotifyAccess", "main");
    property_list_add_command(properties, "ExecStart", argv, false);
    /* A crash is mended at once and without limit; programs run on meanwhile. A start that cannot work is not
     * repeated. */
    property_list_add_string(properties, "Restart", "on-failure");
    property_list_add_uint64(properties, "RestartUSec", RESTART_USEC);
    property_list_add_uint64(properties, "StartLimitIntervalUSec", 0);
    property_list_add_exit_status_set(properties, "RestartPreventExitStatus", final, G_N_ELEMENTS(final),
                                      NULL, 0);
    /* A bridge that hangs is killed, also one that is stopped and would not hear of SIGABRT. */
    property_list_add_uint64(properties, "WatchdogUSec", WATCHDOG_USEC);
    property_list_add_int32(properties, "WatchdogSignal", SIGKILL);
    property_list_add_uint32(properties, "FileDescriptorStoreMax", FD_STORE_SERVICE_MAX);
    /* Taking up thousands of units, and stopping them one group after the other, takes as long as it takes.
     */
    property_list_add_uint64(properties, "TimeoutStartUSec", UINT64_MAX);
    property_list_add_uint64(properties, "TimeoutStopUSec", UINT64_MAX);
    property_list_add_uint64(properties, "TasksMax", UINT64_MAX);
    property_list_add_string(properties, "KillMode", "mixed");
    property_list_add_string(properties, "StandardInput", "null");
    property_list_add_string(properties, "StandardOutput", "null");
    add_limits(properties);
    return properties;
}

static int start(const Settings *settings, const char *handoff, int error_fd, char **ret_message)
{
    bool user_manager = geteuid() != 0;
    g_autofree char *identifier = unitname_escape_if_needed(settings->identifier);
    g_autofree char *slice_part = unitname_escape(settings->identifier);
    g_autofree char *slice = g_strconcat(slice_part, ".slice", NULL);
    g_autofree char *executable = g_file_read_link("/proc/self/exe", NULL);
    /* The plain name may be taken by the unit file of a distribution's supervisor package. */
    static const char *const prefixes[] = {"", DAEMONIZE_PREFIX};
    g_autoptr(SystemdWait) systemd = NULL;

    int r = systemd_wait_open(user_manager, &systemd);
    if (r < 0)
        return r;
    r = -EEXIST;
    g_autoptr(PropertyList) properties = make_properties(executable, handoff, slice);
    for (size_t i = 0; i < G_N_ELEMENTS(prefixes) && r == -EEXIST; i++) {
        g_autofree char *unit = g_strconcat(prefixes[i], identifier, ".service", NULL);
        g_clear_pointer(ret_message, g_free);
        r = systemd_wait_run(systemd, unit, properties, error_fd, ret_message);
    }
    return r;
}

/* What the service had to say before it was ready, or failed. It fits into a pipe. */
static void pass_on_messages(int fd)
{
    char buffer[4096];
    ssize_t size;

    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return;
    while ((size = read(fd, buffer, sizeof buffer)) > 0) {
        if (write(STDERR_FILENO, buffer, (size_t)size) < 0)
            return;
    }
}

/* The service gets a pipe of ours for its stderr. The caller's own would stay open in systemd as long as the
 * service lives, and whoever waits for its end (a pipeline, an ssh session) would wait for ever. */
static int start_and_listen(const Settings *settings, const char *handoff, char **ret_message)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    int r = start(settings, handoff, fds[1], ret_message);
    close(fds[1]);
    pass_on_messages(fds[0]);
    close(fds[0]);
    return r;
}

/* Who is not root needs a systemd of his own: `su`, `sudo -u` and cron do not start one. */
static int complain_of_systemd(const char *reason)
{
    if (geteuid() == 0)
        fprintf(stderr,
                "Error: could not become a service of systemd: %s. Without systemd nothing can be supervised "
                "here.\n",
                reason);
    else
        fprintf(
            stderr,
            "Error: could not become a service of this user's own systemd: %s. Start supervisord as root, or "
            "give this user a systemd that stays (loginctl enable-linger USER) and set XDG_RUNTIME_DIR.\n",
            reason);
    return EXIT_USAGE;
}

int daemonize_run(char *const *argv, const Settings *settings)
{
    g_autofree char *directory = NULL, *handoff = NULL, *message = NULL;
    int lock = -1;

    int r = runtime_directory_path(settings->identifier, geteuid() != 0, &directory);
    if (r >= 0)
        r = runtime_directory_prepare(directory, &lock);
    if (r == -EBUSY) {
        fprintf(stderr,
                "Error: another supervisord with the identifier '%s' is running; stop it first, or give this "
                "one a name of "
                "its own (-i NAME, or identifier= in [supervisord])\n",
                settings->identifier);
        return EXIT_USAGE;
    }
    if (r >= 0) {
        handoff = g_build_filename(directory, HANDOFF_FILE, NULL);
        r = write_handoff(argv, handoff);
        close(lock);
    }
    if (r >= 0)
        r = start_and_listen(settings, handoff, &message);
    return r < 0 ? complain_of_systemd(message ? message : g_strerror(-r)) : r;
}
