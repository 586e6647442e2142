/* The log file of one stream, and what to do when it does not take what it should: count, tell the main log
 * once, go on. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bridge/logfile.h"
#include "bridge/main_log.h"

typedef struct Outlet Outlet;

/* `log` and `name` (of the process, for messages; copied) as for the pump. `file` is taken over; NULL: it
 * could not be opened. */
Outlet *outlet_new(const char *path, Logfile *file, const char *name, MainLog *log);
/* Tells what was lost and not told yet. */
void outlet_free(Outlet *outlet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Outlet, outlet_free)

const char *outlet_path(const Outlet *outlet);
/* NULL when it could not be opened. */
Logfile *outlet_file(const Outlet *outlet);
void outlet_set_file(Outlet *outlet, Logfile *file);
bool outlet_can_splice(const Outlet *outlet);

/* Moves from a pipe to the file. Returns the number of bytes, 0 when the pipe is empty, or negative errno
 * when the file takes nothing: read then and use outlet_write(), which counts. After the extent was dealt
 * with comes outlet_rotate(). */
ssize_t outlet_splice(Outlet *outlet, int pipe_fd, size_t size, LogExtent *ret);

/* Writes the beginning of the data and returns how many bytes that were, always at least one: what cannot be
 * written is counted as lost, what a special file cannot take yet is kept. `ret` has a segment when the bytes
 * can be read back from it. Then outlet_rotate(). */
size_t outlet_write(Outlet *outlet, const char *data, size_t size, LogExtent *ret);
void outlet_rotate(Outlet *outlet);

/* Something is kept: do not feed it more than necessary. */
bool outlet_is_full(const Outlet *outlet);
/* Tries to write what is kept. */
void outlet_flush(Outlet *outlet);
