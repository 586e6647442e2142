#include "translator/export_service.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "common/command.h"
#include "common/signal_name.h"
#include "translator/known_program.h"
#include "translator/path.h"
#include "translator/text.h"
#include "translator/value.h"

/* What PID 1 gives a service without being asked. */
#define DEFAULT_OPEN_FILES 1024
#define HARD_OPEN_FILES    524288
#define DEFAULT_PROCESSES  200
#define DEFAULT_UMASK      022

typedef struct Maker {
    const PlannedProcess *process;
    const ProcessConfig *config;
    const DaemonConfig *daemon;
    const ExportService *names;
    const ExportHost *host;
    ExportUnit *unit;
    char **argv;
} Maker;

char *export_service_path(const DaemonConfig *daemon, const char *path)
{
    g_autofree char *joined = path_join(daemon->directory ?: "/", path);

    return path_absolute(joined);
}

bool export_service_is_terminal(const char *path)
{
    static const char *const terminals[] = {
        "/dev/stdout",  "/dev/stderr",  "/dev/tty",        "/dev/console",    "/dev/fd/1", "/dev/fd/2",
        "/proc/1/fd/1", "/proc/1/fd/2", "/proc/self/fd/1", "/proc/self/fd/2", NULL};

    return g_strv_contains(terminals, path);
}

static const char *find_variable(const ProcessConfig *config, const char *name)
{
    for (size_t i = 0; i < config->environment_count; i++) {
        if (strcmp(config->environment[i].name, name) == 0)
            return config->environment[i].value;
    }
    return NULL;
}

/* [Unit] */

/* systemd counts every start within the interval, Supervisor only those that failed one after the other. The
 * interval is as long as so many starts in a row may take. */
static void add_start_limit(Maker *maker)
{
    int64_t startsecs = CLAMP(maker->config->startsecs, 0, G_MAXINT32);
    int64_t burst = CLAMP(maker->config->startretries, 0, G_MAXINT32 - 1) + 1;

    if (startsecs == 0 || maker->config->autorestart == AUTORESTART_NEVER) {
        if (startsecs == 0)
            export_unit_add(maker->unit, "Unit", "StartLimitIntervalSec", "0");
        return;
    }
    export_unit_add_format(maker->unit, "Unit", "StartLimitIntervalSec", "%" G_GINT64_FORMAT,
                           burst * (startsecs + 1) + 1);
    export_unit_comment(maker->unit,
                        "startsecs=%" G_GINT64_FORMAT ", startretries=%" G_GINT64_FORMAT
                        ": after %" G_GINT64_FORMAT " starts within this time systemd gives up until "
                        "systemctl reset-failed; Supervisor counts only starts that failed in a row.",
                        maker->config->startsecs, maker->config->startretries, burst);
    export_unit_add_format(maker->unit, "Unit", "StartLimitBurst", "%" G_GINT64_FORMAT, burst);
}

static void add_unit_section(Maker *maker)
{
    ExportUnit *unit = maker->unit;

    export_unit_add_plain(unit, "Unit", "Description", maker->process->namespec);
    /* The manager of a user has no such target, and starts after it. */
    if (!maker->host->user_manager)
        export_unit_add(unit, "Unit", "After", "network.target");
    if (maker->names->target)
        export_unit_add(unit, "Unit", "PartOf", maker->names->target);
    if (maker->names->socket) {
        export_unit_add(unit, "Unit", "Requires", maker->names->socket);
        export_unit_add(unit, "Unit", "After", maker->names->socket);
    }
    add_start_limit(maker);
}

/* ExecStart */

/* systemd refuses paths with quotes, backslashes and control characters in them, and reads some characters in
 * front of a path as its own. */
static bool is_plain_path(const char *path)
{
    for (const char *p = path; *p; p++) {
        if (g_ascii_iscntrl(*p) || strchr("\"'\\", *p))
            return false;
    }
    return !strchr("@-:+!|", *path) && g_utf8_validate(path, -1, NULL) && !g_str_has_suffix(path, "/");
}

static char *program_path(const Maker *maker)
{
    const char *name = maker->argv[0], *search_path = find_variable(maker->config, "PATH");

    if (*name == '/')
        return g_strdup(name);
    if (strchr(name, '/')) {
        g_autofree char *base = export_service_path(maker->daemon, maker->config->directory ?: ".");
        g_autofree char *joined = path_join(base, name);
        return path_absolute(joined);
    }
    char *found = maker->host->find_program(name, search_path);
    return found ?: g_strdup(name);
}

