#include "bridge/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bridge/identity.h"

/* How far a file may grow beyond maxbytes so that a line is not torn between two files. */
#define LINE_REST_MAX ((off_t)64 * 1024)

struct LogSegment {
    unsigned references;
    int fd;
    LogPlace begin;
};

struct Logfile {
    unsigned references;
    char *path;
    LogSegment *segment;
    int64_t maxbytes;
    int64_t backups;
    off_t size;      /* as of the last look; only for regular files */
    off_t rotate_at; /* maxbytes, or later when a rotation failed */
    bool special;
    bool own_fd; /* one of the daemon's descriptors, duplicated */
    bool socket;
    bool readable;
    bool at_line_start; /* the last byte written was a newline */
    bool lost_its_path; /* renamed away, but the new file could not be opened */
};

/* Where byte 0 of a file is; nowhere when it cannot be told. */
static LogPlace find_place(int fd, const char *path)
{
    struct statx status;

    if (statx(fd, path, fd >= 0 ? AT_EMPTY_PATH : 0, STATX_INO | STATX_BTIME, &status) < 0)
        return (LogPlace){0};
    return (LogPlace){
        .device = makedev(status.stx_dev_major, status.stx_dev_minor),
        .inode = status.stx_ino,
        .born = status.stx_mask & STATX_BTIME
                    ? (uint64_t)status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec
                    : 0,
    };
}

static LogSegment *log_segment_new(int fd)
{
    LogSegment *segment = g_new(LogSegment, 1);

    *segment = (LogSegment){.references = 1, .fd = fd, .begin = find_place(fd, "")};
    return segment;
}

LogSegment *log_segment_ref(LogSegment *segment)
{
    segment->references++;
    return segment;
}

void log_segment_unref(LogSegment *segment)
{
    if (!segment || --segment->references > 0)
        return;
    close(segment->fd);
    g_free(segment);
}

ssize_t log_segment_read(const LogSegment *segment, void *buffer, size_t size, off_t offset)
{
    ssize_t count = TEMP_FAILURE_RETRY(pread(segment->fd, buffer, size, offset));

    return count < 0 ? -errno : count;
}

LogPlace log_segment_place(const LogSegment *segment, off_t offset)
{
    LogPlace place = segment->begin;

    place.offset = (uint64_t)offset;
    return place;
}

/* Number of the descriptor that a path like /dev/stdout stands for, or -1. */
static int own_descriptor(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};

    if (strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        gint64 number;

        if (g_str_has_prefix(path, folders[i]) &&
            g_ascii_string_to_signed(path + strlen(folders[i]), 10, 0, INT32_MAX, &number, NULL))
            return (int)number;
    }
    return -1;
}

/* A pipe or a terminal is opened anew, to be non-blocking without changing that for those who share the
 * descriptor. Everything else is duplicated: a socket cannot be opened by name, and a file's offset must be
 * shared with the other writers. */
static int open_own_descriptor(int number)
{
    g_autofree char *name = g_strdup_printf("/proc/self/fd/%d", number);
    int flags = fcntl(number, F_GETFD);
    struct stat status;
    int fd = -1;

    if (flags < 0)
        return -errno;
    /* What is close-on-exec was not given to us: it is the daemon's own epoll descriptor, bus or socket. */
    if (flags & FD_CLOEXEC)
        return -EBADF;
    if (fstat(number, &status) < 0)
        return -errno;
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode))
        fd = open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        fd = fcntl(number, F_DUPFD_CLOEXEC, 3);
    return fd < 0 ? -errno : fd;
}

/* O_RDWR, so that the journal copy can read back, and so that a FIFO nobody reads yet can be opened. */
static int open_path(const char *path, int extra_flags, bool *ret_readable)
{
    int flags = O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | extra_flags;
    bool readable = true;
    int fd = open(path, O_RDWR | flags, 0666);

    if (fd < 0 && (errno == EACCES || errno == EINVAL)) {
        readable = false;
        fd = open(path, O_WRONLY | flags, 0666);
    }
    if (fd < 0)
        return -errno;
    *ret_readable = readable;
    return fd;
}

