/* supervisord: from argv to the event loop. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/daemonize.h"
#include "bridge/handoff.h"
#include "bridge/identity.h"
#include "bridge/resource_limits.h"
#include "bridge/main_log.h"
#include "bridge/manager_owner.h"
#include "bridge/settings.h"
#include "build_config.h"
#include "translator/config.h"

#define SETTLING_USEC (5 * G_USEC_PER_SEC)

extern char **environ;

enum { EXIT_USAGE = 2 };

/* libmicrohttpd brings gnutls, which prepares itself for work that it will never have here, when it is loaded
 * and when libmicrohttpd is: more than a megabyte. The first of these is gnutls's own way to say no to it;
 * the second takes the place of the function that libmicrohttpd calls all the same. Nothing here speaks TLS.
 */
int _gnutls_global_init_skip(void);
int gnutls_global_init(void);

int _gnutls_global_init_skip(void)
{
    return 1;
}

int gnutls_global_init(void)
{
    return 0;
}

/* The oracle's two lines on stderr. */
static int usage(const char *program, const char *message)
{
    fprintf(stderr, "Error: %s\nFor help, use %s -h\n", message, program);
    return EXIT_USAGE;
}

/* The service that a daemonising parent started: go on as that parent, in its place, with its arguments. */
static int take_handoff(const char *path, Handoff *handoff, CommandLine *line, char **ret_message)
{
    int r = handoff_read(path, handoff);
    if (r < 0) {
        *ret_message = g_strdup_printf("could not read %s: %s", path, g_strerror(-r));
        return r;
    }
    if (chdir(handoff->directory) < 0) {
        *ret_message = g_strdup_printf("can't chdir into '%s': %s", handoff->directory, g_strerror(errno));
        return -errno;
    }
    umask(handoff->umask);
    /* What systemd tells its services is for us alone, programs inherit the parent's environment. */
    for (size_t i = 0; handoff->environment[i]; i++)
        (void)putenv(handoff->environment[i]);
    command_line_clear(line);
    r = command_line_parse(handoff->arguments, line, ret_message);
    line->handoff = g_strdup(path);
    return r;
}

static int find_configuration(const CommandLine *line, char **ret_path, char **ret_message)
{
    g_autofree char *tried = NULL;

    if (line->configuration) {
        *ret_path = g_strdup(line->configuration);
        return 0;
    }
    if (getuid() == 0)
        fprintf(stderr, "supervisord is running as root and looks for its configuration file in default "
                        "places, its working "
                        "directory among them; give it an absolute path with -c.\n");
    int r = config_search(line->program, ret_path, &tried);
    if (r < 0)
        *ret_message = g_strdup_printf(
            "No config file found at default paths (%s); use the -c option to specify a config file at "
            "a different path",
            tried);
    return r;
}

static int load(const CommandLine *line, Diagnostics *diagnostics, Config **ret, char **ret_message)
{
    g_autofree char *path = NULL;

    int r = find_configuration(line, &path, ret_message);
    if (r < 0)
        return r;
    r = config_load_daemon(path, config_host_real(), diagnostics, ret);
    if (r < 0) {
        const Diagnostic *error = diagnostics_first_error(diagnostics);
        *ret_message = g_strdup(error ? error->text : g_strerror(-r));
    }
    return r;
}

/* Lines that were found before there was a log, in the oracle's order: critical, warnings, information. */
static void tell_findings(MainLog *log, const Settings *settings, const Diagnostics *diagnostics,
                          const GPtrArray *lines)
{
    if (!settings->has_user && getuid() == 0)
        main_log_write(log, LOG_LEVEL_CRITICAL,
                       "Supervisor is running as root.  Privileges were not dropped because no user is "
                       "specified in the config "
                       "file.  If you intend to run as root, you can set user=root in the config file to "
                       "avoid this message.");
    manager_log_diagnostics(log, diagnostics);
    if (settings->has_user)
        main_log_write(log, LOG_LEVEL_INFO, "Set uid to user %u succeeded", (unsigned)settings->uid);
    for (unsigned i = 0; i < lines->len; i++)
        main_log_write(log, LOG_LEVEL_INFO, "%s", (const char *)g_ptr_array_index(lines, i));
}

static int open_log(const Settings *settings, bool daemonized, MainLog **ret, char **ret_message)
{
    int r = main_log_open(
        &(MainLogConfig){
            .path = settings->logfile,
            .maxbytes = settings->logfile_maxbytes,
            .backups = settings->logfile_backups,
            .level = (LogLevel)settings->loglevel,
            .echo = !daemonized && !settings->silent,
        },
        ret);
    if (r < 0)
        *ret_message = g_strdup_printf("could not open log file %s: %s", settings->logfile, g_strerror(-r));
    return r;
}