static void add_arguments(Maker *maker, const char *path)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();

    if (!is_plain_path(path)) {
        g_ptr_array_add(argv, (void *)"/bin/sh");
        g_ptr_array_add(argv, (void *)"-c");
        g_ptr_array_add(argv, (void *)"exec \"$0\" \"$@\"");
    }
    g_ptr_array_add(argv, (void *)path);
    for (size_t i = 1; maker->argv[i]; i++)
        g_ptr_array_add(argv, maker->argv[i]);
    g_ptr_array_add(argv, NULL);
    export_unit_add_command(maker->unit, "ExecStart", (const char *const *)argv->pdata);
}

static void comment_command(Maker *maker, const char *path)
{
    const char *advice = known_program_daemonises((const char *const *)maker->argv);

    if (strchr(maker->argv[0], '/') && *maker->argv[0] != '/')
        export_unit_comment(maker->unit, "The command was relative (%s).", maker->argv[0]);
    if (*path != '/')
        export_unit_comment(maker->unit,
                            "%s is not on this host; give its path if it is in an unusual place.", path);
    if (advice)
        export_unit_comment(maker->unit,
                            "This program probably goes into the background, where neither Supervisor nor a "
                            "service of this type follows it: %s.",
                            advice);
    if (known_program_needs_supervisor((const char *const *)maker->argv))
        export_unit_comment(maker->unit, "This command needs a running supervisord: use systemctl instead.");
}

static void add_command(Maker *maker)
{
    bool proxied = known_program_is_pidproxy((const char *const *)maker->argv);

    if (proxied) {
        g_autofree char *pidfile = g_steal_pointer(&maker->argv[1]), *pidproxy = maker->argv[0];
        memmove(maker->argv, maker->argv + 2, (g_strv_length(maker->argv + 2) + 1) * sizeof(char *));
        (void)pidproxy;
        g_autofree char *path = program_path(maker);
        add_arguments(maker, path);
        export_unit_comment(
            maker->unit,
            "Without pidproxy: KillMode=control-group signals every process of the service, the "
            "one that %s names among them. If this command goes into the background, use "
            "Type=forking and PIDFile=%s.",
            pidfile, pidfile);
        return;
    }
    g_autofree char *path = program_path(maker);
    add_arguments(maker, path);
    comment_command(maker, path);
}

/* Who and where */

static void add_directory(Maker *maker)
{
    const char *directory = maker->config->directory ?: maker->daemon->directory;

    if (!directory)
        return;
    g_autofree char *path = export_service_path(maker->daemon, directory);
    if (strcmp(path, "/") == 0)
        return;
    export_unit_add_plain(maker->unit, "Service", "WorkingDirectory", path);
    if (*directory != '/')
        export_unit_comment(maker->unit, "It was relative to the daemon's directory (%s).", directory);
}

/* " 1_0 " is the user number 10 to Supervisor. */
static char *user_name(const char *text)
{
    g_autofree char *error = NULL;
    int64_t number;

    if (value_integer(text, &number, &error) >= 0)
        return g_strdup_printf("%" G_GINT64_FORMAT, number);
    return text_stripped(text);
}

static void add_user(Maker *maker)
{
    const char *text = maker->config->user ?: maker->daemon->user;
    g_autofree char *user = text ? user_name(text) : NULL;

    if (!user || maker->host->user_manager || strcmp(user, "root") == 0 || strcmp(user, "0") == 0)
        return;
    export_unit_add_plain(maker->unit, "Service", "User", user);
    if (!find_variable(maker->config, "HOME"))
        export_unit_comment(maker->unit,
                            "systemd sets HOME, USER, LOGNAME and SHELL to this user's; Supervisor "
                            "leaves them as the daemon has them.");
}

static void add_limits(Maker *maker)
{
    mode_t umask = maker->config->has_umask ? maker->config->umask : maker->daemon->umask;
    int64_t files = maker->daemon->minfds;

    if (umask != DEFAULT_UMASK)
        export_unit_add_format(maker->unit, "Service", "UMask", "%04o", (unsigned)umask & 0777);
    if (files > HARD_OPEN_FILES)
        export_unit_add_format(maker->unit, "Service", "LimitNOFILE", "%" G_GINT64_FORMAT, files);
    else if (files > DEFAULT_OPEN_FILES)
        export_unit_add_format(maker->unit, "Service", "LimitNOFILE", "%" G_GINT64_FORMAT ":%d", files,
                               HARD_OPEN_FILES);
    if (maker->daemon->minprocs > DEFAULT_PROCESSES) {
        export_unit_add(maker->unit, "Service", "LimitNPROC", "infinity");
        export_unit_comment(maker->unit, "minprocs=%" G_GINT64_FORMAT " was the least, not a limit.",
                            maker->daemon->minprocs);
    }
}

