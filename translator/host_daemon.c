#include "translator/host_daemon.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/command.h"
#include "common/process_stat.h"
#include "translator/config.h"
#include "translator/path.h"

#define MOST_ARGUMENTS 65536

void host_daemon_free(HostDaemon *daemon)
{
    if (!daemon)
        return;
    g_free(daemon->configuration);
    g_free(daemon->unit);
    g_strfreev(daemon->arguments);
    g_free(daemon);
}

static void daemon_free(void *data)
{
    host_daemon_free(data);
}

static bool is_called(const char *path, const char *name)
{
    return strcmp(path_basename(path), name) == 0;
}

/* Where the arguments of supervisord begin; NULL when it is no supervisord. Supervisor's is a Python script,
 * so that it may stand behind an interpreter and its options. */
static char **daemon_arguments(char **argv)
{
    for (size_t i = 0; i < 4 && argv[i]; i++) {
        if (is_called(argv[i], "supervisord"))
            return argv + i + 1;
        if (i > 0 && argv[i][0] != '-')
            return NULL;
    }
    return NULL;
}

/* Not an editor of a file of that name, nor what has started supervisord and waits for it (sudo, tini). */
static bool is_python(const char *path)
{
    const char *name = path_basename(path);

    return g_str_has_prefix(name, "python") || g_str_has_prefix(name, "pypy");
}

/* What -c says in any of its forms. */
static const char *named_configuration(char **arguments)
{
    for (size_t i = 0; arguments[i]; i++) {
        if (strcmp(arguments[i], "-c") == 0 || strcmp(arguments[i], "--configuration") == 0)
            return arguments[i + 1];
        if (g_str_has_prefix(arguments[i], "--configuration="))
            return arguments[i] + strlen("--configuration=");
        if (g_str_has_prefix(arguments[i], "-c") && arguments[i][2])
            return arguments[i] + 2;
        if (arguments[i][0] == '-' && arguments[i][1] != '-' && g_str_has_suffix(arguments[i], "c") &&
            arguments[i + 1])
            return arguments[i + 1];
    }
    return NULL;
}

/* Processes */

static char **read_arguments(pid_t pid)
{
    char path[64], text[MOST_ARGUMENTS];
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);

    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    size_t length = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[length] = '\0';
    for (size_t at = 0; at < length; at += strlen(text + at) + 1)
        g_ptr_array_add(argv, g_strdup(text + at));
    g_ptr_array_add(argv, NULL);
    return (char **)g_ptr_array_steal(argv, NULL);
}

static char *read_link(pid_t pid, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, name);

    return g_file_read_link(path, NULL);
}

/* The unit is the last service, scope or slice of the cgroup's path. */
static char *read_unit(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cgroup", (int)pid);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        const char *slash = strrchr(lines[i], '/');
        if (slash && (g_str_has_suffix(slash, ".service") || g_str_has_suffix(slash, ".scope")))
            return g_strdup(slash + 1);
    }
    return NULL;
}

static char *resolve_configuration(const char *named, const char *directory, const char *program)
{
    g_autofree char *tried = NULL;
    char *found = NULL;

    if (named) {
        g_autofree char *joined = path_join(directory ?: "/", named);
        return path_absolute(joined);
    }
    return config_search(program, &found, &tried) < 0 ? NULL : found;
}

/* Our daemon in the background has its arguments and its first directory in a file (bridge/handoff.h):
 * records KEY=VALUE that end in NUL bytes. */
static char **read_handoff(const char *path, char **directory)
{
    g_autofree char *text = NULL;
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    gsize size;

    if (!g_file_get_contents(path, &text, &size, NULL))
        return NULL;
    for (size_t at = 0; at < size; at += strlen(text + at) + 1) {
        const char *record = text + at;
        if (g_str_has_prefix(record, "argument=")) {
            g_ptr_array_add(argv, g_strdup(record + strlen("argument=")));
        } else if (g_str_has_prefix(record, "directory=")) {
            g_free(*directory);
            *directory = g_strdup(record + strlen("directory="));
        }
    }
    if (argv->len == 0)
        return NULL;
    g_ptr_array_add(argv, NULL);
    return (char **)g_ptr_array_steal(argv, NULL);
}

/* Containers have daemons of their own, with files that are not ours to look at. */
static bool is_of_this_host(pid_t pid)
{
    g_autofree char *theirs = read_link(pid, "ns/pid"), *ours = read_link(getpid(), "ns/pid");

    return !theirs || g_strcmp0(theirs, ours) == 0;
}

