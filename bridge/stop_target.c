#include "bridge/stop_target.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "translator/dropin.h"
#include "translator/unitname.h"

static char *units_directory(bool user_manager)
{
    g_autofree char *dropin = dropin_path("x", user_manager);
    g_autofree char *unit = g_path_get_dirname(dropin);
    return g_path_get_dirname(unit);
}

static char *target_text(const PlannedGroup *group, const PlannedGroup *below, const char *bridge_unit)
{
    GString *out = g_string_new("# Written by supervisord.\n[Unit]\n");

    g_string_append_printf(out, "Description=Supervisor programs of priority %" G_GINT64_FORMAT "\n",
                           group->config->priority);
    g_string_append_printf(out, "After=%s\n", bridge_unit);
    /* Wanted as well, so that the chain has no gap where a priority has no program that runs. */
    if (below)
        g_string_append_printf(out, "After=%s\nWants=%s\n", below->target, below->target);
    g_string_append(out, "StopWhenUnneeded=yes\n");
    return g_string_free(out, FALSE);
}

int stop_target_write(const Plan *plan, const char *bridge_unit, bool user_manager)
{
    g_autofree char *directory = units_directory(user_manager);
    const PlannedGroup *below = NULL;

    if (g_mkdir_with_parents(directory, 0755) < 0)
        return -errno;
    for (size_t i = 0; i < plan_group_count(plan); i++) {
        const PlannedGroup *group = plan_group(plan, i);
        if (i > 0 && group->target == plan_group(plan, i - 1)->target)
            continue;
        g_autofree char *path = g_build_filename(directory, group->target, NULL);
        g_autofree char *text = target_text(group, below, bridge_unit);
        below = group;
        if (!g_file_set_contents(path, text, -1, NULL) || chmod(path, 0644) < 0)
            return -EIO;
    }
    return 0;
}

void stop_target_remove(const char *identifier, bool user_manager)
{
    g_autofree char *base = units_directory(user_manager);
    g_autofree char *escaped = unitname_escape_if_needed(identifier);
    g_autofree char *prefix = g_strconcat(escaped, "-priority-", NULL);
    GDir *directory = g_dir_open(base, 0, NULL);

    for (const char *name; directory && (name = g_dir_read_name(directory));) {
        g_autofree char *path = g_build_filename(base, name, NULL);
        if (g_str_has_prefix(name, prefix) && g_str_has_suffix(name, ".target"))
            (void)unlink(path);
    }
    if (directory)
        g_dir_close(directory);
}