/* What the oracle's child does between its fork and its loop. */
static void settle_as_daemon(const Settings *settings, MainLog *log)
{
    main_log_write(log, LOG_LEVEL_INFO, "daemonizing the supervisord process");
    if (settings->directory) {
        if (chdir(settings->directory) < 0)
            main_log_write(log, LOG_LEVEL_CRITICAL, "can't chdir into '%s': %s", settings->directory,
                           g_strerror(errno));
        else
            main_log_write(log, LOG_LEVEL_INFO, "set current directory: '%s'", settings->directory);
    }
    umask(settings->umask);
}

/* What was needed to read the configuration and start everything lies in holes between what stays. */
static int on_settled(sd_event_source *source, uint64_t now, void *userdata)
{
    (void)malloc_trim(0);
    return 0;
}

static void trim_when_settled(sd_event *event)
{
    (void)sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, SETTLING_USEC, SETTLING_USEC / 10,
                                     on_settled, NULL);
}

static int run(const CommandLine *line, const Settings *settings, Config *config,
               const Diagnostics *diagnostics, char **environment, ManagerOutcome *ret_outcome,
               char **ret_message)
{
    g_autoptr(MainLog) log = NULL;
    g_autoptr(Manager) manager = NULL;
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    bool daemonized = line->handoff != NULL;
    struct rlimit limit;

    int r = resource_limits_raise(settings, lines, ret_message);
    if (r < 0)
        return r;
    if (settings->has_user)
        r = identity_take(settings->uid);
    if (r < 0) {
        *ret_message = g_strdup("Could not set groups of effective user");
        return r;
    }
    r = open_log(settings, daemonized, &log, ret_message);
    if (r < 0)
        return r;
    tell_findings(log, settings, diagnostics, lines);
    if (daemonized)
        settle_as_daemon(settings, log);
    /* Before anything is taken up: what an earlier daemon has left may be more than the programs' limit. */
    resource_limits_widen(&limit);
    r = manager_new(line, settings, config, log, environment, &limit, &manager, ret_message);
    if (r >= 0) {
        trim_when_settled(manager_event(manager));
        r = manager_run(manager, ret_outcome, ret_message);
    }
    resource_limits_narrow(&limit);
    return r;
}

/* The oracle's restart begins again with everything read anew; so does a new program image. */
static int begin_again(char **argv)
{
    g_autofree char *executable = g_file_read_link("/proc/self/exe", NULL);
    const char *deleted = " (deleted)";

    /* The package was upgraded since: the path leads to the new program. */
    if (executable && g_str_has_suffix(executable, deleted))
        executable[strlen(executable) - strlen(deleted)] = '\0';
    execve(executable ? executable : argv[0], argv, environ);
    fprintf(stderr, "could not restart %s: %s\n", executable ? executable : argv[0], g_strerror(errno));
    return EXIT_FAILURE;
}

static int supervise(char **argv, CommandLine *line, char **environment)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Config) config = NULL;
    g_auto(Settings) settings = {0};
    g_autofree char *message = NULL;
    ManagerOutcome outcome = MANAGER_EXIT;

    int r = load(line, diagnostics, &config, &message);
    if (r >= 0)
        r = settings_make(line, config, &settings, &message);
    if (r < 0)
        return usage(line->program, message);
    if (!settings.nodaemon && !line->handoff)
        return daemonize_run(argv, &settings);
    r = run(line, &settings, config, diagnostics, environment, &outcome, &message);
    if (r < 0) {
        int status = usage(line->program, message);
        /* systemd was executing itself anew: the next try, which systemd makes, will do. */
        bool passing = r == -ENOTCONN || r == -ECONNREFUSED || r == -ECONNRESET;
        return passing && line->handoff ? EXIT_FAILURE : status;
    }
    return outcome == MANAGER_RESTART ? begin_again(argv) : EXIT_SUCCESS;
}

/* glibc raises both with the first large block that is freed, and from then on holds on to what an answer
 * with all processes, or reading the configuration, needed for a moment. */
static void keep_memory_small(void)
{
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    mallopt(M_TRIM_THRESHOLD, 128 << 10);
}

int main(int argc, char **argv)
{
    g_auto(CommandLine) line = {0};
    g_auto(Handoff) handoff = {0};
    g_autofree char *message = NULL;

    keep_memory_small();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    int r = command_line_parse(argv, &line, &message);
    if (r < 0)
        return usage(argv[0], message);
    if (r == COMMAND_LINE_HELP) {
        g_autofree char *help = command_line_help(argv[0]);
        fputs(help, stdout);
        return EXIT_SUCCESS;
    }
    if (r == COMMAND_LINE_VERSION) {
        puts(SUPERVISOR_VERSION);
        return EXIT_SUCCESS;
    }
    /* What programs get: everything as we got it, before anything here touches it. */
    g_auto(GStrv) environment = g_strdupv(environ);
    if (line.handoff) {
        g_autofree char *path = g_strdup(line.handoff);
        if (take_handoff(path, &handoff, &line, &message) < 0)
            return usage(argv[0], message);
        g_strfreev(environment);
        environment = g_strdupv(handoff.environment);
    }
    return supervise(argv, &line, environment);
}
