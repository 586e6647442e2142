#include "bridge/dropin_file.h"

#include <dirent.h>
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "translator/dropin.h"

int dropin_file_write(const PlannedProcess *process, const MappingContext *context)
{
    g_autofree char *path = dropin_path(process->unit, context->user_manager);
    g_autofree char *directory = g_path_get_dirname(path);
    g_autofree char *text = dropin_format(process, context);

    if (!text) {
        dropin_file_remove(process->unit, context->user_manager);
        return 0;
    }
    if (g_mkdir_with_parents(directory, 0755) < 0 || chmod(directory, 0755) < 0)
        return -errno;
    if (!g_file_set_contents(path, text, -1, NULL))
        return -EIO;
    return chmod(path, 0644) < 0 ? -errno : 0;
}

void dropin_file_remove(const char *unit, bool user_manager)
{
    g_autofree char *path = dropin_path(unit, user_manager);
    g_autofree char *directory = g_path_get_dirname(path);

    (void)unlink(path);
    /* Somebody else may have put a file of his own there. */
    (void)rmdir(directory);
}

void dropin_file_sweep(const char *prefix, bool user_manager,
                       bool (*wanted)(const char *unit, void *userdata), void *userdata)
{
    g_autofree char *path = dropin_path(prefix, user_manager);
    g_autofree char *own = g_path_get_dirname(path);
    g_autofree char *base = g_path_get_dirname(own);
    g_autofree char *beginning = g_strconcat(prefix, ":", NULL);
    GDir *directory = g_dir_open(base, 0, NULL);

    for (const char *name; directory && (name = g_dir_read_name(directory));) {
        if (!g_str_has_prefix(name, beginning) || !g_str_has_suffix(name, ".d"))
            continue;
        g_autofree char *unit = g_strndup(name, strlen(name) - strlen(".d"));
        if (!wanted(unit, userdata))
            dropin_file_remove(unit, user_manager);
    }
    if (directory)
        g_dir_close(directory);
}
