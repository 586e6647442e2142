#include "bridge/adoption_unit.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

/* The last one counts: zz. ExecStop= is `supervisorctl shutdown` in many of these units, which would be sent
 * to us. */
#define DROPIN "zz-supersede-adoption.conf"
#define DROPIN_TEXT                                                                                          \
    "# Made while supersede takes this unit's programs over; it goes away by itself.\n"                      \
    "[Service]\n"                                                                                            \
    "Restart=no\n"                                                                                           \
    "ExecStop=\n"                                                                                            \
    "ExecStopPost=\n"                                                                                        \
    "KillMode=process\n"                                                                                     \
    "SendSIGKILL=no\n"

/* A service may have control groups of its own below its own (Delegate=). */
char *adoption_unit_of(const char *cgroup, bool user_manager)
{
    /* Below user@UID.service are the units of another manager. */
    const char *user = strstr(cgroup, "/user@"), *below = user ? strchr(user + 1, '/') : NULL;

    if ((user != NULL) != user_manager || (user && !below))
        return g_strdup("");
    g_auto(GStrv) parts = g_strsplit(user ? below : cgroup, "/", -1);
    for (size_t i = g_strv_length(parts); i > 0 && !g_str_has_suffix(parts[i - 1], ".scope"); i--) {
        if (g_str_has_suffix(parts[i - 1], ".service"))
            return g_strdup(parts[i - 1]);
    }
    return g_strdup("");
}

static char *dropin_directory(const char *unit, bool user_manager)
{
    g_autofree char *name = g_strconcat(unit, ".d", NULL);

    return user_manager ? g_build_filename(g_get_user_runtime_dir(), "systemd", "user", name, NULL)
                        : g_build_filename("/run/systemd/system", name, NULL);
}

char *adoption_unit_dropin(const char *unit, bool user_manager)
{
    g_autofree char *directory = dropin_directory(unit, user_manager);
    return g_build_filename(directory, DROPIN, NULL);
}

int adoption_unit_quiet(SystemdWait *systemd, const char *unit, bool user_manager, char **ret_message)
{
    g_autofree char *directory = dropin_directory(unit, user_manager);
    g_autofree char *path = adoption_unit_dropin(unit, user_manager);
    g_autoptr(GError) error = NULL;

    if (!*unit)
        return 0;
    if (g_mkdir_with_parents(directory, 0755) < 0) {
        *ret_message = g_strdup_printf("%s: %s", directory, g_strerror(errno));
        return -EIO;
    }
    if (!g_file_set_contents_full(path, DROPIN_TEXT, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &error)) {
        *ret_message = g_strdup(error->message);
        return -EIO;
    }
    return systemd_wait_reload(systemd, ret_message);
}

/* With what a death in the middle of writing it has left. */
static void remove_dropin(const char *directory)
{
    GDir *names = g_dir_open(directory, 0, NULL);

    for (const char *name; names && (name = g_dir_read_name(names));) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        if (g_str_has_prefix(name, DROPIN))
            (void)g_unlink(path);
    }
    g_clear_pointer(&names, g_dir_close);
    (void)g_rmdir(directory);
}

void adoption_unit_release(SystemdWait *systemd, const char *unit, bool user_manager)
{
    g_autofree char *directory = dropin_directory(unit, user_manager);
    g_autofree char *message = NULL;

    if (!*unit)
        return;
    remove_dropin(directory);
    /* Even if there was none: a death in the middle may have come before the reload. */
    (void)systemd_wait_reload(systemd, &message);
}

/* Whether the unit's file starts this very program, with arguments that begin like that. */
static bool starts_us(const char *unit, const char *arguments)
{
    /* The first that has it counts, as for systemd. */
    static const char *const directories[] = {"/etc/systemd/system", "/run/systemd/system",
                                              "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                              "/lib/systemd/system"};
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *start = g_strdup_printf("\nExecStart=%s %s", program ? program : "", arguments);
    g_autofree char *text = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(directories) && !text; i++) {
        g_autofree char *path = g_build_filename(directories[i], unit, NULL);
        (void)g_file_get_contents(path, &text, NULL, NULL);
    }
    return program && text && strstr(text, start);
}

bool adoption_unit_is_ours(const char *unit)
{
    return starts_us(unit, "");
}

bool adoption_unit_is_successor(const char *unit, const char *configuration)
{
    g_autofree char *arguments = g_strdup_printf("-n -c %s\n", configuration);
    return starts_us(unit, arguments);
}
