#include "bridge/runtime_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "translator/unitname.h"

static const char *const parts[] = {"process", "log"};

int runtime_directory_path(const char *identifier, bool user_manager, char **ret)
{
    const char *base = user_manager ? g_getenv("XDG_RUNTIME_DIR") : "/run";
    g_autofree char *fallback = g_strdup_printf("/run/user/%u", (unsigned)getuid());

    if (!base || !*base)
        base = fallback;
    if (access(base, W_OK | X_OK) < 0)
        return -errno;
    /* An identifier is free text; as a directory it must be one name, and fit into ExecStart= as it is. */
    g_autofree char *name = unitname_directory(identifier);
    *ret = g_build_filename(base, "supersede", name, NULL);
    return 0;
}

static int make_directory(const char *path, mode_t mode)
{
    struct stat status;

    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return -errno;
    if (lstat(path, &status) < 0)
        return -errno;
    if (!S_ISDIR(status.st_mode))
        return -ENOTDIR;
    return status.st_uid == geteuid() ? 0 : -EPERM;
}

static int lock(const char *path)
{
    g_autofree char *name = g_build_filename(path, "lock", NULL);

    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int r = errno == EWOULDBLOCK ? -EBUSY : -errno;
        close(fd);
        return r;
    }
    return fd;
}

int runtime_directory_prepare(const char *path, int *ret_lock)
{
    g_autofree char *parent = g_path_get_dirname(path);

    mode_t before = umask(0);
    int r = make_directory(parent, 0755);
    if (r >= 0)
        r = make_directory(path, 0700);
    for (size_t i = 0; r >= 0 && i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *part = g_build_filename(path, parts[i], NULL);
        r = make_directory(part, 0700);
    }
    umask(before);
    if (r < 0)
        return r;
    r = lock(path);
    if (r < 0)
        return r;
    *ret_lock = r;
    return 0;
}

static void remove_contents(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_type != DT_DIR)
            (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    closedir(directory);
}

void runtime_directory_remove(const char *path)
{
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *part = g_build_filename(path, parts[i], NULL);
        remove_contents(part);
        (void)rmdir(part);
    }
    remove_contents(path);
    (void)rmdir(path);
}
