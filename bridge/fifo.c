#include "bridge/fifo.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_BYTES (1024 * 1024)

static bool is_at(int fd, const char *path)
{
    struct stat held, named;

    return fstat(fd, &held) >= 0 && lstat(path, &named) >= 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

static int take_kept(FdStore *store, const char *path)
{
    int fd = store ? fd_store_take(store, path) : -ENOENT;

    if (fd >= 0 && !is_at(fd, path)) {
        close(fd);
        (void)fd_store_drop(store, path);
        fd = -ENOENT;
    }
    return fd;
}

static int make_and_open(const char *path)
{
    if (mkfifo(path, 0600) < 0 && errno != EEXIST)
        return -errno;
    /* Both ways: no end of file when a program ends, and it may open its end at any time. */
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

static int check(int fd, const FifoOwner *owner)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISFIFO(status.st_mode))
        return -EEXIST;
    if (owner->is_other && status.st_uid != owner->uid && fchown(fd, owner->uid, (gid_t)-1) < 0)
        return -errno;
    return 0;
}

int fifo_open(FdStore *store, const char *path, const FifoOwner *owner)
{
    int fd = take_kept(store, path);

    if (fd < 0)
        fd = make_and_open(path);
    if (fd < 0)
        return fd;
    int r = check(fd, owner);
    if (r < 0) {
        close(fd);
        return r;
    }
    /* Without privileges large pipes are counted per user, and beyond a limit all new ones are tiny. */
    if (geteuid() == 0)
        (void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
    return fd;
}

int fifo_keep(FdStore *store, const char *path, int fd)
{
    if (!store || fd_store_has(store, path))
        return 0;
    return fd_store_put(store, path, fd);
}

void fifo_remove(FdStore *store, const char *path)
{
    (void)unlink(path);
    if (store)
        (void)fd_store_drop(store, path);
}
