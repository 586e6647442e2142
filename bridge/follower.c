#include "bridge/follower.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/identity.h"
#include "common/cleanup.h"

#define TRUNCATED "==> File truncated <==\n"

enum {
    /* A program that writes all the time is read in turns this far apart, not at every write. */
    PAUSE_USEC = 20 * 1000,
    /* The name leads nowhere, or the file cannot be watched: the oracle's interval. */
    SEARCH_USEC = 100 * 1000,
    /* Changes that leave the file itself untouched (a symbolic link or a directory above it was replaced). */
    IDLE_USEC = 1000 * 1000,
};

struct Follower {
    sd_event *event;
    char *path;
    FollowerWake wake;
    void *userdata;
    int fd; /* -1: no regular file */
    dev_t device;
    ino_t inode;
    time_t modified;
    off_t offset;
    uint64_t last_read; /* when there was something */
    sd_event_source *growth;
    sd_event_source *timer;
};

/* Waiting
 * ---------------------------------------------------------------------------------------------------------
 */

static uint64_t now(const Follower *follower)
{
    uint64_t usec = 0;

    (void)sd_event_now(follower->event, CLOCK_MONOTONIC, &usec);
    return usec;
}

static void arm(Follower *follower, uint64_t usec)
{
    (void)sd_event_source_set_time(follower->timer, usec);
    (void)sd_event_source_set_enabled(follower->timer, SD_EVENT_ONESHOT);
}

/* The watch is removed and not disabled: libsystemd 252 spins for ever over an event that has no other source
 * than a disabled one. */
static void rest(Follower *follower)
{
    follower->growth = sd_event_source_disable_unref(follower->growth);
    (void)sd_event_source_set_enabled(follower->timer, SD_EVENT_OFF);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    Follower *follower = userdata;

    rest(follower);
    follower->wake(follower, follower->userdata);
    return 0;
}

static int on_growth(sd_event_source *source, const struct inotify_event *change, void *userdata)
{
    Follower *follower = userdata;

    rest(follower);
    follower->wake(follower, follower->userdata);
    return 0;
}

/* By descriptor: the path may lead elsewhere by now. IN_ATTRIB comes when the file is unlinked. */
static bool watch(Follower *follower)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", follower->fd);

    return sd_event_add_inotify(follower->event, &follower->growth, path,
                                IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF, on_growth, follower) >= 0;
}

/* The file
 * -------------------------------------------------------------------------------------------------------- */

/* Asks before opening: a FIFO would be disturbed by a reader, a device may do anything. */
static int open_regular(const char *path, int *ret_fd, struct stat *ret_status)
{
    IDENTITY_SCOPE;
    CLEANUP_CLOSE int fd = -1;
    struct stat status;

    if (stat(path, &status) < 0)
        return -errno;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    if (S_ISREG(status.st_mode)) {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &status) < 0)
            return -errno;
        if (!S_ISREG(status.st_mode))
            return -ESPIPE;
    }
    *ret_fd = g_steal_fd(&fd);
    *ret_status = status;
    return 0;
}

static int open_file(Follower *follower)
{
    struct stat status = {0};
    int fd = -1;

    int r = open_regular(follower->path, &fd, &status);
    if (r < 0)
        return r;
    if (follower->fd >= 0)
        close(follower->fd);
    follower->fd = fd;
    follower->device = status.st_dev;
    follower->inode = status.st_ino;
    follower->modified = status.st_mtime;
    follower->offset = 0;
    return 0;
}

static off_t size_of_file(const Follower *follower)
{
    struct stat status;

    if (follower->fd < 0 || fstat(follower->fd, &status) < 0)
        return 0;
    return status.st_size;
}

static ssize_t read_file(Follower *follower, char *buffer, size_t size)
{
    off_t end = size_of_file(follower);

    if (end < follower->offset) {
        follower->offset = 0;
        memcpy(buffer, TRUNCATED, strlen(TRUNCATED));
        return (ssize_t)strlen(TRUNCATED);
    }
    if (end == follower->offset)
        return 0;
    ssize_t n = pread(follower->fd, buffer, MIN(size, (size_t)(end - follower->offset)), follower->offset);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    follower->offset += n;
    return n;
}

typedef enum Place { PLACE_SAME, PLACE_MISSING, PLACE_OTHER } Place;

/* Where the name leads by now. */
static Place find_place(const Follower *follower)
{
    IDENTITY_SCOPE;
    struct stat status;

    if (stat(follower->path, &status) < 0)
        return PLACE_MISSING;
    bool same = status.st_dev == follower->device && status.st_ino == follower->inode;
    return same ? PLACE_SAME : PLACE_OTHER;
}

/* The old file is read to its end before it is let go, so that what was written just before a rotation is not
 * lost, as it may be in the oracle. It may have grown between the look at its size and that at the name. */
static ssize_t read_from_either(Follower *follower, char *buffer, size_t size, Place *ret_place)
{
    ssize_t n = read_file(follower, buffer, size);

    *ret_place = PLACE_SAME;
    if (n != 0)
        return n;
    *ret_place = find_place(follower);
    if (*ret_place != PLACE_OTHER)
        return 0;
    n = read_file(follower, buffer, size);
    if (n != 0 || open_file(follower) < 0)
        return n;
    *ret_place = PLACE_SAME;
    return read_file(follower, buffer, size);
}

/* How long to wait for a change that nobody tells of. */
static uint64_t patience(Follower *follower, Place place)
{
    if (follower->fd >= 0 && !watch(follower))
        return SEARCH_USEC;
    /* It may have grown just before the watch began. */
    if (size_of_file(follower) != follower->offset)
        return 0;
    return place == PLACE_SAME ? IDLE_USEC : SEARCH_USEC;
}

static void wait_for_more(Follower *follower, Place place)
{
    uint64_t time = now(follower), due = follower->last_read + PAUSE_USEC;

    arm(follower, time < due ? due : time + patience(follower, place));
}

ssize_t follower_read(Follower *follower, char *buffer, size_t size)
{
    Place place;

    rest(follower);
    ssize_t n = read_from_either(follower, buffer, size, &place);
    if (n > 0)
        follower->last_read = now(follower);
    if (n == 0)
        wait_for_more(follower, place);
    return n;
}

void follower_pause(Follower *follower, uint64_t usec)
{
    rest(follower);
    arm(follower, now(follower) + usec);
}

int follower_open(sd_event *event, const char *path, size_t head, FollowerWake wake, void *userdata,
                  Follower **ret)
{
    g_autoptr(Follower) follower = g_new0(Follower, 1);

    follower->event = sd_event_ref(event);
    follower->path = g_strdup(path);
    follower->wake = wake;
    follower->userdata = userdata;
    follower->fd = -1;
    int r = sd_event_add_time(event, &follower->timer, CLOCK_MONOTONIC, 0, PAUSE_USEC, on_timer, follower);
    if (r >= 0)
        r = sd_event_source_set_enabled(follower->timer, SD_EVENT_OFF);
    if (r >= 0)
        r = open_file(follower);
    if (r < 0)
        return r;
    follower->offset = MAX(size_of_file(follower) - (off_t)head, 0);
    *ret = g_steal_pointer(&follower);
    return 0;
}

void follower_free(Follower *follower)
{
    if (!follower)
        return;
    sd_event_source_disable_unref(follower->growth);
    sd_event_source_disable_unref(follower->timer);
    if (follower->fd >= 0)
        close(follower->fd);
    sd_event_unref(follower->event);
    g_free(follower->path);
    g_free(follower);
}

time_t follower_modified(const Follower *follower)
{
    return follower->modified;
}
