#include "bridge/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/launch_spec.h"
#include "translator/mapping.h"
#include "translator/service_environment.h"

static const char *const companions[] = {"", LAUNCH_SPEC_FAILURES, LAUNCH_SPEC_SPAWNERR, LAUNCH_SPEC_FATAL,
                                         LAUNCH_SPEC_ENDED};
static const char *const fifos[] = {"stdin", "stdout", "stderr"};

char *launch_fifo_path(const PlannedProcess *process, const LaunchContext *context, const char *stream)
{
    return g_strdup_printf("%s/log/%s.%s", context->runtime_directory, process->file_stem, stream);
}

static char *companion_path(const PlannedProcess *process, const LaunchContext *context, const char *suffix)
{
    g_autofree char *spec = mapping_spec_path(process, context->runtime_directory);
    return g_strconcat(spec, suffix, NULL);
}

static const char *find_variable(const ProcessConfig *config, const char *name)
{
    for (size_t i = 0; i < config->environment_count; i++) {
        if (strcmp(config->environment[i].name, name) == 0)
            return config->environment[i].value;
    }
    return NULL;
}

char *launch_search_path(const ProcessConfig *config, const LaunchContext *context)
{
    const char *path = find_variable(config, "PATH");
    if (path)
        return g_strdup(path);
    path = g_environ_getenv(context->environment, "PATH");
    return g_strdup(path && *path ? path : "/bin:/usr/bin:/usr/local/bin");
}

/* The oracle's order: the daemon's environment, its own four variables over that, the configured ones over
 * everything. */
static char **make_environment(const PlannedProcess *process, const LaunchContext *context)
{
    const ProcessConfig *config = process->config;
    const char *serverurl = config->serverurl ? config->serverurl : context->serverurl;
    char **environment = g_strdupv(context->environment);

    environment = service_environment_forget(environment);
    environment = g_environ_setenv(environment, "SUPERVISOR_ENABLED", "1", TRUE);
    if (serverurl)
        environment = g_environ_setenv(environment, "SUPERVISOR_SERVER_URL", serverurl, TRUE);
    environment = g_environ_setenv(environment, "SUPERVISOR_PROCESS_NAME", config->name, TRUE);
    environment = g_environ_setenv(environment, "SUPERVISOR_GROUP_NAME", process->group->config->name, TRUE);
    for (size_t i = 0; i < config->environment_count; i++)
        environment =
            g_environ_setenv(environment, config->environment[i].name, config->environment[i].value, TRUE);
    return environment;
}

bool launch_owner(const ProcessConfig *config, const LaunchContext *context, uid_t *ret)
{
    if (geteuid() != 0 || (!config->has_uid && !context->has_user))
        return false;
    *ret = config->has_uid ? config->uid : context->uid;
    return true;
}

static int make_stdin(const PlannedProcess *process, const LaunchContext *context)
{
    g_autofree char *path = launch_fifo_path(process, context, "stdin");
    uid_t owner;

    /* A pipe to the daemon, without a name. */
    if (process->config->kind == PROGRAM_EVENTLISTENER)
        return 0;
    if (mkfifo(path, 0600) < 0 && errno != EEXIST)
        return -errno;
    if (launch_owner(process->config, context, &owner) && lchown(path, owner, (gid_t)-1) < 0)
        return -errno;
    return 0;
}

/* A property of the unit is nearer to the program than minfds and minprocs of the daemon. */
static struct rlimit limit_unless_set(const ProcessConfig *config, const char *property, struct rlimit limit)
{
    for (size_t i = 0; i < config->setting_count; i++) {
        if (strcmp(config->settings[i].kind->name, property) == 0)
            return (struct rlimit){0};
    }
    return limit;
}

