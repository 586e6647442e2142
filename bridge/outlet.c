#include "bridge/outlet.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

/* Writing that worked for so long after the last failure works again. On a disk that is full to the brim,
 * where now and then a few bytes fit, it would be told a thousand times a second otherwise. */
#define RECOVERED_USEC ((uint64_t)1000 * 1000)

/* Of what a special file does not take: only draining a program that has ended puts so much there. */
#define KEPT_BYTES_MAX ((size_t)8 * 1024 * 1024)

struct Outlet {
    char *path;
    char *name;
    MainLog *log;
    Logfile *file;
    GByteArray *kept; /* for a special file that is full */
    uint64_t lost;    /* bytes since the failure was told */
    uint64_t failed_at;
    bool failing;
    bool rotation_failing;
};

static uint64_t monotonic_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

Outlet *outlet_new(const char *path, Logfile *file, const char *name, MainLog *log)
{
    Outlet *outlet = g_new0(Outlet, 1);

    outlet->path = g_strdup(path);
    outlet->name = g_strdup(name);
    outlet->log = log;
    outlet->file = file;
    outlet->kept = g_byte_array_new();
    return outlet;
}

static void outlet_tell_lost(Outlet *outlet)
{
    if (outlet->failing)
        main_log_write(outlet->log, LOG_LEVEL_WARN, "%" PRIu64 " bytes of %s could not be written to %s",
                       outlet->lost, outlet->name, outlet->path);
    outlet->failing = false;
    outlet->lost = 0;
}

void outlet_free(Outlet *outlet)
{
    if (!outlet)
        return;
    outlet_flush(outlet);
    outlet->lost += outlet->kept->len;
    outlet_tell_lost(outlet);
    logfile_unref(outlet->file);
    g_byte_array_unref(outlet->kept);
    g_free(outlet->path);
    g_free(outlet->name);
    g_free(outlet);
}

const char *outlet_path(const Outlet *outlet)
{
    return outlet->path;
}

Logfile *outlet_file(const Outlet *outlet)
{
    return outlet->file;
}

void outlet_set_file(Outlet *outlet, Logfile *file)
{
    logfile_unref(outlet->file);
    outlet->file = file;
}

bool outlet_can_splice(const Outlet *outlet)
{
    return outlet->file && logfile_can_splice(outlet->file);
}

static void outlet_failed(Outlet *outlet, int error, size_t lost)
{
    outlet->failed_at = monotonic_now();
    outlet->lost += lost;
    if (outlet->failing)
        return;
    outlet->failing = true;
    main_log_write(outlet->log, LOG_LEVEL_ERROR,
                   "cannot write the output of %s to %s: %s; what is lost will be counted", outlet->name,
                   outlet->path, g_strerror(-error));
}

/* A special file is full: what it does not take now it gets later. */
static void outlet_keep(Outlet *outlet, const char *data, size_t size)
{
    if (outlet->kept->len + size > KEPT_BYTES_MAX)
        outlet_failed(outlet, -EAGAIN, size);
    else
        g_byte_array_append(outlet->kept, (const guint8 *)data, (guint)size);
}

static void outlet_worked(Outlet *outlet)
{
    if (outlet->failing && monotonic_now() >= outlet->failed_at + RECOVERED_USEC)
        outlet_tell_lost(outlet);
}

ssize_t outlet_splice(Outlet *outlet, int pipe_fd, size_t size, LogExtent *ret)
{
    ssize_t count = logfile_splice(outlet->file, pipe_fd, size, ret);

    if (count > 0)
        outlet_worked(outlet);
    return count;
}

size_t outlet_write(Outlet *outlet, const char *data, size_t size, LogExtent *ret)
{
    ssize_t count;

    *ret = (LogExtent){0};
    if (!outlet->file)
        return size;
    if (outlet->kept->len > 0) {
        outlet_keep(outlet, data, size);
        return size;
    }
    size = logfile_fit(outlet->file, data, size);
    count = logfile_append(outlet->file, data, size, ret);
    if (count > 0) {
        outlet_worked(outlet);
        return (size_t)count;
    }
    if (count == -EAGAIN)
        outlet_keep(outlet, data, size);
    else
        outlet_failed(outlet, (int)count, size);
    return size;
}

void outlet_rotate(Outlet *outlet)
{
    int r = outlet->file ? logfile_rotate_if_due(outlet->file) : 0;

    if (r > 0)
        outlet->rotation_failing = false;
    if (r >= 0 || outlet->rotation_failing)
        return;
    outlet->rotation_failing = true;
    main_log_write(outlet->log, LOG_LEVEL_ERROR, "cannot rotate %s: %s; it grows beyond its maximum",
                   outlet->path, g_strerror(-r));
}

bool outlet_is_full(const Outlet *outlet)
{
    return outlet->kept->len > 0;
}

void outlet_flush(Outlet *outlet)
{
    LogExtent extent;

    while (outlet->kept->len > 0) {
        ssize_t count = logfile_append(outlet->file, outlet->kept->data, outlet->kept->len, &extent);

        if (count == -EAGAIN)
            return;
        if (count < 0) {
            outlet_failed(outlet, (int)count, outlet->kept->len);
            g_byte_array_set_size(outlet->kept, 0);
            return;
        }
        g_byte_array_remove_range(outlet->kept, 0, (guint)count);
    }
}
