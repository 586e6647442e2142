#include "translator/unit_reading.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "translator/service_environment.h"

static char *unit_path(const char *directory, size_t index)
{
    g_autofree char *name = g_strdup_printf("%zu.service", index);
    return g_build_filename(directory, name, NULL);
}

static int write_units(const char *directory, char *const *texts)
{
    for (size_t i = 0; texts[i]; i++) {
        g_autofree char *path = unit_path(directory, i);
        if (!g_file_set_contents(path, texts[i], -1, NULL))
            return -EIO;
    }
    return 0;
}

static void remove_units(const char *directory, char *const *texts)
{
    for (size_t i = 0; texts[i]; i++) {
        g_autofree char *path = unit_path(directory, i);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}

/* The directory is all that systemd-analyze sees: what the host's units say does not matter here. It plays a
 * manager (254 at least), which tells NOTIFY_SOCKET that it is ready: not in the daemon's name. */
static char **make_environment(const char *directory)
{
    char **environment = service_environment_forget(g_get_environ());

    environment = g_environ_setenv(environment, "SYSTEMD_UNIT_PATH", directory, TRUE);
    environment = g_environ_setenv(environment, "SYSTEMD_LOG_TARGET", "console", TRUE);
    environment = g_environ_setenv(environment, "SYSTEMD_LOG_LEVEL", "info", TRUE);
    environment = g_environ_setenv(environment, "SYSTEMD_LOG_COLOR", "0", TRUE);
    environment = g_environ_setenv(environment, "SYSTEMD_LOG_TIME", "0", TRUE);
    environment = g_environ_setenv(environment, "SYSTEMD_LOG_LOCATION", "0", TRUE);
    return g_environ_setenv(environment, "LC_ALL", "C", TRUE);
}

static int run_analyze(const char *directory, char *const *texts, bool user_manager, char **ret_output)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) environment = make_environment(directory);
    GSpawnFlags flags = G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL;

    g_ptr_array_add(argv, g_strdup("systemd-analyze"));
    g_ptr_array_add(argv, g_strdup(user_manager ? "--user" : "--system"));
    g_ptr_array_add(argv, g_strdup("--man=no"));
    g_ptr_array_add(argv, g_strdup("verify"));
    for (size_t i = 0; texts[i]; i++)
        g_ptr_array_add(argv, unit_path(directory, i));
    g_ptr_array_add(argv, NULL);
    /* Its exit status says nothing more than its messages. */
    return g_spawn_sync(directory, (char **)argv->pdata, environment, flags, NULL, NULL, NULL, ret_output,
                        NULL, NULL)
               ? 0
               : -ENOENT;
}

/* "DIRECTORY/7.service:12: Invalid memory limit '512Q', ignoring: Invalid argument". What has no such
 * beginning is about the host, as a command that is not there. */
static void tell_line(const char *directory, const char *line, size_t count, UnitReadingTell tell,
                      void *userdata)
{
    size_t length = strlen(directory);
    char *end;

    if (strncmp(line, directory, length) != 0 || line[length] != '/')
        return;
    unsigned long long text = g_ascii_strtoull(line + length + 1, &end, 10);
    if (text >= count || !g_str_has_prefix(end, ".service:"))
        return;
    unsigned long long number = g_ascii_strtoull(end + strlen(".service:"), &end, 10);
    if (g_str_has_prefix(end, ": "))
        tell((size_t)text, (unsigned)number, end + 2, userdata);
}

int unit_reading_check(char *const *texts, bool user_manager, UnitReadingTell tell, void *userdata)
{
    g_autofree char *directory = g_dir_make_tmp("supersede-XXXXXX", NULL);
    g_autofree char *output = NULL;

    if (!directory)
        return -EIO;
    int r = write_units(directory, texts);
    if (r >= 0)
        r = run_analyze(directory, texts, user_manager, &output);
    remove_units(directory, texts);
    if (r < 0)
        return r;
    size_t count = g_strv_length((char **)texts);
    g_auto(GStrv) lines = g_strsplit(output ?: "", "\n", -1);
    for (size_t i = 0; lines[i]; i++)
        tell_line(directory, lines[i], count, tell, userdata);
    return 0;
}