static bool is_variable_name(const char *name)
{
    return g_regex_match_simple("^[A-Za-z_][A-Za-z0-9_]*$", name, 0, 0);
}

static void add_variable(Maker *maker, const char *name, const char *value)
{
    char *text = g_strdup_printf("%s=%s", name, value);

    if (known_program_is_secret(name, value)) {
        g_ptr_array_add(maker->unit->variables, text);
        return;
    }
    export_unit_add_word(maker->unit, "Service", "Environment", text);
    g_free(text);
}

/* The four that Supervisor sets are only wanted where a command uses them. */
static void add_supervisor_variables(Maker *maker)
{
    if (!strstr(maker->config->command, "SUPERVISOR_"))
        return;
    if (!find_variable(maker->config, "SUPERVISOR_PROCESS_NAME"))
        add_variable(maker, "SUPERVISOR_PROCESS_NAME", maker->config->name);
    if (!find_variable(maker->config, "SUPERVISOR_GROUP_NAME"))
        add_variable(maker, "SUPERVISOR_GROUP_NAME", maker->process->group->config->name);
}

static void add_environment(Maker *maker)
{
    for (size_t i = 0; i < maker->config->environment_count; i++) {
        const EnvironmentVariable *variable = &maker->config->environment[i];
        if (is_variable_name(variable->name))
            add_variable(maker, variable->name, variable->value);
        else
            export_unit_comment(maker->unit, "systemd takes no variable of the name %s.", variable->name);
    }
    add_supervisor_variables(maker);
}

/* Restarts */

static void add_signals(GString *out, int stopsignal)
{
    static const int clean[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE};

    for (size_t i = 0; i < G_N_ELEMENTS(clean); i++)
        g_string_append_printf(out, "%s%s", out->len > 0 ? " " : "", signal_name(clean[i]));
    if (stopsignal > 0 && stopsignal <= SIGSYS && stopsignal != SIGIO &&
        !strstr(out->str, signal_name(stopsignal)))
        g_string_append_printf(out, " %s", signal_name(stopsignal));
}

/* systemd takes ends by these signals for clean ones, Supervisor for unexpected ones. */
static void add_unexpected(Maker *maker)
{
    g_autoptr(GString) success = g_string_new(NULL), force = g_string_new(NULL);
    bool zero_is_expected = false;

    for (size_t i = 0; i < maker->config->exitcode_count; i++) {
        int code = maker->config->exitcodes[i];
        zero_is_expected = zero_is_expected || code == 0;
        if (code > 0 && code <= 255)
            g_string_append_printf(success, "%s%d", success->len > 0 ? " " : "", code);
    }
    if (!zero_is_expected)
        g_string_append_c(force, '0');
    add_signals(force, maker->config->stopsignal);
    export_unit_add(maker->unit, "Service", "Restart", "on-failure");
    export_unit_add(maker->unit, "Service", "RestartForceExitStatus", force->str);
    export_unit_comment(
        maker->unit,
        "Clean ends to systemd, unexpected ones to Supervisor; systemctl stop stops all the same.");
    if (success->len > 0)
        export_unit_add(maker->unit, "Service", "SuccessExitStatus", success->str);
}

/* A stop by a signal that systemd does not take for a clean end would leave the unit failed. */
static void add_stop_success(Maker *maker)
{
    static const int clean[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE};
    int number = maker->config->stopsignal;

    for (size_t i = 0; i < G_N_ELEMENTS(clean); i++) {
        if (number == clean[i])
            return;
    }
    if (number > 0 && number <= SIGSYS && number != SIGIO)
        export_unit_add(maker->unit, "Service", "SuccessExitStatus", signal_name(number));
}

static void add_restart(Maker *maker)
{
    switch (maker->config->autorestart) {
    case AUTORESTART_NEVER:
        export_unit_add(maker->unit, "Service", "Restart", "no");
        if (maker->config->startsecs > 0 && maker->config->startretries > 0)
            export_unit_comment(maker->unit,
                                "Supervisor would try a start that fails within startsecs again.");
        break;
    case AUTORESTART_UNEXPECTED:
        add_unexpected(maker);
        break;
    case AUTORESTART_ALWAYS:
        export_unit_add(maker->unit, "Service", "Restart", "always");
        break;
    }
    if (maker->config->autorestart != AUTORESTART_NEVER)
        export_unit_add(maker->unit, "Service", "RestartSec", "1");
    add_stop_success(maker);
}

