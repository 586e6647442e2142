#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "bridge/journal_lookup.h"
#include "bridge/pump.h"
#include "bridge/pump_internal.h"
#include "tests/unit/fake-journald.h"

#define LONG_ENOUGH_SECONDS 20

typedef struct Fixture {
    char *directory;
    char *fifo;
    char *log;
    char *journal_path;
    char *main_log_path;
    sd_event *event;
    MainLog *main_log;
    EventBus *events;
    Pump *pump;
    FakeJournald *journald;
    PumpStreamConfig config;
} Fixture;

static char *in_directory(const Fixture *fixture, const char *name)
{
    return g_build_filename(fixture->directory, name, NULL);
}

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    g_autofree char *syslog = NULL;

    fixture->directory = g_dir_make_tmp("pump-XXXXXX", NULL);
    assert_non_null(fixture->directory);
    fixture->fifo = in_directory(fixture, "fifo");
    fixture->log = in_directory(fixture, "log");
    fixture->journal_path = in_directory(fixture, "journal");
    fixture->main_log_path = in_directory(fixture, "main.log");
    syslog = in_directory(fixture, "syslog");
    fixture->journald = fake_journald_new(fixture->journal_path);
    assert_true(sd_event_new(&fixture->event) >= 0);
    fixture->events = event_bus_new();
    assert_int_equal(main_log_open(&(MainLogConfig){.path = fixture->main_log_path, .level = LOG_LEVEL_INFO},
                                   &fixture->main_log),
                     0);
    assert_int_equal(pump_new_with_sockets(fixture->event, fixture->main_log, fixture->events,
                                           fixture->journal_path, syslog, journal_lookup, &fixture->pump),
                     0);
    fixture->config = (PumpStreamConfig){
        .fifo_path = fixture->fifo,
        .process = "web",
        .group = "web",
        .unit = "supervisor:web.service",
        .stream = STREAM_STDOUT,
        .logfile = fixture->log,
        .journal = true,
    };
    *state = fixture;
    return 0;
}

static void remove_directory(const char *path)
{
    GDir *directory = g_dir_open(path, 0, NULL);
    const char *name;

    while (directory && (name = g_dir_read_name(directory))) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        (void)g_remove(file);
    }
    if (directory)
        g_dir_close(directory);
    (void)g_rmdir(path);
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;

    pump_free(fixture->pump);
    event_bus_free(fixture->events);
    main_log_free(fixture->main_log);
    sd_event_unref(fixture->event);
    fake_journald_free(fixture->journald);
    remove_directory(fixture->directory);
    g_free(fixture->directory);
    g_free(fixture->fifo);
    g_free(fixture->log);
    g_free(fixture->journal_path);
    g_free(fixture->main_log_path);
    g_free(fixture);
    return 0;
}

static PumpStream *add(Fixture *fixture)
{
    PumpStream *stream = NULL;

    assert_int_equal(pump_add(fixture->pump, &fixture->config, &stream), 0);
    return stream;
}

