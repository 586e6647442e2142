/* A log file as the oracle's RotatingFileHandler keeps it: appended to, rotated at a size, reopened, removed.
 *
 * What is written lies in segments: a segment is one file on disk, kept open while somebody still has to read
 * a range of it, also after it was renamed, rotated away or deleted. The file is opened without O_APPEND,
 * because splice() refuses that; every write asks for the size first and goes to the end, so that others may
 * append to, truncate or remove it.
 *
 * Not everything that is named as a log file is one: what is no regular file (a terminal, a pipe, /dev/null)
 * and the daemon's own descriptors (/dev/stdout, /dev/stderr, /dev/fd/N) are "special": written to without
 * blocking, never rotated or removed. Programs that use this must ignore SIGPIPE and SIGXFSZ. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct LogSegment LogSegment;
typedef struct Logfile Logfile;

/* A byte of a log that has a name beyond this process: also after the file was renamed. */
typedef struct LogPlace {
    uint64_t device;
    uint64_t inode; /* 0: nowhere */
    uint64_t born;  /* nanoseconds, where the file system knows: numbers of removed files are used again */
    uint64_t offset;
} LogPlace;

/* Bytes [begin, end) of a segment; the segment is borrowed. NULL when what was written cannot be read back
 * (special files). */
typedef struct LogExtent {
    LogSegment *segment;
    off_t begin;
    off_t end;
} LogExtent;

LogSegment *log_segment_ref(LogSegment *segment);
void log_segment_unref(LogSegment *segment);
/* As pread(), with negative errno. */
ssize_t log_segment_read(const LogSegment *segment, void *buffer, size_t size, off_t offset);

LogPlace log_segment_place(const LogSegment *segment, off_t offset);

/* Opens for appending, makes it (mode 0666 less umask) if it is missing. `maxbytes` 0: never rotate. Returns
 * 0 or negative errno. */
int logfile_open(const char *path, int64_t maxbytes, int64_t backups, Logfile **ret);
Logfile *logfile_ref(Logfile *file);
void logfile_unref(Logfile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Logfile, logfile_unref)

const char *logfile_path(const Logfile *file);
bool logfile_is_special(const Logfile *file);
/* Splice works and what was written can be read back. */
bool logfile_can_splice(const Logfile *file);
/* Hands out everything from a place in the file or one of its backups to the end of the file, in order. When
 * the file of the place is gone, it is all that the current file holds: backups may be older. The extents'
 * segments are borrowed. Regular files only. */
typedef void (*LogfileExtentFunction)(const LogExtent *extent, void *userdata);
void logfile_since(Logfile *file, const LogPlace *place, LogfileExtentFunction found, void *userdata);
/* Where the next byte will be. */
LogPlace logfile_end(const Logfile *file);
/* To wait for a special file to become writable. */
int logfile_fd(const Logfile *file);

/* Writes at the end. Returns how many bytes went in (fewer than asked for when a special file is full), or
 * negative errno: -EAGAIN when a special file is full, -ENOSPC and the like when nothing could be written. */
ssize_t logfile_append(Logfile *file, const void *data, size_t size, LogExtent *ret);

/* Moves up to `size` bytes from a pipe to the end of the file without their passing through this process:
 * what is taken from the pipe is in the file, even if we are killed in between. Stops where a rotation is
 * due. Returns the number of bytes, 0 when the pipe is empty, or negative errno; -EINVAL when this file does
 * not take it. */
ssize_t logfile_splice(Logfile *file, int pipe_fd, size_t size, LogExtent *ret);

/* How many of these bytes belong into the file before it is to be rotated: all of them, or up to the first
 * line end at which it has reached maxbytes. */
size_t logfile_fit(Logfile *file, const void *data, size_t size);

/* Rotates when the file has reached maxbytes and its last line is complete (or goes on for more than 64 KiB).
 * The oracle looks after every chunk it has read, which for a program that writes lines is the same place.
 * Returns 1 when rotated, 0 when not due, or negative errno: then the file goes on growing and the next try
 * comes after another maxbytes. */
int logfile_rotate_if_due(Logfile *file);

/* Closes and opens again. When that fails the old file stays in use. Special files: nothing to do. */
int logfile_reopen(Logfile *file);
/* Removes (it is fine when it is gone already) and opens again; backups stay, as in the oracle. Special files
 * are left alone. */
int logfile_remove(Logfile *file);
