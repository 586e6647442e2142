#include "translator/config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "translator/path.h"
#include "translator/unit_reading.h"

static bool host_is_number(const char *text, unsigned long *ret)
{
    char *end;
    if (!g_ascii_isdigit(text[0]))
        return false;
    errno = 0;
    *ret = strtoul(text, &end, 10);
    return errno == 0 && *end == '\0' && *ret < UINT32_MAX;
}

static int host_find_user(const char *text, uid_t *ret_uid, gid_t *ret_gid)
{
    unsigned long number;
    const struct passwd *user = host_is_number(text, &number) ? getpwuid((uid_t)number) : getpwnam(text);
    if (!user)
        return -ENOENT;
    *ret_uid = user->pw_uid;
    *ret_gid = user->pw_gid;
    return 0;
}

static int host_find_group(const char *text, gid_t *ret_gid)
{
    unsigned long number;
    const struct group *group = host_is_number(text, &number) ? getgrgid((gid_t)number) : getgrnam(text);
    if (!group)
        return -ENOENT;
    *ret_gid = group->gr_gid;
    return 0;
}

static bool host_is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* HOME counts for the caller, even when it is empty: Python's expanduser(). */
static char *host_find_home(const char *user)
{
    const char *home = user ? NULL : getenv("HOME");
    if (home)
        return g_strdup(home);
    const struct passwd *record = user ? getpwnam(user) : getpwuid(getuid());
    return record ? g_strdup(record->pw_dir) : NULL;
}

/* Python's tempfile.gettempdir(): the first of these in which a file can be made. */
static const char *host_temporary_directory(void)
{
    const char *const candidates[] = {getenv("TMPDIR"), getenv("TEMP"), getenv("TMP"),
                                      "/tmp",           "/var/tmp",     "/usr/tmp"};
    static char *chosen;
    g_clear_pointer(&chosen, g_free);
    for (size_t i = 0; i < G_N_ELEMENTS(candidates) && !chosen; i++) {
        if (!candidates[i] || candidates[i][0] == '\0')
            continue;
        g_autofree char *path = path_absolute(candidates[i]);
        if (host_is_directory(path) && access(path, W_OK | X_OK) == 0)
            chosen = g_steal_pointer(&path);
    }
    return chosen ? chosen : "/tmp";
}

const ConfigHost *config_host_real(void)
{
    static struct utsname name;
    static ConfigHost host;

    uname(&name);
    host = (ConfigHost){
        .environment = environ,
        .node_name = name.nodename,
        .temporary_directory = host_temporary_directory(),
        .find_user = host_find_user,
        .find_group = host_find_group,
        .is_directory = host_is_directory,
        .find_home = host_find_home,
        .uid = getuid(),
        .read_units = unit_reading_check,
    };
    return &host;
}

int config_search(const char *program, char **ret_path, char **ret_tried)
{
    g_autofree char *directory = path_dirname(program);
    g_autofree char *prefix = path_dirname(directory);
    g_autofree char *first = path_join(prefix, "etc/supervisord.conf");
    g_autofree char *second = path_join(prefix, "supervisord.conf");
    const char *const places[] = {
        first,
        second,
        "supervisord.conf",
        "etc/supervisord.conf",
        "/etc/supervisord.conf",
        "/etc/supervisor/supervisord.conf",
    };
    g_autoptr(GString) tried = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        struct stat status;
        if (stat(places[i], &status) == 0) {
            *ret_path = g_strdup(places[i]);
            return 0;
        }
        g_string_append_printf(tried, "%s%s", i > 0 ? ", " : "", places[i]);
    }
    *ret_tried = g_string_free(g_steal_pointer(&tried), FALSE);
    return -ENOENT;
}
