#include "translator/legacy.h"

#include <errno.h>
#include <string.h>

#define DAEMON_GROUP "daemon"

static const char *const log_keys[STREAM_COUNT] = {
    [STREAM_STDOUT] = "stdout_logfile",
    [STREAM_STDERR] = "stderr_logfile",
};

static void process_free(void *data)
{
    LegacyProcess *process = data;

    g_free(process->group);
    g_free(process->name);
    g_free(process->spawnerr);
    for (int stream = 0; stream < STREAM_COUNT; stream++)
        g_free(process->logfiles[stream]);
    g_free(process);
}

LegacyDaemon *legacy_daemon_new(void)
{
    LegacyDaemon *daemon = g_new0(LegacyDaemon, 1);
    daemon->processes = g_ptr_array_new_with_free_func(process_free);
    return daemon;
}

void legacy_daemon_free(LegacyDaemon *daemon)
{
    if (!daemon)
        return;
    g_free(daemon->identifier);
    g_ptr_array_unref(daemon->processes);
    g_free(daemon);
}

LegacyProcess *legacy_daemon_add(LegacyDaemon *daemon, const char *group, const char *name)
{
    LegacyProcess *process = g_new0(LegacyProcess, 1);

    process->group = g_strdup(group);
    process->name = g_strdup(name);
    process->spawnerr = g_strdup("");
    for (int stream = 0; stream < STREAM_COUNT; stream++)
        process->logfiles[stream] = g_strdup("");
    g_ptr_array_add(daemon->processes, process);
    return process;
}

const LegacyProcess *legacy_daemon_find(const LegacyDaemon *daemon, const char *group, const char *name)
{
    for (unsigned i = 0; i < daemon->processes->len; i++) {
        const LegacyProcess *process = g_ptr_array_index(daemon->processes, i);
        if (strcmp(process->group, group) == 0 && strcmp(process->name, name) == 0)
            return process;
    }
    return NULL;
}

/* Writing
 * -------------------------------------------------------------------------------------------------------- */

static void put_process(GKeyFile *file, unsigned number, const LegacyProcess *process)
{
    g_autofree char *section = g_strdup_printf("process %u", number);

    g_key_file_set_string(file, section, "group", process->group);
    g_key_file_set_string(file, section, "name", process->name);
    g_key_file_set_integer(file, section, "state", (int)process->state);
    g_key_file_set_integer(file, section, "pid", process->pid);
    g_key_file_set_int64(file, section, "start", process->start);
    g_key_file_set_int64(file, section, "stop", process->stop);
    g_key_file_set_integer(file, section, "exitstatus", process->exitstatus);
    g_key_file_set_string(file, section, "spawnerr", process->spawnerr);
    for (int stream = 0; stream < STREAM_COUNT; stream++)
        g_key_file_set_string(file, section, log_keys[stream], process->logfiles[stream]);
}

int legacy_daemon_write(const LegacyDaemon *daemon, const char *path)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;

    g_key_file_set_integer(file, DAEMON_GROUP, "pid", daemon->pid);
    g_key_file_set_string(file, DAEMON_GROUP, "identifier", daemon->identifier ? daemon->identifier : "");
    for (unsigned i = 0; i < daemon->processes->len; i++)
        put_process(file, i, g_ptr_array_index(daemon->processes, i));
    gsize size = 0;
    g_autofree char *text = g_key_file_to_data(file, &size, NULL);
    if (g_file_set_contents_full(path, text, (gssize)size, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
        return 0;
    return error->domain == G_FILE_ERROR && error->code == G_FILE_ERROR_NOSPC ? -ENOSPC : -EIO;
}

/* Reading
 * -------------------------------------------------------------------------------------------------------- */

static char *get_text(GKeyFile *file, const char *section, const char *key)
{
    char *text = g_key_file_get_string(file, section, key, NULL);
    return text ? text : g_strdup("");
}

static bool get_process(GKeyFile *file, const char *section, LegacyDaemon *daemon)
{
    g_autofree char *group = get_text(file, section, "group"), *name = get_text(file, section, "name");

    if (!*group || !*name)
        return false;
    LegacyProcess *process = legacy_daemon_add(daemon, group, name);
    process->state = (ProcessState)g_key_file_get_integer(file, section, "state", NULL);
    process->pid = g_key_file_get_integer(file, section, "pid", NULL);
    process->start = g_key_file_get_int64(file, section, "start", NULL);
    process->stop = g_key_file_get_int64(file, section, "stop", NULL);
    process->exitstatus = g_key_file_get_integer(file, section, "exitstatus", NULL);
    g_free(process->spawnerr);
    process->spawnerr = get_text(file, section, "spawnerr");
    for (int stream = 0; stream < STREAM_COUNT; stream++) {
        g_free(process->logfiles[stream]);
        process->logfiles[stream] = get_text(file, section, log_keys[stream]);
    }
    return process->pid >= 0;
}

int legacy_daemon_read(const char *path, LegacyDaemon **ret)
{
    g_autoptr(LegacyDaemon) daemon = legacy_daemon_new();
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;

    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &error))
        return error->domain == G_FILE_ERROR && error->code == G_FILE_ERROR_NOENT ? -ENOENT : -EBADMSG;
    daemon->pid = g_key_file_get_integer(file, DAEMON_GROUP, "pid", NULL);
    daemon->identifier = get_text(file, DAEMON_GROUP, "identifier");
    if (daemon->pid <= 0)
        return -EBADMSG;
    g_auto(GStrv) sections = g_key_file_get_groups(file, NULL);
    for (char **section = sections; *section; section++) {
        if (strcmp(*section, DAEMON_GROUP) != 0 && !get_process(file, *section, daemon))
            return -EBADMSG;
    }
    *ret = g_steal_pointer(&daemon);
    return 0;
}