static void add_stop(Maker *maker, bool proxied)
{
    bool whole_group = maker->config->stopasgroup || proxied;
    int number = maker->config->stopsignal;

    export_unit_add(maker->unit, "Service", "KillMode", whole_group ? "control-group" : "mixed");
    if (!whole_group && !maker->config->killasgroup)
        export_unit_comment(maker->unit,
                            "Children that are left are killed; Supervisor leaves them running.");
    if (number > SIGSYS) {
        export_unit_add_format(maker->unit, "Service", "KillSignal", "SIGRTMIN+%d", number - SIGRTMIN);
    } else if (number != SIGTERM) {
        /* 0 tells a program nothing, to Supervisor; SIGIO is the name that systemd knows of two. */
        const char *name = number == 0 ? "SIGCONT" : number == SIGIO ? "SIGIO" : signal_name(number);
        export_unit_add(maker->unit, "Service", "KillSignal", name);
    }
    export_unit_add_format(maker->unit, "Service", "TimeoutStopSec", "%" G_GINT64_FORMAT,
                           CLAMP(maker->config->stopwaitsecs, 1, G_MAXINT32));
}

/* Input and output */

static void add_stream(Maker *maker, const char *key, const LogConfig *log)
{
    if (log->kind != LOGFILE_PATH || export_service_is_terminal(log->path)) {
        export_unit_add(maker->unit, "Service", key, "journal");
        if (log->kind == LOGFILE_PATH)
            export_unit_comment(maker->unit, "It was %s, the output of the daemon.", log->path);
        return;
    }
    if (strcmp(log->path, "/dev/null") == 0) {
        export_unit_add(maker->unit, "Service", key, "null");
        return;
    }
    g_autofree char *path = export_service_path(maker->daemon, log->path);
    g_autofree char *value = g_strconcat("append:", path, NULL);
    export_unit_add_plain(maker->unit, "Service", key, value);
    if (*log->path != '/')
        export_unit_comment(maker->unit, "It was relative to the daemon's directory (%s).", log->path);
    if (log->syslog)
        export_unit_comment(maker->unit, "Not to syslog as well: systemd writes to one place.");
}

static void add_output(Maker *maker)
{
    if (maker->names->socket) {
        export_unit_add(maker->unit, "Service", "Sockets", maker->names->socket);
        export_unit_add(maker->unit, "Service", "StandardInput", "socket");
    }
    add_stream(maker, "StandardOutput", &maker->config->log[STREAM_STDOUT]);
    if (maker->config->redirect_stderr)
        export_unit_add(maker->unit, "Service", "StandardError", "inherit");
    else
        add_stream(maker, "StandardError", &maker->config->log[STREAM_STDERR]);
}

/* The configuration's own word for systemd comes last, where it counts. */
static void add_settings(Maker *maker)
{
    for (size_t i = 0; i < maker->config->setting_count; i++) {
        const UnitSetting *setting = &maker->config->settings[i];
        export_unit_add(maker->unit, setting->kind->of_unit ? "Unit" : "Service", setting->kind->name,
                        setting->value);
    }
}

int export_service(const PlannedProcess *process, const DaemonConfig *daemon, const ExportService *names,
                   const ExportHost *host, ExportUnit **ret_unit)
{
    const ProcessConfig *config = process->config;
    g_auto(GStrv) argv = NULL;
    if (command_split(config->command, &argv) != COMMAND_OK)
        return -EINVAL;

    if (!argv[0])
        return -EINVAL;
    bool proxied = known_program_is_pidproxy((const char *const *)argv);
    g_autofree char *heading = g_strdup_printf(EXPORT_UNIT_HEADING "[%s] in %s:%u", config->section,
                                               config->origin.file ?: "-", config->origin.line);
    Maker maker = {.process = process,
                   .config = config,
                   .daemon = daemon,
                   .names = names,
                   .host = host,
                   .unit = export_unit_new(names->name, heading),
                   .argv = argv};
    add_unit_section(&maker);
    export_unit_add(maker.unit, "Service", "Type", "exec");
    export_unit_add(maker.unit, "Service", "Slice", names->slice);
    add_command(&maker);
    add_directory(&maker);
    add_user(&maker);
    add_limits(&maker);
    add_environment(&maker);
    add_restart(&maker);
    add_stop(&maker, proxied);
    add_output(&maker);
    add_settings(&maker);
    *ret_unit = maker.unit;
    return 0;
}