static int write_spec(const PlannedProcess *process, const LaunchContext *context, const char *path)
{
    const ProcessConfig *config = process->config;
    g_autofree char *search_path = launch_search_path(config, context);
    g_autofree char *stdin_path = launch_fifo_path(process, context, "stdin");
    g_autofree char *stdout_path = launch_fifo_path(process, context, "stdout");
    g_autofree char *stderr_path = launch_fifo_path(process, context, "stderr");
    g_auto(GStrv) environment = make_environment(process, context);
    g_autofree char *user = config->has_uid ? g_strdup_printf("%u", (unsigned)config->uid) : NULL;
    bool socket = process->group->socket_unit;
    g_autofree char *daemon_user = context->has_user ? g_strdup_printf("%u", (unsigned)context->uid) : NULL;

    return launch_spec_write(path,
                             &(LaunchSpec){
                                 .unit = process->unit,
                                 .user_manager = context->user_manager,
                                 .process_name = config->name,
                                 .command = config->command,
                                 .search_path = search_path,
                                 .base_directory = context->working_directory,
                                 .directory = config->directory,
                                 .daemon_user = daemon_user,
                                 .user = user,
                                 .umask = config->has_umask ? config->umask : context->umask,
                                 .open_files = limit_unless_set(config, "LimitNOFILE", context->open_files),
                                 .processes = limit_unless_set(config, "LimitNPROC", context->processes),
                                 .redirect_stderr = config->redirect_stderr,
                                 .socket = socket ? process->group->config->socket.url : NULL,
                                 .stdin_path = socket ? NULL : stdin_path,
                                 .stdout_path = stdout_path,
                                 .stderr_path = config->redirect_stderr ? NULL : stderr_path,
                                 .startsecs = config->startsecs,
                                 .startretries = config->startretries,
                                 .environment = (const char *const *)environment,
                                 .manager_environment = (const char *const *)context->manager_environment,
                             });
}

int launch_prepare(const PlannedProcess *process, const LaunchContext *context, unsigned failures)
{
    g_autofree char *path = mapping_spec_path(process, context->runtime_directory);
    g_autofree char *spawnerr = companion_path(process, context, LAUNCH_SPEC_SPAWNERR);
    g_autofree char *fatal = companion_path(process, context, LAUNCH_SPEC_FATAL);
    g_autofree char *ended = companion_path(process, context, LAUNCH_SPEC_ENDED);

    (void)unlink(spawnerr);
    (void)unlink(fatal);
    (void)unlink(ended);
    int r = process->group->socket_unit ? 0 : make_stdin(process, context);
    if (r < 0)
        return r;
    r = launch_spec_write_failures(path, failures);
    if (r < 0)
        return r;
    return write_spec(process, context, path);
}

char *launch_read_spawn_error(const PlannedProcess *process, const LaunchContext *context)
{
    g_autofree char *path = companion_path(process, context, LAUNCH_SPEC_SPAWNERR);
    char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

bool launch_is_fatal(const PlannedProcess *process, const LaunchContext *context)
{
    g_autofree char *path = companion_path(process, context, LAUNCH_SPEC_FATAL);
    return access(path, F_OK) == 0;
}

unsigned launch_read_failures(const PlannedProcess *process, const LaunchContext *context)
{
    g_autofree char *path = mapping_spec_path(process, context->runtime_directory);
    return launch_spec_read_failures(path);
}

bool launch_read_end(const PlannedProcess *process, const LaunchContext *context, int *ret_status,
                     double *ret_time)
{
    g_autofree char *path = companion_path(process, context, LAUNCH_SPEC_ENDED);
    g_autofree char *text = NULL;
    struct stat status;
    gint64 number;

    if (stat(path, &status) < 0 || !g_file_get_contents(path, &text, NULL, NULL) ||
        !g_ascii_string_to_signed(text, 10, -1, 255, &number, NULL))
        return false;
    *ret_status = (int)number;
    *ret_time = (double)status.st_mtim.tv_sec + (double)status.st_mtim.tv_nsec / 1e9;
    return true;
}

void launch_remove_files(const PlannedProcess *process, const LaunchContext *context)
{
    for (size_t i = 0; i < G_N_ELEMENTS(companions); i++) {
        g_autofree char *path = companion_path(process, context, companions[i]);
        (void)unlink(path);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(fifos); i++) {
        g_autofree char *path = launch_fifo_path(process, context, fifos[i]);
        (void)unlink(path);
    }
}
