/* A pump on its own, told what to do on standard input, one command a line; it answers "ok" or an error:
 *     add NAME UNIT stdout|stderr FIFO LOG|- MAXBYTES OWNER|- system|user
 *     pid NAME PID     drain NAME     remove NAME */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "bridge/pump.h"

typedef struct Driver {
    sd_event *event;
    MainLog *log;
    EventBus *events;
    Pump *pump;
    GHashTable *streams; /* name → PumpStream */
} Driver;

static int64_t number(const char *text)
{
    gint64 value;

    if (!g_ascii_string_to_signed(text, 10, 0, INT64_MAX, &value, NULL))
        errx(1, "%s is no number", text);
    return value;
}

static PumpStream *find(const Driver *driver, const char *name)
{
    PumpStream *stream = g_hash_table_lookup(driver->streams, name);

    if (!stream)
        errx(1, "no stream %s", name);
    return stream;
}

static int do_add(Driver *driver, char **word)
{
    const PumpStreamConfig config = {
        .process = word[1],
        .group = word[1],
        .unit = word[2],
        .stream = strcmp(word[3], "stderr") == 0 ? STREAM_STDERR : STREAM_STDOUT,
        .fifo_path = word[4],
        .logfile = strcmp(word[5], "-") == 0 ? NULL : word[5],
        .maxbytes = number(word[6]),
        .backups = 1000,
        .owner = {.is_other = strcmp(word[7], "-") != 0,
                  .uid = strcmp(word[7], "-") != 0 ? (uid_t)number(word[7]) : 0},
        .user_manager = strcmp(word[8], "user") == 0,
        .journal = true,
    };
    PumpStream *stream;
    int r = pump_add(driver->pump, &config, &stream);

    if (r == 0)
        g_hash_table_insert(driver->streams, g_strdup(word[1]), stream);
    return r;
}

static int do_pid(Driver *driver, char **word)
{
    pump_stream_set_pid(find(driver, word[1]), (pid_t)number(word[2]));
    return 0;
}

static int do_drain(Driver *driver, char **word)
{
    pump_stream_drain(find(driver, word[1]));
    return 0;
}

static int do_remove(Driver *driver, char **word)
{
    pump_stream_remove(find(driver, word[1]), true);
    g_hash_table_remove(driver->streams, word[1]);
    return 0;
}

static int carry_out(Driver *driver, char **words)
{
    static const struct {
        const char *name;
        guint words;
        int (*run)(Driver *driver, char **words);
    } commands[] = {{"add", 9, do_add}, {"pid", 3, do_pid}, {"drain", 2, do_drain}, {"remove", 2, do_remove}};

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (g_strv_length(words) == commands[i].words && strcmp(words[0], commands[i].name) == 0)
            return commands[i].run(driver, words);
    }
    errx(1, "what is '%s'?", words[0]);
}

static int on_command(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    Driver *driver = userdata;
    g_auto(GStrv) words = NULL;
    char line[4096];
    size_t size = 0;
    int r;

    /* Byte by byte, since a line read ahead would never wake us again. */
    while (size < sizeof(line) - 1 && read(fd, line + size, 1) == 1 && line[size] != '\n')
        size++;
    if (size == 0)
        return sd_event_exit(driver->event, 0);
    line[size] = '\0';
    words = g_strsplit(line, " ", -1);
    r = carry_out(driver, words);
    printf("%s\n", r < 0 ? strerror(-r) : "ok");
    fflush(stdout);
    return 0;
}

int main(void)
{
    Driver driver = {.events = event_bus_new(),
                     .streams = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    int r;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    umask(022);
    r = sd_event_new(&driver.event);
    if (r >= 0)
        r = main_log_open(&(MainLogConfig){.path = "/dev/stderr", .level = LOG_LEVEL_INFO}, &driver.log);
    if (r >= 0)
        r = pump_new(driver.event, driver.log, driver.events, &driver.pump);
    if (r >= 0)
        r = sd_event_add_io(driver.event, NULL, STDIN_FILENO, EPOLLIN, on_command, &driver);
    if (r >= 0)
        r = sd_event_loop(driver.event);
    if (r < 0)
        errx(1, "%s", strerror(-r));
    g_hash_table_unref(driver.streams);
    pump_free(driver.pump);
    event_bus_free(driver.events);
    main_log_free(driver.log);
    sd_event_unref(driver.event);
    return 0;
}