static bool ends_in_newline(const LogSegment *segment, off_t size)
{
    char last;

    return size == 0 || (log_segment_read(segment, &last, 1, size - 1) == 1 && last == '\n');
}

/* Opens what `path` names now and puts it in the place of the current segment, if there is one. */
static int logfile_attach(Logfile *file, int extra_flags)
{
    IDENTITY_SCOPE;
    int number = own_descriptor(file->path);
    bool readable = false;
    int fd = number >= 0 ? open_own_descriptor(number) : open_path(file->path, extra_flags, &readable);
    struct stat status;

    if (fd < 0)
        return fd;
    if (fstat(fd, &status) < 0) {
        int r = -errno;

        close(fd);
        return r;
    }
    log_segment_unref(file->segment);
    file->segment = log_segment_new(fd);
    file->own_fd = number >= 0;
    file->special = file->own_fd || !S_ISREG(status.st_mode);
    file->socket = S_ISSOCK(status.st_mode);
    file->readable = readable && !file->special;
    file->size = status.st_size;
    file->rotate_at = file->maxbytes;
    file->at_line_start = file->readable ? ends_in_newline(file->segment, file->size) : true;
    file->lost_its_path = false;
    return 0;
}

int logfile_open(const char *path, int64_t maxbytes, int64_t backups, Logfile **ret)
{
    g_autoptr(Logfile) file = g_new0(Logfile, 1);
    int r;

    file->references = 1;
    file->path = g_strdup(path);
    file->maxbytes = maxbytes;
    file->backups = backups;
    r = logfile_attach(file, 0);
    if (r < 0)
        return r;
    *ret = g_steal_pointer(&file);
    return 0;
}

Logfile *logfile_ref(Logfile *file)
{
    file->references++;
    return file;
}

void logfile_unref(Logfile *file)
{
    if (!file || --file->references > 0)
        return;
    log_segment_unref(file->segment);
    g_free(file->path);
    g_free(file);
}

const char *logfile_path(const Logfile *file)
{
    return file->path;
}

bool logfile_is_special(const Logfile *file)
{
    return file->special;
}

bool logfile_can_splice(const Logfile *file)
{
    return !file->special && file->readable;
}

int logfile_fd(const Logfile *file)
{
    return file->segment->fd;
}

/* Before every write: others may have appended to the file, cut it, or removed it. What is deleted nobody
 * could read, so a new one is made; what is merely renamed (logrotate) is written on until the reopening, as
 * in the oracle. */
static int logfile_look(Logfile *file)
{
    struct stat status;

    if (fstat(file->segment->fd, &status) < 0)
        return -errno;
    if ((status.st_nlink == 0 || file->lost_its_path) && logfile_attach(file, 0) == 0)
        return 0;
    if (status.st_size < file->size)
        file->at_line_start = true;
    file->size = status.st_size;
    if (file->size < file->maxbytes)
        file->rotate_at = file->maxbytes;
    return 0;
}

static void logfile_wrote(Logfile *file, off_t end, ssize_t count, LogExtent *ret)
{
    file->size = end;
    *ret = (LogExtent){.segment = file->readable ? file->segment : NULL, .begin = end - count, .end = end};
}

static ssize_t append_special(Logfile *file, const void *data, size_t size)
{
    int fd = file->segment->fd;
    ssize_t count;

    /* A socket that we were given blocks, and is shared: ask for each call. */
    if (file->socket)
        count = TEMP_FAILURE_RETRY(send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL));
    else
        count = TEMP_FAILURE_RETRY(write(fd, data, size));
    return count < 0 ? -errno : count;
}

/* RWF_APPEND is O_APPEND for one write: right also when another process writes between our look and now. */
static ssize_t append_regular(Logfile *file, const void *data, size_t size, off_t *ret_end)
{
    struct iovec vector = {.iov_base = (void *)data, .iov_len = size};
    ssize_t count = TEMP_FAILURE_RETRY(pwritev2(file->segment->fd, &vector, 1, -1, RWF_APPEND));

    if (count >= 0) {
        *ret_end = lseek(file->segment->fd, 0, SEEK_CUR);
        return count;
    }
    if (errno != EOPNOTSUPP && errno != ENOSYS)
        return -errno;
    count = TEMP_FAILURE_RETRY(pwrite(file->segment->fd, data, size, file->size));
    if (count < 0)
        return -errno;
    *ret_end = file->size + count;
    return count;
}

