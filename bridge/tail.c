#include "bridge/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/identity.h"
#include "common/cleanup.h"
#include "common/fault.h"

/* Keeps sums of two arguments within 64 bits; no file is that long. */
#define ARGUMENT_LIMIT (INT64_C(1) << 61)

/* Opens without waiting for a writer of a FIFO. Devices count as empty: /dev/null is a popular log file. */
static int open_file(const char *path, int *ret_fd, int64_t *ret_size)
{
    IDENTITY_SCOPE;
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode))
        return -ESPIPE;
    *ret_size = S_ISREG(status.st_mode) ? status.st_size : 0;
    *ret_fd = g_steal_fd(&fd);
    return 0;
}

static int read_range(int fd, int64_t offset, int64_t length, char **ret_bytes, size_t *ret_size)
{
    g_autofree char *bytes = g_try_malloc((size_t)length + 1);
    int64_t done = 0;

    if (!bytes)
        return -ENOMEM;
    while (done < length) {
        ssize_t n = pread(fd, bytes + done, (size_t)(length - done), offset + done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += n;
    }
    bytes[done] = '\0';
    *ret_bytes = g_steal_pointer(&bytes);
    *ret_size = (size_t)done;
    return 0;
}

int tail_range_read(int64_t size, int64_t offset, int64_t length, TailRange *ret)
{
    if (length < 0 || (offset < 0 && length != 0))
        return FAULT_BAD_ARGUMENTS;
    *ret = (TailRange){.begin = MIN(offset, size)};
    if (offset < 0) {
        int64_t wanted = MIN(offset < -ARGUMENT_LIMIT ? ARGUMENT_LIMIT : -offset, TAIL_LIMIT);
        ret->begin = MAX(size - wanted, 0);
    }
    ret->count = size - ret->begin;
    if (length > 0)
        ret->count = MIN(ret->count, length);
    ret->count = MIN(ret->count, TAIL_LIMIT);
    return 0;
}

int tail_read(const char *path, int64_t offset, int64_t length, char **ret_bytes, size_t *ret_size)
{
    CLEANUP_CLOSE int fd = -1;
    TailRange range;
    int64_t size;

    /* The oracle opens first: a file that cannot be opened is told before bad arguments are. */
    if (open_file(path, &fd, &size) < 0)
        return FAULT_FAILED;
    int fault = tail_range_read(size, offset, length, &range);
    if (fault != 0)
        return fault;
    return read_range(fd, range.begin, range.count, ret_bytes, ret_size) < 0 ? FAULT_FAILED : 0;
}

void tail_range_end(int64_t size, int64_t offset, int64_t length, TailRange *ret)
{
    offset = CLAMP(offset, -ARGUMENT_LIMIT, ARGUMENT_LIMIT);
    length = CLAMP(length, -ARGUMENT_LIMIT, ARGUMENT_LIMIT);
    ret->overflow = size > offset + length;
    if (ret->overflow)
        offset = size - 1;
    if (offset + length > size) {
        if (offset > size - 1)
            length = 0;
        offset = size - length;
    }
    ret->begin = MAX(offset, 0);
    ret->count = CLAMP(length, 0, MAX(size - ret->begin, 0));
    if (ret->count > TAIL_LIMIT) {
        ret->begin += ret->count - TAIL_LIMIT;
        ret->count = TAIL_LIMIT;
        ret->overflow = true;
    }
}

void tail_end(const char *path, int64_t offset, int64_t length, TailEnd *ret)
{
    CLEANUP_CLOSE int fd = -1;
    TailEnd end = {.offset = offset};
    TailRange range;

    if (open_file(path, &fd, &end.offset) < 0) {
        end.bytes = g_strdup("");
        *ret = end;
        return;
    }
    tail_range_end(end.offset, offset, length, &range);
    end.overflow = range.overflow;
    if (read_range(fd, range.begin, range.count, &end.bytes, &end.size) < 0)
        end.bytes = g_strdup("");
    *ret = end;
}
