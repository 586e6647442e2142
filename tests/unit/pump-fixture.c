#include "tests/unit/pump-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "bridge/journal_lookup.h"
#include "bridge/pump_internal.h"

char *pump_fixture_path(const PumpFixture *fixture, const char *name)
{
    return g_build_filename(fixture->directory, name, NULL);
}

int pump_fixture_set_up(void **state)
{
    PumpFixture *fixture = g_new0(PumpFixture, 1);
    g_autofree char *syslog = NULL;

    fixture->directory = g_dir_make_tmp("pump-XXXXXX", NULL);
    assert_non_null(fixture->directory);
    fixture->fifo = pump_fixture_path(fixture, "fifo");
    fixture->log = pump_fixture_path(fixture, "log");
    fixture->journal_path = pump_fixture_path(fixture, "journal");
    fixture->main_log_path = pump_fixture_path(fixture, "main.log");
    syslog = pump_fixture_path(fixture, "syslog");
    fixture->journald = fake_journald_new(fixture->journal_path);
    assert_true(sd_event_new(&fixture->event) >= 0);
    fixture->events = event_bus_new();
    assert_int_equal(main_log_open(&(MainLogConfig){.path = fixture->main_log_path, .level = LOG_LEVEL_INFO},
                                   &fixture->main_log),
                     0);
    assert_int_equal(pump_new_with_sockets(fixture->event, fixture->main_log, fixture->events,
                                           fixture->journal_path, syslog, journal_lookup_ask, &fixture->pump),
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

int pump_fixture_tear_down(void **state)
{
    PumpFixture *fixture = *state;

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

PumpStream *pump_fixture_add(PumpFixture *fixture)
{
    PumpStream *stream = NULL;

    assert_int_equal(pump_add(fixture->pump, &fixture->config, &stream), 0);
    return stream;
}

/* The program's end of the FIFO. */
int pump_fixture_open_writer(const PumpFixture *fixture)
{
    int fd = open(fixture->fifo, O_WRONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

void pump_fixture_put(int fd, const void *data, size_t size)
{
    assert_int_equal(write(fd, data, size), (ssize_t)size);
}

void pump_fixture_put_text(int fd, const char *text)
{
    pump_fixture_put(fd, text, strlen(text));
}

char *pump_fixture_contents(const char *path, gsize *ret_size)
{
    char *data = NULL;

    assert_true(g_file_get_contents(path, &data, ret_size, NULL));
    return data;
}

void pump_fixture_assert_file(const char *path, const void *expected, size_t size)
{
    gsize length;
    g_autofree char *data = pump_fixture_contents(path, &length);

    assert_int_equal(length, size);
    assert_memory_equal(data, expected, size);
}

void pump_fixture_assert_text(const char *path, const char *expected)
{
    pump_fixture_assert_file(path, expected, strlen(expected));
}

void pump_fixture_turn(PumpFixture *fixture)
{
    assert_true(sd_event_run(fixture->event, 1000) >= 0);
}

time_t pump_fixture_deadline(void)
{
    return time(NULL) + LONG_ENOUGH_SECONDS;
}

void pump_fixture_run_until_size(PumpFixture *fixture, const char *path, off_t size)
{
    time_t end = pump_fixture_deadline();
    struct stat status;

    while (stat(path, &status) < 0 || status.st_size < size) {
        pump_fixture_turn(fixture);
        assert_true(time(NULL) < end);
    }
}

void pump_fixture_run_until_entries(PumpFixture *fixture, guint count)
{
    time_t end = pump_fixture_deadline();

    while (fake_journald_receive(fixture->journald) < count) {
        pump_fixture_turn(fixture);
        assert_true(time(NULL) < end);
    }
}

void pump_fixture_assert_journal(PumpFixture *fixture, const void *expected, size_t size)
{
    GByteArray *text = fake_journald_cat(fixture->journald);

    assert_int_equal(text->len, size);
    assert_memory_equal(text->data, expected, size);
    g_byte_array_unref(text);
}

/* Lines that hold anything but a newline and an escape. */
GByteArray *pump_fixture_random_lines(GRand *chance, guint count, gint longest)
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
pid_t pump_fixture_start_writer(const PumpFixture *fixture, const GByteArray *text, gint longest)
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

void pump_fixture_run_until_exit(PumpFixture *fixture, pid_t pid)
{
    time_t end = pump_fixture_deadline();
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        pump_fixture_turn(fixture);
        (void)fake_journald_receive(fixture->journald);
        assert_true(time(NULL) < end);
    }
    assert_int_equal(status, 0);
}

/* Oldest part first. */
GByteArray *pump_fixture_join_parts(const char *path, gint64 backups)
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

void pump_fixture_assert_parts(PumpFixture *fixture, const GByteArray *expected)
{
    GByteArray *text = pump_fixture_join_parts(fixture->log, fixture->config.backups);

    assert_int_equal(text->len, expected->len);
    assert_memory_equal(text->data, expected->data, expected->len);
    g_byte_array_unref(text);
}
