/* Does to our log files, main log and escape stripper what logs.py does to the oracle's, record by record
 * from standard input. A record: its length in four bytes, little endian, and so many bytes. */
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "bridge/event.h"
#include "bridge/logfile.h"
#include "bridge/main_log.h"
#include "bridge/pump.h"
#include "bridge/strip_ansi.h"

/* False at the end of the input. */
static bool read_record(char **ret_data, size_t *ret_size)
{
    uint32_t length;
    char *data;

    if (fread(&length, sizeof(length), 1, stdin) != 1)
        return false;
    length = le32toh(length);
    data = g_malloc((gsize)length + 1);
    if (fread(data, 1, length, stdin) != length)
        errx(1, "short record");
    data[length] = '\0';
    *ret_data = data;
    *ret_size = length;
    return true;
}

static int64_t number(const char *text)
{
    gint64 value;

    if (!g_ascii_string_to_signed(text, 10, 0, INT64_MAX, &value, NULL))
        errx(1, "%s is no number", text);
    return value;
}

static void check(int r, const char *what)
{
    if (r < 0)
        errx(1, "%s: %s", what, strerror(-r));
}

/* file PATH MAXBYTES BACKUPS: each record is one append; "!reopen" and "!remove" are what they say. */
static void drive_file(char **argv)
{
    g_autoptr(Logfile) file = NULL;
    char *data;
    size_t size;

    check(logfile_open(argv[0], number(argv[1]), number(argv[2]), &file), "open");
    while (read_record(&data, &size)) {
        g_autofree char *record = data;
        LogExtent extent;

        if (strcmp(record, "!reopen") == 0) {
            check(logfile_reopen(file), "reopen");
        } else if (strcmp(record, "!remove") == 0) {
            check(logfile_remove(file), "remove");
        } else {
            check((int)logfile_append(file, record, size, &extent), "append");
            check(logfile_rotate_if_due(file), "rotate");
        }
    }
}

static void read_all(sd_event *event, int fd)
{
    int waiting = 1;

    while (waiting > 0) {
        check(sd_event_run(event, 1000000), "run");
        if (ioctl(fd, FIONREAD, &waiting) < 0)
            err(1, "FIONREAD");
    }
}

/* Each record is one write of a program, read before the next one comes. */
static void drive_stream(const PumpStreamConfig *config, EventBus *events, bool drain)
{
    g_autoptr(Pump) pump = NULL;
    PumpStream *stream = NULL;
    sd_event *event = NULL;
    char *data;
    size_t size;
    int writer;

    check(sd_event_new(&event), "event");
    check(pump_new(event, NULL, events, &pump), "pump");
    check(pump_add(pump, config, &stream), "add");
    pump_stream_set_pid(stream, 4711);
    writer = open(config->fifo_path, O_WRONLY | O_CLOEXEC);
    while (read_record(&data, &size)) {
        g_autofree char *record = data;

        if (write(writer, record, size) != (ssize_t)size)
            err(1, "write");
        if (drain)
            pump_stream_drain(stream);
        else
            read_all(event, writer);
    }
    close(writer);
    pump_stream_remove(stream, true);
    g_clear_pointer(&pump, pump_free);
    sd_event_unref(event);
}

/* pump PATH MAXBYTES BACKUPS STRIP */
static void drive_pump(char **argv)
{
    g_autofree char *fifo = g_strdup_printf("%s.fifo", argv[0]);
    g_autoptr(EventBus) events = event_bus_new();

    drive_stream(&(PumpStreamConfig){.fifo_path = fifo,
                                     .process = "x",
                                     .group = "x",
                                     .unit = "x.service",
                                     .logfile = argv[0],
                                     .maxbytes = number(argv[1]),
                                     .backups = number(argv[2]),
                                     .strip_ansi = number(argv[3]) > 0},
                 events, true);
}

static void on_event(EventType type, const char *payload, size_t size, void *userdata)
{
    printf("%s %zu\n", event_type_name(type), size);
    fwrite(payload, 1, size, stdout);
}

/* events PATH STREAM STRIP CAPTURE_MAXBYTES EVENTS_ENABLED: the events go to standard output. */
static void drive_events(char **argv)
{
    g_autofree char *fifo = g_strdup_printf("%s.fifo", argv[0]);
    g_autoptr(EventBus) events = event_bus_new();

    event_bus_subscribe(events, EVENT_EVENT, on_event, NULL);
    drive_stream(&(PumpStreamConfig){.fifo_path = fifo,
                                     .process = "x",
                                     .group = "many",
                                     .unit = "x.service",
                                     .logfile = argv[0],
                                     .stream = number(argv[1]) == 2 ? STREAM_STDERR : STREAM_STDOUT,
                                     .strip_ansi = number(argv[2]) > 0,
                                     .capture_maxbytes = number(argv[3]),
                                     .events_enabled = number(argv[4]) > 0},
                 events, false);
}

/* main PATH MAXBYTES BACKUPS LEVEL ECHO: each record is "LEVEL message"; "!reopen" and "!clear" are what they
 * say. */
static void drive_main_log(char **argv)
{
    const MainLogConfig config = {
        .path = *argv[0] ? argv[0] : NULL,
        .maxbytes = number(argv[1]),
        .backups = number(argv[2]),
        .level = (LogLevel)number(argv[3]),
        .echo = number(argv[4]) > 0,
    };
    g_autoptr(MainLog) log = NULL;
    char *data;
    size_t size;

    check(main_log_open(&config, &log), "open");
    while (read_record(&data, &size)) {
        g_autofree char *record = data;
        char *message;
        long level;

        if (strcmp(record, "!reopen") == 0) {
            check(main_log_reopen(log), "reopen");
        } else if (strcmp(record, "!clear") == 0) {
            check(main_log_clear(log), "clear");
        } else {
            level = strtol(record, &message, 10);
            main_log_write(log, (LogLevel)level, "%s", message + 1);
        }
    }
}

/* strip: the records are pieces of one stream; what remains goes to standard output. */
static void drive_strip(char **argv)
{
    StripAnsi state = STRIP_ANSI_TEXT;
    char *data;
    size_t size;

    while (read_record(&data, &size)) {
        g_autofree char *record = data;
        g_autofree char *output = g_malloc(size + 1);

        fwrite(output, 1, strip_ansi(&state, record, size, output), stdout);
    }
    if (strip_ansi_finish(&state) > 0)
        fputc('\033', stdout);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int arguments;
        void (*drive)(char **argv);
    } modes[] = {
        {"file", 3, drive_file},     {"pump", 4, drive_pump},   {"events", 5, drive_events},
        {"main", 5, drive_main_log}, {"strip", 0, drive_strip},
    };

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    umask(022);
    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (argc >= 2 && strcmp(argv[1], modes[i].name) == 0 && argc == modes[i].arguments + 2) {
            modes[i].drive(argv + 2);
            return 0;
        }
    }
    errx(2, "usage: drive-logs file|pump|events|main|strip ARGUMENT...");
}