ssize_t logfile_append(Logfile *file, const void *data, size_t size, LogExtent *ret)
{
    off_t end = 0;
    ssize_t count;
    int r;

    if (size == 0)
        return 0;
    if (file->special) {
        count = append_special(file, data, size);
        if (count >= 0)
            *ret = (LogExtent){0};
        return count;
    }
    r = logfile_look(file);
    if (r < 0)
        return r;
    count = append_regular(file, data, size, &end);
    if (count <= 0)
        return count == 0 ? -ENOSPC : count;
    file->at_line_start = ((const char *)data)[count - 1] == '\n';
    logfile_wrote(file, end, count, ret);
    return count;
}

/* Length of what stands in the pipe up to the first newline, newline included; all that can be seen when
 * there is none. tee() shows it without taking it out. 0: the pipe is empty. */
static ssize_t pipe_rest_of_line(int pipe_fd, size_t size)
{
    g_autofree char *buffer = NULL;
    int copy[2];
    ssize_t count;
    const char *newline;

    if (pipe2(copy, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    count = TEMP_FAILURE_RETRY(tee(pipe_fd, copy[1], size, SPLICE_F_NONBLOCK));
    if (count > 0) {
        buffer = g_malloc((size_t)count);
        count = TEMP_FAILURE_RETRY(read(copy[0], buffer, (size_t)count));
    }
    if (count < 0)
        count = errno == EAGAIN ? 0 : -errno;
    close(copy[0]);
    close(copy[1]);
    if (count <= 0)
        return count;
    newline = memchr(buffer, '\n', (size_t)count);
    return newline ? newline - buffer + 1 : count;
}

ssize_t logfile_splice(Logfile *file, int pipe_fd, size_t size, LogExtent *ret)
{
    off_t end;
    ssize_t count;
    int r = logfile_look(file);

    if (r < 0)
        return r;
    if (file->maxbytes > 0) {
        if (file->size < file->rotate_at) {
            size = MIN(size, (size_t)(file->rotate_at - file->size));
        } else {
            count = pipe_rest_of_line(pipe_fd, MIN(size, (size_t)LINE_REST_MAX));
            if (count <= 0)
                return count;
            size = (size_t)count;
        }
    }
    end = file->size;
    count = TEMP_FAILURE_RETRY(splice(pipe_fd, NULL, file->segment->fd, &end, size, SPLICE_F_NONBLOCK));
    if (count < 0)
        return errno == EAGAIN ? 0 : -errno;
    if (count == 0)
        return 0;
    logfile_wrote(file, end, count, ret);
    /* Only a file about to be rotated needs to know. */
    file->at_line_start =
        file->maxbytes > 0 && file->size >= file->rotate_at && ends_in_newline(file->segment, file->size);
    return count;
}

size_t logfile_fit(Logfile *file, const void *data, size_t size)
{
    size_t from = 0;
    size_t range;
    const char *newline;

    if (file->special || file->maxbytes == 0 || logfile_look(file) < 0)
        return size;
    if (file->size < file->rotate_at)
        from = (size_t)(file->rotate_at - file->size) - 1;
    if (from >= size)
        return size;
    range = MIN(size - from, (size_t)LINE_REST_MAX);
    newline = memchr((const char *)data + from, '\n', range);
    return newline ? (size_t)(newline - (const char *)data) + 1 : from + range;
}

/* Renaming over an existing file replaces it, so the oldest backup goes without a moment in which a name is
 * missing. A source that is not there is no failure: somebody cleaned up. */
static int rename_backup(const char *source, const char *target)
{
    if (rename(source, target) < 0 && errno != ENOENT)
        return -errno;
    return 0;
}

static char *backup_name(const Logfile *file, int64_t number)
{
    return number == 0 ? g_strdup(file->path) : g_strdup_printf("%s.%" PRId64, file->path, number);
}

static int shift_backups(const Logfile *file)
{
    for (int64_t i = file->backups - 1; i >= 0; i--) {
        g_autofree char *source = backup_name(file, i);
        g_autofree char *target = backup_name(file, i + 1);
        int r = rename_backup(source, target);

        if (r < 0)
            return r;
    }
    return 0;
}

/* What stands under our path is still the file that we write to. */
static bool logfile_is_in_place(const Logfile *file, const struct stat *status)
{
    struct stat there;

    return stat(file->path, &there) == 0 && there.st_dev == status->st_dev && there.st_ino == status->st_ino;
}

/* backups=0: the oracle truncates. While the journal copy still has to read the file, a new one with the same
 * owner and mode takes its place instead. */
static int start_over(Logfile *file)
{
    bool replace = file->segment->references > 1;
    struct stat status;
    int r;

    if (fstat(file->segment->fd, &status) < 0)
        return -errno;
    if (replace && logfile_is_in_place(file, &status) && unlink(file->path) < 0)
        return -errno;
    r = logfile_attach(file, O_TRUNC);
    if (r < 0 || !replace)
        return r;
    if (fchown(file->segment->fd, status.st_uid, status.st_gid) < 0 ||
        fchmod(file->segment->fd, status.st_mode & 07777) < 0)
        return 0; /* Not our file to give away: it is ours then. */
    return 0;
}

int logfile_rotate_if_due(Logfile *file)
{
    int r;

    if (file->special || file->maxbytes == 0 || file->size < file->rotate_at)
        return 0;
    IDENTITY_SCOPE;
    if (!file->at_line_start && file->size < file->rotate_at + LINE_REST_MAX)
        return 0;
    if (file->backups == 0) {
        r = start_over(file);
    } else {
        r = shift_backups(file);
        if (r == 0) {
            r = logfile_attach(file, O_TRUNC);
            file->lost_its_path = r < 0;
        }
    }
    if (r < 0) {
        file->rotate_at = file->size + file->maxbytes;
        return r;
    }
    return 1;
}

/* Which backup a place is in; 0: the file itself; -1: none of them. */
static int64_t find_backup(const Logfile *file, const LogPlace *place)
{
    for (int64_t i = 0; i <= file->backups; i++) {
        g_autofree char *name = backup_name(file, i);
        LogPlace begin = find_place(AT_FDCWD, name);

        if (begin.inode != 0 && begin.device == place->device && begin.inode == place->inode &&
            begin.born == place->born)
            return i;
    }
    return -1;
}

static void hand_out_backup(const Logfile *file, int64_t number, uint64_t begin, LogfileExtentFunction found,
                            void *userdata)
{
    g_autofree char *name = backup_name(file, number);
    /* A FIFO that somebody has put there would wait for a writer. */
    int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat status;

    if (fd < 0)
        return;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return;
    }
    LogSegment *segment = log_segment_new(fd);
    if (begin < (uint64_t)status.st_size)
        found(&(LogExtent){.segment = segment, .begin = (off_t)begin, .end = status.st_size}, userdata);
    log_segment_unref(segment);
}

void logfile_since(Logfile *file, const LogPlace *place, LogfileExtentFunction found, void *userdata)
{
    IDENTITY_SCOPE;
    int64_t number = find_backup(file, place);
    uint64_t begin = number >= 0 ? place->offset : 0;

    for (; number > 0; number--) {
        hand_out_backup(file, number, begin, found, userdata);
        begin = 0;
    }
    /* Cut from outside meanwhile: all of it is new. */
    if (begin > (uint64_t)file->size)
        begin = 0;
    if (begin < (uint64_t)file->size)
        found(&(LogExtent){.segment = file->segment, .begin = (off_t)begin, .end = file->size}, userdata);
}

LogPlace logfile_end(const Logfile *file)
{
    return log_segment_place(file->segment, file->size);
}

int logfile_reopen(Logfile *file)
{
    return file->own_fd ? 0 : logfile_attach(file, 0);
}

int logfile_remove(Logfile *file)
{
    int removed = 0;
    int r;

    if (file->special)
        return 0;
    IDENTITY_SCOPE;
    if (unlink(file->path) < 0 && errno != ENOENT)
        removed = -errno;
    r = logfile_reopen(file);
    return removed < 0 ? removed : r;
}
