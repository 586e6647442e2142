#include "common/install_path.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_config.h"
#include "common/cleanup.h"

static int executable_directory(char **ret)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);

    if (length < 0)
        return -errno;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash)
        return -ENOENT;
    *slash = '\0';
    *ret = strdup(path);
    return *ret ? 0 : -ENOMEM;
}

/* `target` seen from `from`: how many directories up, then down. Both are absolute and normalised by the
 * build. */
static int relocate(const char *here, const char *from, const char *target, char **ret)
{
    size_t common = 0;
    for (size_t i = 0;; i++) {
        bool from_boundary = from[i] == '/' || from[i] == '\0';
        bool target_boundary = target[i] == '/' || target[i] == '\0';
        if (from_boundary && target_boundary)
            common = i;
        if (from[i] != target[i] || from[i] == '\0')
            break;
    }
    CLEANUP_FREE char *base = strdup(here);
    if (!base)
        return -ENOMEM;
    for (const char *p = from + common; *p; p++) {
        if (*p != '/')
            continue;
        char *slash = strrchr(base, '/');
        if (!slash)
            return -ENOENT;
        *slash = '\0';
    }
    return asprintf(ret, "%s%s", base, target + common) < 0 ? -ENOMEM : 0;
}

static int install_path(const char *target, char **ret)
{
    CLEANUP_FREE char *here = NULL;
    CLEANUP_FREE char *found = NULL;
    static const char *const homes[] = {BINDIR, LIBEXECDIR};

    int r = executable_directory(&here);
    if (r < 0)
        return r;
    /* The running program is in one of the two places; the one whose last component matches decides. */
    for (size_t i = 0; i < sizeof homes / sizeof *homes; i++) {
        const char *name = strrchr(homes[i], '/');
        const char *own = strrchr(here, '/');
        if (!name || !own || strcmp(name, own) != 0)
            continue;
        r = relocate(here, homes[i], target, &found);
        if (r < 0)
            return r;
        if (access(found, X_OK) == 0) {
            *ret = found;
            found = NULL;
            return 0;
        }
        free(found);
        found = NULL;
    }
    *ret = strdup(target);
    return *ret ? 0 : -ENOMEM;
}

int install_path_libexec(char **ret)
{
    return install_path(LIBEXECDIR, ret);
}

int install_path_bin(char **ret)
{
    return install_path(BINDIR, ret);
}
