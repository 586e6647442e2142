#include "bridge/socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

/* A descriptor that names the file and can do nothing else. */
static int hold(const char *path)
{
    CLEANUP_CLOSE int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return -errno;
    return S_ISSOCK(status.st_mode) ? g_steal_fd(&fd) : -ENOTSOCK;
}

int socket_file_set_owner(const char *path, uid_t uid, gid_t gid)
{
    CLEANUP_CLOSE int fd = hold(path);

    if (fd < 0)
        return fd;
    return fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

int socket_file_set_mode(const char *path, mode_t mode)
{
    CLEANUP_CLOSE int fd = hold(path);

    if (fd < 0)
        return fd;
    /* fchmod() takes no such descriptor. */
    g_autofree char *self = g_strdup_printf("/proc/self/fd/%d", fd);
    return chmod(self, mode) < 0 ? -errno : 0;
}