/* The program's end of the FIFO. */
static int open_writer(const Fixture *fixture)
{
    int fd = open(fixture->fifo, O_WRONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static void put(int fd, const void *data, size_t size)
{
    assert_int_equal(write(fd, data, size), (ssize_t)size);
}

static void put_text(int fd, const char *text)
{
    put(fd, text, strlen(text));
}

static char *contents(const char *path, gsize *ret_size)
{
    char *data = NULL;

    assert_true(g_file_get_contents(path, &data, ret_size, NULL));
    return data;
}

static void assert_file(const char *path, const void *expected, size_t size)
{
    gsize length;
    g_autofree char *data = contents(path, &length);

    assert_int_equal(length, size);
    assert_memory_equal(data, expected, size);
}

static void assert_file_text(const char *path, const char *expected)
{
    assert_file(path, expected, strlen(expected));
}

static void turn(Fixture *fixture)
{
    assert_true(sd_event_run(fixture->event, 1000) >= 0);
}

static time_t deadline(void)
{
    return time(NULL) + LONG_ENOUGH_SECONDS;
}

static void run_until_size(Fixture *fixture, const char *path, off_t size)
{
    time_t end = deadline();
    struct stat status;

    while (stat(path, &status) < 0 || status.st_size < size) {
        turn(fixture);
        assert_true(time(NULL) < end);
    }
}

static void run_until_entries(Fixture *fixture, guint count)
{
    time_t end = deadline();

    while (fake_journald_receive(fixture->journald) < count) {
        turn(fixture);
        assert_true(time(NULL) < end);
    }
}

static void assert_journal(Fixture *fixture, const void *expected, size_t size)
{
    GByteArray *text = fake_journald_cat(fixture->journald);

    assert_int_equal(text->len, size);
    assert_memory_equal(text->data, expected, size);
    g_byte_array_unref(text);
}

static void test_bytes_are_exact(void **state)
{
    static const char text[] =
        "first\n\n\nnul \0 inside\ninvalid \xff\xfe utf-8\n\r\tcontrol \033[1m\nno newline at the end";
    Fixture *fixture = *state;
    PumpStream *stream = add(fixture);
    int writer = open_writer(fixture);

    pump_stream_set_pid(stream, getpid());
    put(writer, text, sizeof(text) - 1);
    run_until_size(fixture, fixture->log, sizeof(text) - 1);
    assert_file(fixture->log, text, sizeof(text) - 1);
    run_until_entries(fixture, 6);
    /* The unfinished line is only told when the program has ended. */
    pump_stream_drain(stream);
    run_until_entries(fixture, 7);
    /* In the journal it cannot be told from a finished one: the terminating NUL's place is a newline there.
     */
    {
        g_autofree char *expected = g_memdup2(text, sizeof(text));

        expected[sizeof(text) - 1] = '\n';
        assert_journal(fixture, expected, sizeof(text));
    }
    close(writer);
}

static void test_fields_of_an_entry(void **state)
{
    Fixture *fixture = *state;
    const FakeEntry *entry;
    PumpStream *stream;
    int writer;

    fixture->config.group = "site";
    fixture->config.stream = STREAM_STDERR;
    stream = add(fixture);
    writer = open_writer(fixture);
    pump_stream_set_pid(stream, getppid());
    put_text(writer, "oops\n");
    run_until_entries(fixture, 1);
    entry = fake_journald_entry(fixture->journald, 0);
    /* Only root may speak for another process. */
    assert_int_equal(entry->pid, geteuid() == 0 ? getppid() : getpid());
    assert_string_equal(fake_entry_string(entry, "MESSAGE"), "oops");
    assert_string_equal(fake_entry_string(entry, "SUPERVISOR_PROCESS"), "web");
    assert_string_equal(fake_entry_string(entry, "SUPERVISOR_GROUP"), "site");
    assert_string_equal(fake_entry_string(entry, "SUPERVISOR_STREAM"), "stderr");
    assert_string_equal(fake_entry_string(entry, "SUPERVISOR_ID"), "site:web:stderr");
    assert_string_equal(fake_entry_string(entry, "PRIORITY"), "4");
    assert_string_equal(fake_entry_string(entry, "SYSLOG_IDENTIFIER"), "web");
    assert_string_equal(fake_entry_string(entry, "OBJECT_SYSTEMD_UNIT"), "supervisor:web.service");
    close(writer);
}

/* The program wrote while there was no bridge, and has ended since: the descriptor is kept open as systemd's
 * store would. */
static void test_fifo_left_from_before(void **state)
{
    Fixture *fixture = *state;
    PumpStream *stream;
    int keeper;

    assert_int_equal(mkfifo(fixture->fifo, 0600), 0);
    keeper = open(fixture->fifo, O_RDWR | O_CLOEXEC);
    put_text(keeper, "written before\n");
    assert_true(g_file_set_contents(fixture->log, "old\n", -1, NULL));
    stream = add(fixture);
    pump_stream_drain(stream);
    assert_file_text(fixture->log, "old\nwritten before\n");
    put_text(keeper, "and now");
    pump_stream_remove(stream, true);
    assert_file_text(fixture->log, "old\nwritten before\nand now");
    assert_int_equal(access(fixture->fifo, F_OK), -1);
    close(keeper);
}

/* Lines that hold anything but a newline and an escape. */
static GByteArray *random_lines(GRand *chance, guint count, gint longest)
{
    GByteArray *text = g_byte_array_new();

    for (guint i = 0; i < count; i++) {
        gint length = g_rand_int_range(chance, 0, longest);

        for (gint j = 0; j < length; j++) {
            guint8 byte = (guint8)g_rand_int_range(chance, 0, 256);

            if (byte == '\n' || byte == '\033')
                byte = 0;
            g_byte_array_append(text, &byte, 1);
        }
        g_byte_array_append(text, (const guint8 *)"\n", 1);
    }
    return text;
}

/* A child that writes in pieces of random sizes, as fast as it may, and ends. */
static pid_t start_writer(const Fixture *fixture, const GByteArray *text, gint longest)
{
    pid_t pid = fork();
    size_t done = 0;
    GRand *chance;
    int fd;

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    /* It has inherited the reading end as well, so it would wait for itself if the test ended early. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    chance = g_rand_new_with_seed((guint32)getpid());
    fd = open(fixture->fifo, O_WRONLY);
    while (done < text->len) {
        size_t piece = (size_t)g_rand_int_range(chance, 1, longest);
        size_t size = MIN(piece, text->len - done);
        ssize_t count = write(fd, text->data + done, size);

        if (count < 0)
            _exit(1);
        done += (size_t)count;
    }
    _exit(0);
}

static void run_until_exit(Fixture *fixture, pid_t pid)
{
    time_t end = deadline();
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        turn(fixture);
        (void)fake_journald_receive(fixture->journald);
        assert_true(time(NULL) < end);
    }
    assert_int_equal(status, 0);
}

/* Oldest part first. */
static GByteArray *join_parts(const char *path, gint64 backups)
{
    GByteArray *text = g_byte_array_new();

    for (gint64 i = backups; i >= 0; i--) {
        g_autofree char *name = i > 0 ? g_strdup_printf("%s.%" G_GINT64_FORMAT, path, i) : g_strdup(path);
        g_autofree char *data = NULL;
        gsize size;

        if (g_file_get_contents(name, &data, &size, NULL))
            g_byte_array_append(text, (const guint8 *)data, (guint)size);
    }
    return text;
}

static void assert_parts(Fixture *fixture, const GByteArray *expected)
{
    GByteArray *text = join_parts(fixture->log, fixture->config.backups);

    assert_int_equal(text->len, expected->len);
    assert_memory_equal(text->data, expected->data, expected->len);
    g_byte_array_unref(text);
}

typedef struct Flood {
    gint64 maxbytes;
    gint64 backups;
    bool strip_ansi; /* forces read and write instead of splice; there is nothing to strip */
    gint longest;    /* write */
} Flood;

/* The parts joined are what was written, whatever the sizes of writes, and the journal has every line. */
static void flood(Fixture *fixture, const Flood *row, guint32 seed)
{
    GRand *chance = g_rand_new_with_seed(seed);
    GByteArray *text = random_lines(chance, 15000, 120);
    PumpStream *stream;
    pid_t pid;

    fixture->config.maxbytes = row->maxbytes;
    fixture->config.backups = row->backups;
    fixture->config.strip_ansi = row->strip_ansi;
    stream = add(fixture);
    pid = start_writer(fixture, text, row->longest);
    pump_stream_set_pid(stream, pid);
    run_until_exit(fixture, pid);
    pump_stream_drain(stream);
    assert_parts(fixture, text);
    run_until_entries(fixture, 15000);
    assert_journal(fixture, text->data, text->len);
    pump_stream_remove(stream, true);
    g_byte_array_unref(text);
    g_rand_free(chance);
}

static void test_parts_are_whole(void **state)
{
    static const Flood rows[] = {
        {0, 0, false, 5000}, {65536, 100, false, 5000},  {20000, 100, false, 300000},
        {0, 0, true, 5000},  {20000, 100, true, 300000}, {65536, 100, true, 7},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        void *inner;

        set_up(&inner);
        flood(inner, &rows[i], (guint32)i + 1);
        tear_down(&inner);
    }
}

/* Every backup is thrown away before the journal can have read it; it gets the lines all the same. */
static void test_journal_of_files_rotated_away(void **state)
{
    Fixture *fixture = *state;

    for (gint64 backups = 0; backups <= 2; backups++) {
        GRand *chance = g_rand_new_with_seed(7);
        GByteArray *text = random_lines(chance, 3000, 100);
        PumpStream *stream;
        int writer;

        fixture->config.maxbytes = 1000;
        fixture->config.backups = backups;
        stream = add(fixture);
        writer = open_writer(fixture);
        put(writer, text->data, text->len);
        pump_stream_drain(stream);
        run_until_entries(fixture, 3000);
        assert_journal(fixture, text->data, text->len);
        fake_journald_forget(fixture->journald);
        pump_stream_remove(stream, false);
        close(writer);
        g_byte_array_unref(text);
        g_rand_free(chance);
    }
}

/* journald takes nothing: the file is complete all the same, nobody waits, and later the journal gets
 * everything. */
static void test_journald_hangs(void **state)
{
    Fixture *fixture = *state;
    GRand *chance = g_rand_new_with_seed(3);
    GByteArray *text = random_lines(chance, 9000, 100);
    PumpStream *stream = add(fixture);
    int writer = open_writer(fixture);

    pump_stream_set_pid(stream, getpid());
    put(writer, text->data, text->len);
    run_until_size(fixture, fixture->log, text->len);
    for (int i = 0; i < 50; i++)
        assert_true(sd_event_run(fixture->event, 1000) >= 0);
    assert_file(fixture->log, text->data, text->len);
    assert_true(fake_journald_receive(fixture->journald) < 9000);
    run_until_entries(fixture, 9000);
    assert_journal(fixture, text->data, text->len);
    g_byte_array_unref(text);
    g_rand_free(chance);
    close(writer);
}

static void test_journald_restarts(void **state)
{
    Fixture *fixture = *state;
    PumpStream *stream = add(fixture);
    int writer = open_writer(fixture);

    pump_stream_set_pid(stream, getpid());
    put_text(writer, "before\n");
    run_until_entries(fixture, 1);
    fake_journald_free(fixture->journald);
    assert_int_equal(unlink(fixture->journal_path), 0);
    put_text(writer, "meanwhile\n");
    run_until_size(fixture, fixture->log, 17);
    for (int i = 0; i < 5; i++)
        turn(fixture);
    fixture->journald = fake_journald_new(fixture->journal_path);
    put_text(writer, "after\n");
    run_until_entries(fixture, 2);
    assert_journal(fixture, "meanwhile\nafter\n", 16);
    close(writer);
}

/* No file, and journald does not take it: memory is bounded, and what did not fit is counted. */
static void test_without_file_memory_is_bounded(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *block = g_malloc(65536);
    guint64 arrived = 0;
    guint64 missing = 0;
    PumpStream *stream;
    int writer;

    fixture->config.logfile = NULL;
    stream = add(fixture);
    writer = open_writer(fixture);
    for (size_t i = 0; i < 65536; i++)
        block[i] = i % 1024 == 1023 ? '\n' : 'x';
    pump_stream_set_pid(stream, getpid());
    for (int i = 0; i < 40; i++) {
        put(writer, block, 65536);
        pump_stream_drain(stream);
    }
    put_text(writer, "end\n");
    pump_stream_drain(stream);
    pump_stream_remove(stream, true);
    for (time_t end = deadline(); missing == 0 || arrived + missing < 40 * 65536 + 4;) {
        turn(fixture);
        for (guint i = 0, count = fake_journald_receive(fixture->journald); i < count; i++) {
            const char *message = fake_entry_string(fake_journald_entry(fixture->journald, i), "MESSAGE");

            if (g_str_has_prefix(message, "[supervisord: "))
                missing += g_ascii_strtoull(message + strlen("[supervisord: "), NULL, 10);
            else
                arrived += strlen(message) + 1;
        }
        fake_journald_forget(fixture->journald);
        assert_true(time(NULL) < end);
    }
    assert_int_equal(arrived + missing, 40 * 65536 + 4);
    assert_true(arrived >= 512 * 1024);
    close(writer);
}

static void test_long_lines(void **state)
{
    static const size_t lengths[] = {100000, 300000, 1000000, 4000000};
    Fixture *fixture = *state;
    PumpStream *stream = add(fixture);
    GByteArray *text = g_byte_array_new();
    pid_t pid;

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autofree char *line = g_malloc(lengths[i]);

        memset(line, 'a' + (int)i, lengths[i]);
        line[lengths[i] - 1] = '\n';
        g_byte_array_append(text, (const guint8 *)line, (guint)lengths[i]);
    }
    pid = start_writer(fixture, text, 100000);
    pump_stream_set_pid(stream, getpid());
    run_until_exit(fixture, pid);
    pump_stream_drain(stream);
    assert_file(fixture->log, text->data, text->len);
    run_until_entries(fixture, G_N_ELEMENTS(lengths));
    assert_journal(fixture, text->data, text->len);
    g_byte_array_unref(text);
}

/* Beyond 4 MiB it becomes several entries; the newline behind a cut makes no empty one. */
static void test_endless_line_is_cut(void **state)
{
    Fixture *fixture = *state;
    PumpStream *stream = add(fixture);
    GByteArray *text = g_byte_array_new();
    GByteArray *journal;
    pid_t pid;

    g_byte_array_set_size(text, 10 * 1024 * 1024 + 1);
    memset(text->data, 'x', text->len);
    text->data[text->len - 1] = '\n';
    pid = start_writer(fixture, text, 300000);
    pump_stream_set_pid(stream, getpid());
    run_until_exit(fixture, pid);
    pump_stream_drain(stream);
    assert_file(fixture->log, text->data, text->len);
    run_until_entries(fixture, 3);
    journal = fake_journald_cat(fixture->journald);
    assert_int_equal(journal->len, text->len + 2);
    g_byte_array_unref(journal);
    g_byte_array_unref(text);
}

static pid_t dead_pid(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return pid;
}

static void test_writer_is_gone(void **state)
{
    Fixture *fixture = *state;
    PumpStream *stream = add(fixture);
    int writer = open_writer(fixture);
    const FakeEntry *entry;

    pump_stream_set_pid(stream, dead_pid());
    put_text(writer, "last words\n");
    run_until_entries(fixture, 1);
    entry = fake_journald_entry(fixture->journald, 0);
    assert_int_equal(entry->pid, getpid());
    assert_string_equal(fake_entry_string(entry, "OBJECT_SYSTEMD_UNIT"), "supervisor:web.service");
    close(writer);
}

/* The pid becomes known a moment after the first line. */
static void test_writer_is_told_late(void **state)
{
    Fixture *fixture = *state;
    PumpStream *stream = add(fixture);
    int writer = open_writer(fixture);

    put_text(writer, "first\n");
    run_until_size(fixture, fixture->log, 6);
    assert_int_equal(fake_journald_receive(fixture->journald), 0);
    pump_stream_set_pid(stream, getppid());
    run_until_entries(fixture, 1);
    assert_int_equal(fake_journald_entry(fixture->journald, 0)->pid, geteuid() == 0 ? getppid() : getpid());
    pump_stream_set_pid(stream, 0);
    put_text(writer, "nobody's\n");
    run_until_entries(fixture, 2);
    assert_int_equal(fake_journald_entry(fixture->journald, 1)->pid, getpid());
    close(writer);
}

static void test_file_cut_removed_or_replaced(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *moved = in_directory(fixture, "moved");
    PumpStream *stream = add(fixture);
    int writer = open_writer(fixture);

    put_text(writer, "one\n");
    pump_stream_drain(stream);
    assert_int_equal(truncate(fixture->log, 0), 0);
    put_text(writer, "two\n");
    pump_stream_drain(stream);
    assert_file_text(fixture->log, "two\n");
    assert_int_equal(unlink(fixture->log), 0);
    put_text(writer, "three\n");
    pump_stream_drain(stream);
    assert_file_text(fixture->log, "three\n");
    /* logrotate: the renamed file is written on until the reopening. */
    assert_int_equal(rename(fixture->log, moved), 0);
    put_text(writer, "four\n");
    pump_stream_drain(stream);
    assert_file_text(moved, "three\nfour\n");
    assert_int_equal(pump_stream_reopen(stream), 0);
    put_text(writer, "five\n");
    pump_stream_drain(stream);
    assert_file_text(fixture->log, "five\n");
    assert_file_text(moved, "three\nfour\n");
    assert_int_equal(pump_stream_clear(stream), 0);
    assert_file_text(fixture->log, "");
    run_until_entries(fixture, 5);
    close(writer);
}

/* Another process appends to the same file. */
static void test_file_shared_with_a_stranger(void **state)
{
    Fixture *fixture = *state;
    PumpStream *stream = add(fixture);
    int writer = open_writer(fixture);
    int stranger = open(fixture->log, O_WRONLY | O_APPEND | O_CLOEXEC);

    put_text(writer, "ours\n");
    pump_stream_drain(stream);
    put_text(stranger, "theirs\n");
    put_text(writer, "ours again\n");
    pump_stream_drain(stream);
    put_text(stranger, "theirs again\n");
    assert_file_text(fixture->log, "ours\ntheirs\nours again\ntheirs again\n");
    run_until_entries(fixture, 2);
    assert_journal(fixture, "ours\nours again\n", 16);
    close(writer);
    close(stranger);
}

/* stdout and stderr in one file that rotates: nothing is lost, and each stream has its own entries. */
static void test_two_streams_on_one_file(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *second_fifo = in_directory(fixture, "second");
    GByteArray *parts;
    PumpStream *out;
    PumpStream *err;
    int writers[2];
    guint lines = 0;

    fixture->config.maxbytes = 500;
    fixture->config.backups = 100;
    out = add(fixture);
    writers[0] = open_writer(fixture);
    g_free(fixture->fifo);
    fixture->fifo = g_strdup(second_fifo);
    fixture->config.fifo_path = second_fifo;
    fixture->config.stream = STREAM_STDERR;
    err = add(fixture);
    writers[1] = open_writer(fixture);
    for (int i = 0; i < 500; i++) {
        g_autofree char *line = g_strdup_printf("line %d\n", i);

        put_text(writers[i % 2], line);
        if (i % 3 == 0)
            pump_stream_drain(i % 2 ? err : out);
    }
    pump_stream_drain(out);
    pump_stream_drain(err);
    parts = join_parts(fixture->log, 100);
    for (guint i = 0; i < parts->len; i++)
        lines += parts->data[i] == '\n';
    assert_int_equal(lines, 500);
    run_until_entries(fixture, 500);
    for (guint i = 0; i < 500; i++) {
        const FakeEntry *entry = fake_journald_entry(fixture->journald, i);
        guint64 number = g_ascii_strtoull(fake_entry_string(entry, "MESSAGE") + strlen("line "), NULL, 10);

        assert_string_equal(fake_entry_string(entry, "SUPERVISOR_STREAM"), number % 2 ? "stderr" : "stdout");
    }
    g_byte_array_unref(parts);
    close(writers[0]);
    close(writers[1]);
}

static guint count_in_main_log(const Fixture *fixture, const char *text)
{
    g_autofree char *log = contents(fixture->main_log_path, NULL);
    guint count = 0;

    for (const char *found = log; (found = strstr(found, text)); found++)
        count++;
    return count;
}

/* `resume` makes room. The program writes on, what is lost is counted, told once, and writing resumes. */
static void check_full_disk(Fixture *fixture, PumpStream *stream, size_t fits,
                            void (*resume)(const Fixture *fixture))
{
    g_autofree char *block = g_malloc(65536);
    int writer = open_writer(fixture);
    g_autofree char *data = NULL;
    gsize size;
    g_autofree char *note = NULL;

    memset(block, 'x', 65536);
    for (int i = 0; i < 32; i++) {
        put(writer, block, 65536);
        pump_stream_drain(stream);
    }
    assert_int_equal(count_in_main_log(fixture, "ERRO cannot write the output of web"), 1);
    data = contents(fixture->log, &size);
    assert_true(size <= fits);
    resume(fixture);
    /* Recovered means: a second without failure. */
    for (int i = 0; i < 2; i++) {
        put_text(writer, "it works again\n");
        pump_stream_drain(stream);
        g_usleep(1100000);
    }
    put_text(writer, "it works again\n");
    pump_stream_drain(stream);
    note = g_strdup_printf("WARN %zu bytes of web could not be written to", (size_t)32 * 65536 - size);
    assert_int_equal(count_in_main_log(fixture, note), 1);
    assert_int_equal(count_in_main_log(fixture, "ERRO"), 1);
    close(writer);
}

static void lift_limit(const Fixture *fixture)
{
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
}

static void test_file_size_limit(void **state)
{
    const struct rlimit limit = {1000000, RLIM_INFINITY};
    Fixture *fixture = *state;
    PumpStream *stream = add(fixture);

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    check_full_disk(fixture, stream, 1000000, lift_limit);
}

static void make_room(const Fixture *fixture)
{
    g_autofree char *ballast = g_strconcat(fixture->log, ".ballast", NULL);

    assert_int_equal(unlink(ballast), 0);
}

/* A real full file system. The mount is in a namespace of this program, so it goes with it. */
static void test_disk_full(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *disk = in_directory(fixture, "disk");
    g_autofree char *log = g_build_filename(disk, "log", NULL);
    g_autofree char *ballast = g_strconcat(log, ".ballast", NULL);
    g_autofree char *weight = g_malloc0(600000);

    assert_int_equal(mkdir(disk, 0755), 0);
    assert_int_equal(mount("tmpfs", disk, "tmpfs", 0, "size=1m"), 0);
    assert_true(g_file_set_contents(ballast, weight, 600000, NULL));
    g_free(fixture->log);
    fixture->log = g_strdup(log);
    fixture->config.logfile = fixture->log;
    check_full_disk(fixture, add(fixture), 500000, make_room);
    pump_free(g_steal_pointer(&fixture->pump));
    assert_int_equal(umount2(disk, MNT_DETACH), 0);
}

static void test_device_that_is_full(void **state)
{
    Fixture *fixture = *state;
    PumpStream *stream;
    int writer;

    fixture->config.logfile = "/dev/full";
    stream = add(fixture);
    writer = open_writer(fixture);
    pump_stream_set_pid(stream, getpid());
    put_text(writer, "lost to the file, not to the journal\n");
    run_until_entries(fixture, 1);
    pump_stream_remove(stream, true);
    assert_int_equal(count_in_main_log(fixture, "ERRO cannot write the output of web to /dev/full"), 1);
    assert_int_equal(count_in_main_log(fixture, "WARN 37 bytes of web"), 1);
    close(writer);
}

/* The log file is a pipe that somebody reads slowly: the program is held up, nothing is lost, the journal
 * gets its lines. */
static void test_own_descriptor_holds_up_the_program(void **state)
{
    Fixture *fixture = *state;
    GRand *chance = g_rand_new_with_seed(5);
    GByteArray *text = random_lines(chance, 10000, 120);
    GByteArray *got = g_byte_array_new();
    g_autofree char *path = NULL;
    PumpStream *stream;
    time_t end = deadline();
    int ends[2];
    pid_t pid;

    /* Not close-on-exec: a descriptor that the daemon was given. */
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    path = g_strdup_printf("/dev/fd/%d", ends[1]);
    fixture->config.logfile = path;
    fixture->config.maxbytes = 10;
    stream = add(fixture);
    pid = start_writer(fixture, text, 5000);
    pump_stream_set_pid(stream, pid);
    while (got->len < text->len) {
        guint8 buffer[50000];
        ssize_t count;

        assert_true(sd_event_run(fixture->event, 1000) >= 0);
        (void)fake_journald_receive(fixture->journald);
        count = read(ends[0], buffer, sizeof(buffer));
        if (count > 0)
            g_byte_array_append(got, buffer, (guint)count);
        assert_true(time(NULL) < end);
    }
    assert_int_equal(got->len, text->len);
    assert_memory_equal(got->data, text->data, text->len);
    run_until_exit(fixture, pid);
    run_until_entries(fixture, 10000);
    assert_journal(fixture, text->data, text->len);
    pump_stream_remove(stream, true);
    close(ends[0]);
    close(ends[1]);
    g_byte_array_unref(text);
    g_byte_array_unref(got);
    g_rand_free(chance);
}

/* A descriptor of the daemon's own must not be written to by a configuration. */
static void test_inner_descriptor_is_refused(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *path = g_strdup_printf("/dev/fd/%d", sd_event_get_fd(fixture->event));

    fixture->config.logfile = path;
    (void)add(fixture);
    assert_int_equal(count_in_main_log(fixture, "ERRO cannot open the log file"), 1);
}

static void test_log_file_cannot_be_opened(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *folder = in_directory(fixture, "missing");
    g_autofree char *log = g_build_filename(folder, "log", NULL);
    PumpStream *stream;
    int writer;

    fixture->config.logfile = log;
    stream = add(fixture);
    writer = open_writer(fixture);
    assert_int_equal(count_in_main_log(fixture, "ERRO cannot open the log file"), 1);
    put_text(writer, "one\n");
    pump_stream_drain(stream);
    run_until_entries(fixture, 1);
    assert_int_equal(pump_stream_reopen(stream), -ENOENT);
    assert_int_equal(mkdir(folder, 0755), 0);
    assert_int_equal(pump_stream_reopen(stream), 0);
    put_text(writer, "two\n");
    pump_stream_drain(stream);
    assert_file_text(log, "two\n");
    run_until_entries(fixture, 2);
    assert_int_equal(unlink(log), 0);
    assert_int_equal(rmdir(folder), 0);
    close(writer);
}

/* What stands in the way of a backup is told once; the file grows, nothing is lost. */
static void test_rotation_is_impossible(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *obstacle = g_strconcat(fixture->log, ".1", NULL);
    g_autofree char *inside = g_build_filename(obstacle, "file", NULL);
    g_autofree char *line = g_strnfill(99, 'x');
    PumpStream *stream;
    struct stat status;
    int writer;

    assert_int_equal(mkdir(obstacle, 0755), 0);
    assert_int_equal(mkdir(inside, 0755), 0);
    fixture->config.maxbytes = 1000;
    fixture->config.backups = 1;
    stream = add(fixture);
    writer = open_writer(fixture);
    for (int i = 0; i < 100; i++) {
        put_text(writer, line);
        put_text(writer, "\n");
        pump_stream_drain(stream);
    }
    assert_int_equal(stat(fixture->log, &status), 0);
    assert_int_equal(status.st_size, 100 * 100);
    assert_int_equal(count_in_main_log(fixture, "ERRO cannot rotate"), 1);
    assert_int_equal(rmdir(inside), 0);
    assert_int_equal(rmdir(obstacle), 0);
    for (int i = 0; i < 20; i++) {
        put_text(writer, line);
        put_text(writer, "\n");
        pump_stream_drain(stream);
    }
    assert_int_equal(stat(obstacle, &status), 0);
    close(writer);
}

static void test_fifo_belongs_to_the_program(void **state)
{
    Fixture *fixture = *state;
    struct stat status;

    fixture->config.owner.is_other = true;
    fixture->config.owner.uid = geteuid() == 0 ? 65534 : geteuid();
    (void)add(fixture);
    assert_int_equal(stat(fixture->fifo, &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(status.st_uid, fixture->config.owner.uid);
}

static void test_fifo_cannot_be_had(void **state)
{
    Fixture *fixture = *state;
    PumpStream *stream = NULL;

    assert_true(g_file_set_contents(fixture->fifo, "no fifo", -1, NULL));
    assert_int_equal(pump_add(fixture->pump, &fixture->config, &stream), -EEXIST);
    assert_int_equal(unlink(fixture->fifo), 0);
    assert_int_equal(symlink(fixture->main_log_path, fixture->fifo), 0);
    assert_int_equal(pump_add(fixture->pump, &fixture->config, &stream), -ELOOP);
    fixture->config.fifo_path = "/nonexistent/fifo";
    assert_int_equal(pump_add(fixture->pump, &fixture->config, &stream), -ENOENT);
    assert_null(stream);
}

/* The bridge ends while the program goes on: what was taken in is sent first, also the beginning of a line
 * from who knows whom. */
static void test_pump_is_freed(void **state)
{
    Fixture *fixture = *state;
    int writer = (add(fixture), open_writer(fixture));
    int keeper = open(fixture->fifo, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    char rest[16];

    put_text(writer, "a line\nhalf a");
    run_until_size(fixture, fixture->log, 13);
    put_text(writer, " line\n");
    pump_free(g_steal_pointer(&fixture->pump));
    (void)fake_journald_receive(fixture->journald);
    assert_journal(fixture, "a line\nhalf a\n", 14);
    /* The rest is still in the FIFO, for the next one. */
    assert_int_equal(read(keeper, rest, sizeof(rest)), 6);
    close(keeper);
    close(writer);
}

/* Who says a line now and then is not waited for. */
static void test_idle_costs_nothing(void **state)
{
    Fixture *fixture = *state;
    PumpStream *stream = add(fixture);
    int writer = open_writer(fixture);

    pump_stream_set_pid(stream, getpid());
    put_text(writer, "a line\n");
    run_until_entries(fixture, 1);
    /* After the rest there is nothing to do: the loop sleeps the whole time it is given. */
    while (sd_event_run(fixture->event, 20000) > 0)
        ;
    assert_int_equal(sd_event_run(fixture->event, 100000), 0);
    put_text(writer, "another\n");
    run_until_entries(fixture, 2);
    close(writer);
}

/* Mounts made here are seen by nobody else and end with this program. */
static void enter_own_mounts(void)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        perror("mount namespace");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes_are_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fields_of_an_entry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fifo_left_from_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parts_are_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_journal_of_files_rotated_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_journald_hangs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_journald_restarts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_file_memory_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_endless_line_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_writer_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_writer_is_told_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_cut_removed_or_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_shared_with_a_stranger, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_streams_on_one_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_size_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_disk_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_device_that_is_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_own_descriptor_holds_up_the_program, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inner_descriptor_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log_file_cannot_be_opened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rotation_is_impossible, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fifo_belongs_to_the_program, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fifo_cannot_be_had, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pump_is_freed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_idle_costs_nothing, set_up, tear_down),
    };

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    enter_own_mounts();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
