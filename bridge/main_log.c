#include "bridge/main_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bridge/logfile.h"
#include "bridge/syslog_sender.h"

/* One place the lines go to: the file, or stdout. */
typedef struct Sink {
    Logfile *file;
    uint64_t lost; /* lines since writing last worked */
} Sink;

struct MainLog {
    LogLevel level;
    Sink file;
    Sink echo;
    SyslogSender *syslog;
};

static const struct {
    LogLevel level;
    const char *name;
} level_names[] = {
    {LOG_LEVEL_CRITICAL, "CRIT"}, {LOG_LEVEL_ERROR, "ERRO"}, {LOG_LEVEL_WARN, "WARN"},
    {LOG_LEVEL_INFO, "INFO"},     {LOG_LEVEL_DEBUG, "DEBG"}, {LOG_LEVEL_TRACE, "TRAC"},
    {LOG_LEVEL_BLATHER, "BLAT"},
};

static const char *level_name(LogLevel level)
{
    for (size_t i = 0; i < G_N_ELEMENTS(level_names); i++) {
        if (level_names[i].level == level)
            return level_names[i].name;
    }
    return "INFO";
}

int main_log_open(const MainLogConfig *config, MainLog **ret)
{
    g_autoptr(MainLog) log = g_new0(MainLog, 1);
    int r;

    log->level = config->level;
    if (g_strcmp0(config->path, "syslog") == 0) {
        log->syslog = syslog_sender_new(SYSLOG_SENDER_SOCKET);
    } else if (config->path) {
        r = logfile_open(config->path, config->maxbytes, config->backups, &log->file.file);
        if (r < 0)
            return r;
    }
    if (config->echo) {
        r = logfile_open("/dev/stdout", 0, 0, &log->echo.file);
        /* Started without a stdout: there is nobody to echo to. */
        if (r < 0 && r != -EBADF)
            return r;
    }
    *ret = g_steal_pointer(&log);
    return 0;
}

void main_log_free(MainLog *log)
{
    if (!log)
        return;
    logfile_unref(log->file.file);
    logfile_unref(log->echo.file);
    syslog_sender_free(log->syslog);
    g_free(log);
}

/* The oracle's '%(asctime)s %(levelname)s %(message)s'; milliseconds are cut, not rounded. */
static char *format_line(LogLevel level, const char *message)
{
    struct timespec now;
    struct tm local;
    char date[sizeof("-2147483648-01-01 00:00:00")];

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    if (strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &local) == 0)
        date[0] = '\0';
    return g_strdup_printf("%s,%03ld %s %s\n", date, now.tv_nsec / 1000000, level_name(level), message);
}

static bool sink_append(Sink *sink, const char *line)
{
    size_t size = strlen(line);
    LogExtent extent;
    ssize_t count = logfile_append(sink->file, line, size, &extent);

    /* A failed rotation leaves a file that grows: better than no log. */
    (void)logfile_rotate_if_due(sink->file);
    return count == (ssize_t)size;
}

static void sink_write(Sink *sink, const char *line)
{
    g_autofree char *message = NULL;
    g_autofree char *note = NULL;

    if (!sink->file)
        return;
    if (sink->lost > 0) {
        message = g_strdup_printf("%" PRIu64 " lines could not be written to this log", sink->lost);
        note = format_line(LOG_LEVEL_WARN, message);
        if (!sink_append(sink, note)) {
            sink->lost++;
            return;
        }
        sink->lost = 0;
    }
    if (!sink_append(sink, line))
        sink->lost++;
}

/* As the oracle's SyslogHandler: each line of the message is a record of its own, with date and level. */
static void write_syslog(MainLog *log, LogLevel level, const char *message)
{
    const char *end = message + strlen(message);

    if (!log->syslog)
        return;
    while (end > message && end[-1] == '\n')
        end--;
    for (;;) {
        const char *newline = memchr(message, '\n', (size_t)(end - message));
        g_autofree char *text = g_strndup(message, (size_t)((newline ? newline : end) - message));
        g_autofree char *record = format_line(level, text);

        (void)syslog_sender_send(log->syslog, NULL, record, strlen(record));
        if (!newline)
            return;
        message = newline + 1;
    }
}

bool main_log_wants(const MainLog *log, LogLevel level)
{
    return log && level >= log->level;
}

void main_log_write(MainLog *log, LogLevel level, const char *format, ...)
{
    g_autofree char *message = NULL;
    g_autofree char *line = NULL;
    int saved_errno = errno;
    va_list arguments;

    if (!main_log_wants(log, level))
        return;
    va_start(arguments, format);
    message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    line = format_line(level, message);
    sink_write(&log->echo, line);
    sink_write(&log->file, line);
    write_syslog(log, level, message);
    errno = saved_errno;
}

const char *main_log_path(const MainLog *log)
{
    return log && log->file.file ? logfile_path(log->file.file) : NULL;
}

int main_log_reopen(MainLog *log)
{
    return log && log->file.file ? logfile_reopen(log->file.file) : 0;
}

/* The oracle tells "reopening log file" once per handler, between removing and reopening: what goes to the
 * file is never seen, what goes to stdout is (twice, as stdout is a handler too). */
int main_log_clear(MainLog *log)
{
    const char *path = main_log_path(log);

    if (!path || access(path, F_OK) < 0)
        return -ENOENT;
    if (main_log_wants(log, LOG_LEVEL_INFO)) {
        g_autofree char *line = format_line(LOG_LEVEL_INFO, "reopening log file");

        sink_write(&log->echo, line);
        sink_write(&log->echo, line);
    }
    return logfile_remove(log->file.file);
}