static void look_at_process(GPtrArray *daemons, pid_t pid)
{
    g_auto(GStrv) argv = read_arguments(pid);
    char **arguments = argv ? daemon_arguments(argv) : NULL;
    if (!arguments || (arguments > argv + 1 && !is_python(argv[0])) || !is_of_this_host(pid))
        return;

    g_autofree char *directory = read_link(pid, "cwd"), *executable = read_link(pid, "exe");
    g_auto(GStrv) handed = NULL;
    if (arguments[0] && strcmp(arguments[0], "--handoff") == 0 && arguments[1]) {
        handed = read_handoff(arguments[1], &directory);
        arguments = handed ? handed + 1 : arguments;
    }
    HostDaemon *daemon = g_new0(HostDaemon, 1);
    daemon->pid = pid;
    daemon->unit = read_unit(pid);
    daemon->arguments = g_strdupv(arguments);
    daemon->configuration = resolve_configuration(named_configuration(arguments), directory, arguments[-1]);
    /* Ours is its own executable, the other one's is Python. */
    daemon->ours = executable && is_called(executable, "supervisord");
    g_ptr_array_add(daemons, daemon);
}

static void look_at_processes(GPtrArray *daemons)
{
    DIR *directory = opendir("/proc");
    if (!directory)
        return;

    for (struct dirent *entry; (entry = readdir(directory));) {
        guint64 pid;
        if (g_ascii_string_to_unsigned(entry->d_name, 10, 1, G_MAXINT32, &pid, NULL) &&
            (pid_t)pid != getpid())
            look_at_process(daemons, (pid_t)pid);
    }
    (void)closedir(directory);
}

/* Units */

static bool is_known(const GPtrArray *daemons, const char *unit)
{
    for (size_t i = 0; i < daemons->len; i++) {
        if (g_strcmp0(((HostDaemon *)daemons->pdata[i])->unit, unit) == 0)
            return true;
    }
    return false;
}

static void look_at_line(GPtrArray *daemons, const char *unit, const char *command)
{
    g_auto(GStrv) argv = NULL;

    /* Prefixes of systemd's before the path. */
    if (command_split(command + strspn(command, "@-:+!"), &argv) != COMMAND_OK)
        return;
    char **arguments = daemon_arguments(argv);
    if (!arguments)
        return;
    HostDaemon *daemon = g_new0(HostDaemon, 1);
    daemon->unit = g_strdup(unit);
    daemon->configuration = resolve_configuration(named_configuration(arguments), "/", arguments[-1]);
    g_ptr_array_add(daemons, daemon);
}

static void look_at_unit(GPtrArray *daemons, const char *directory, const char *unit)
{
    g_autofree char *path = g_build_filename(directory, unit, NULL), *text = NULL;

    if (is_known(daemons, unit) || !g_file_get_contents(path, &text, NULL, NULL) ||
        !strstr(text, "supervisord"))
        return;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        if (g_str_has_prefix(lines[i], "ExecStart="))
            look_at_line(daemons, unit, lines[i] + strlen("ExecStart="));
    }
}

static void look_at_units(GPtrArray *daemons)
{
    static const char *const places[] = {"/etc/systemd/system", "/run/systemd/system",
                                         "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                         "/lib/systemd/system"};

    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autoptr(GDir) directory = g_dir_open(places[i], 0, NULL);
        for (const char *name; directory && (name = g_dir_read_name(directory));) {
            if (g_str_has_suffix(name, ".service"))
                look_at_unit(daemons, places[i], name);
        }
    }
}

static bool is_child_of_any(const GPtrArray *daemons, const HostDaemon *daemon)
{
    ProcessStat stat;

    if (process_stat_read(daemon->pid, &stat) < 0)
        return false;
    for (size_t i = 0; i < daemons->len; i++) {
        const HostDaemon *other = daemons->pdata[i];
        if (other->pid == stat.parent)
            return true;
    }
    return false;
}

/* A program that the daemon is about to execute still looks like the daemon. */
static void drop_children(GPtrArray *daemons)
{
    for (unsigned i = daemons->len; i > 0; i--) {
        if (is_child_of_any(daemons, g_ptr_array_index(daemons, i - 1)))
            g_ptr_array_remove_index(daemons, i - 1);
    }
}

GPtrArray *host_daemon_find(void)
{
    GPtrArray *daemons = g_ptr_array_new_with_free_func(daemon_free);

    look_at_processes(daemons);
    drop_children(daemons);
    look_at_units(daemons);
    return daemons;
}

int host_daemon_configuration(const GPtrArray *daemons, const char *program, char **ret_path,
                              char **ret_tried)
{
    for (size_t i = 0; i < daemons->len; i++) {
        const HostDaemon *daemon = daemons->pdata[i];
        if (daemon->configuration && access(daemon->configuration, F_OK) == 0) {
            *ret_path = g_strdup(daemon->configuration);
            return 0;
        }
    }
    return config_search(program, ret_path, ret_tried);
}
