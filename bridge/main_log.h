/* The daemon's own log: `logfile` of [supervisord], echoed to stdout with -n, lines and levels as the oracle
 * writes them. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum LogLevel {
    LOG_LEVEL_BLATHER = 3,
    LOG_LEVEL_TRACE = 5,
    LOG_LEVEL_DEBUG = 10,
    LOG_LEVEL_INFO = 20,
    LOG_LEVEL_WARN = 30,
    LOG_LEVEL_ERROR = 40,
    LOG_LEVEL_CRITICAL = 50,
} LogLevel;

typedef struct MainLogConfig {
    const char *path; /* NULL: no file; "syslog": to the journal's syslog socket, as the oracle does */
    int64_t maxbytes; /* 0: never rotate */
    int64_t backups;
    LogLevel level;
    bool echo; /* to stdout as well */
} MainLogConfig;

typedef struct MainLog MainLog;

/* Opens (creates, appends). Returns 0 or negative errno when the file cannot be opened; then nothing is made.
 */
int main_log_open(const MainLogConfig *config, MainLog **ret);
void main_log_free(MainLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MainLog, main_log_free)

/* "2026-11-20 18:24:17,123 INFO message\n". Below the configured level: nothing. A line that cannot be
 * written is counted and the count is told when writing works again; never an exit. `log` may be NULL:
 * nothing happens (tests). */
void main_log_write(MainLog *log, LogLevel level, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Whether a line of this level would be written: to save the work of making it. */
bool main_log_wants(const MainLog *log, LogLevel level);

/* Path of the file; NULL when there is none. */
const char *main_log_path(const MainLog *log);
/* SIGUSR2: close and open again; when that fails the old file stays in use. 0 or negative errno. */
int main_log_reopen(MainLog *log);
/* What the RPC clearLog does: removes the file, tells "reopening log file", opens again. -ENOENT when there
 * is no file (the oracle's NO_FILE), another negative errno when it cannot be removed or opened (FAILED). */
int main_log_clear(MainLog *log);
