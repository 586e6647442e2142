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

#include "bridge/pump.h"
#include "tests/unit/fake-journald.h"
#include "tests/unit/pump-fixture.h"

static void test_file_cut_removed_or_replaced(void **state)
{
    PumpFixture *fixture = *state;
    g_autofree char *moved = pump_fixture_path(fixture, "moved");
    PumpStream *stream = pump_fixture_add(fixture);
    int writer = pump_fixture_open_writer(fixture);

    pump_fixture_put_text(writer, "one\n");
    pump_stream_drain(stream);
    assert_int_equal(truncate(fixture->log, 0), 0);
    pump_fixture_put_text(writer, "two\n");
    pump_stream_drain(stream);
    pump_fixture_assert_text(fixture->log, "two\n");
    assert_int_equal(unlink(fixture->log), 0);
    pump_fixture_put_text(writer, "three\n");
    pump_stream_drain(stream);
    pump_fixture_assert_text(fixture->log, "three\n");
    /* logrotate: the renamed file is written on until the reopening. */
    assert_int_equal(rename(fixture->log, moved), 0);
    pump_fixture_put_text(writer, "four\n");
    pump_stream_drain(stream);
    pump_fixture_assert_text(moved, "three\nfour\n");
    assert_int_equal(pump_stream_reopen(stream), 0);
    pump_fixture_put_text(writer, "five\n");
    pump_stream_drain(stream);
    pump_fixture_assert_text(fixture->log, "five\n");
    pump_fixture_assert_text(moved, "three\nfour\n");
    assert_int_equal(pump_stream_clear(stream), 0);
    pump_fixture_assert_text(fixture->log, "");
    pump_fixture_run_until_entries(fixture, 5);
    close(writer);
}

/* Another process appends to the same file. */
static void test_file_shared_with_a_stranger(void **state)
{
    PumpFixture *fixture = *state;
    PumpStream *stream = pump_fixture_add(fixture);
    int writer = pump_fixture_open_writer(fixture);
    int stranger = open(fixture->log, O_WRONLY | O_APPEND | O_CLOEXEC);

    pump_fixture_put_text(writer, "ours\n");
    pump_stream_drain(stream);
    pump_fixture_put_text(stranger, "theirs\n");
    pump_fixture_put_text(writer, "ours again\n");
    pump_stream_drain(stream);
    pump_fixture_put_text(stranger, "theirs again\n");
    pump_fixture_assert_text(fixture->log, "ours\ntheirs\nours again\ntheirs again\n");
    pump_fixture_run_until_entries(fixture, 2);
    pump_fixture_assert_journal(fixture, "ours\nours again\n", 16);
    close(writer);
    close(stranger);
}

/* stdout and stderr in one file that rotates: nothing is lost, and each stream has its own entries. */
static void test_two_streams_on_one_file(void **state)
{
    PumpFixture *fixture = *state;
    g_autofree char *second_fifo = pump_fixture_path(fixture, "second");
    GByteArray *parts;
    PumpStream *out;
    PumpStream *err;
    int writers[2];
    guint lines = 0;

    fixture->config.maxbytes = 500;
    fixture->config.backups = 100;
    out = pump_fixture_add(fixture);
    writers[0] = pump_fixture_open_writer(fixture);
    g_free(fixture->fifo);
    fixture->fifo = g_strdup(second_fifo);
    fixture->config.fifo_path = second_fifo;
    fixture->config.stream = STREAM_STDERR;
    err = pump_fixture_add(fixture);
    writers[1] = pump_fixture_open_writer(fixture);
    for (int i = 0; i < 500; i++) {
        g_autofree char *line = g_strdup_printf("line %d\n", i);

        pump_fixture_put_text(writers[i % 2], line);
        if (i % 3 == 0)
            pump_stream_drain(i % 2 ? err : out);
    }
    pump_stream_drain(out);
    pump_stream_drain(err);
    parts = pump_fixture_join_parts(fixture->log, 100);
    for (guint i = 0; i < parts->len; i++)
        lines += parts->data[i] == '\n';
    assert_int_equal(lines, 500);
    pump_fixture_run_until_entries(fixture, 500);
    for (guint i = 0; i < 500; i++) {
        const FakeEntry *entry = fake_journald_entry(fixture->journald, i);
        guint64 number = g_ascii_strtoull(fake_entry_string(entry, "MESSAGE") + strlen("line "), NULL, 10);

        assert_string_equal(fake_entry_string(entry, "SUPERVISOR_STREAM"), number % 2 ? "stderr" : "stdout");
    }
    g_byte_array_unref(parts);
    close(writers[0]);
    close(writers[1]);
}

static guint count_in_main_log(const PumpFixture *fixture, const char *text)
{
    g_autofree char *log = pump_fixture_contents(fixture->main_log_path, NULL);
    guint count = 0;

    for (const char *found = log; (found = strstr(found, text)); found++)
        count++;
    return count;
}

/* `resume` makes room. The program writes on, what is lost is counted, told once, and writing resumes. */
static void check_full_disk(PumpFixture *fixture, PumpStream *stream, size_t fits,
                            void (*resume)(const PumpFixture *fixture))
{
    g_autofree char *block = g_malloc(65536);
    int writer = pump_fixture_open_writer(fixture);
    g_autofree char *data = NULL;
    gsize size;
    g_autofree char *note = NULL;

    memset(block, 'x', 65536);
    for (int i = 0; i < 32; i++) {
        pump_fixture_put(writer, block, 65536);
        pump_stream_drain(stream);
    }
    assert_int_equal(count_in_main_log(fixture, "ERRO cannot write the output of web"), 1);
    data = pump_fixture_contents(fixture->log, &size);
    assert_true(size <= fits);
    resume(fixture);
    /* Recovered means: a second without failure. */
    for (int i = 0; i < 2; i++) {
        pump_fixture_put_text(writer, "it works again\n");
        pump_stream_drain(stream);
        g_usleep(1100000);
    }
    pump_fixture_put_text(writer, "it works again\n");
    pump_stream_drain(stream);
    note = g_strdup_printf("WARN %zu bytes of web could not be written to", (size_t)32 * 65536 - size);
    assert_int_equal(count_in_main_log(fixture, note), 1);
    assert_int_equal(count_in_main_log(fixture, "ERRO"), 1);
    close(writer);
}

static void lift_limit(const PumpFixture *fixture)
{
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
}

static void test_file_size_limit(void **state)
{
    const struct rlimit limit = {1000000, RLIM_INFINITY};
    PumpFixture *fixture = *state;
    PumpStream *stream = pump_fixture_add(fixture);

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    check_full_disk(fixture, stream, 1000000, lift_limit);
}

static void make_room(const PumpFixture *fixture)
{
    g_autofree char *ballast = g_strconcat(fixture->log, ".ballast", NULL);

    assert_int_equal(unlink(ballast), 0);
}

/* A real full file system. The mount is in a namespace of this program, so it goes with it. */
static void test_disk_full(void **state)
{
    PumpFixture *fixture = *state;
    g_autofree char *disk = pump_fixture_path(fixture, "disk");
    g_autofree char *log = g_build_filename(disk, "log", NULL);
    g_autofree char *ballast = g_strconcat(log, ".ballast", NULL);
    g_autofree char *weight = g_malloc0(600000);

    assert_int_equal(mkdir(disk, 0755), 0);
    assert_int_equal(mount("tmpfs", disk, "tmpfs", 0, "size=1m"), 0);
    assert_true(g_file_set_contents(ballast, weight, 600000, NULL));
    g_free(fixture->log);
    fixture->log = g_strdup(log);
    fixture->config.logfile = fixture->log;
    check_full_disk(fixture, pump_fixture_add(fixture), 500000, make_room);
    pump_free(g_steal_pointer(&fixture->pump));
    assert_int_equal(umount2(disk, MNT_DETACH), 0);
}

static void test_device_that_is_full(void **state)
{
    PumpFixture *fixture = *state;
    PumpStream *stream;
    int writer;

    fixture->config.logfile = "/dev/full";
    stream = pump_fixture_add(fixture);
    writer = pump_fixture_open_writer(fixture);
    pump_stream_set_pid(stream, getpid());
    pump_fixture_put_text(writer, "lost to the file, not to the journal\n");
    pump_fixture_run_until_entries(fixture, 1);
    pump_stream_remove(stream, true);
    assert_int_equal(count_in_main_log(fixture, "ERRO cannot write the output of web to /dev/full"), 1);
    assert_int_equal(count_in_main_log(fixture, "WARN 37 bytes of web"), 1);
    close(writer);
}

/* The log file is a pipe that somebody reads slowly: the program is held up, nothing is lost, the journal
 * gets its lines. */
static void test_own_descriptor_holds_up_the_program(void **state)
{
    PumpFixture *fixture = *state;
    GRand *chance = g_rand_new_with_seed(5);
    GByteArray *text = pump_fixture_random_lines(chance, 10000, 120);
    GByteArray *got = g_byte_array_new();
    g_autofree char *path = NULL;
    PumpStream *stream;
    time_t end = pump_fixture_deadline();
    int ends[2];
    pid_t pid;

    /* Not close-on-exec: a descriptor that the daemon was given. */
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    path = g_strdup_printf("/dev/fd/%d", ends[1]);
    fixture->config.logfile = path;
    fixture->config.maxbytes = 10;
    stream = pump_fixture_add(fixture);
    pid = pump_fixture_start_writer(fixture, text, 5000);
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
    pump_fixture_run_until_exit(fixture, pid);
    pump_fixture_run_until_entries(fixture, 10000);
    pump_fixture_assert_journal(fixture, text->data, text->len);
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
    PumpFixture *fixture = *state;
    g_autofree char *path = g_strdup_printf("/dev/fd/%d", sd_event_get_fd(fixture->event));

    fixture->config.logfile = path;
    (void)pump_fixture_add(fixture);
    assert_int_equal(count_in_main_log(fixture, "ERRO cannot open the log file"), 1);
}

static void test_log_file_cannot_be_opened(void **state)
{
    PumpFixture *fixture = *state;
    g_autofree char *folder = pump_fixture_path(fixture, "missing");
    g_autofree char *log = g_build_filename(folder, "log", NULL);
    PumpStream *stream;
    int writer;

    fixture->config.logfile = log;
    stream = pump_fixture_add(fixture);
    writer = pump_fixture_open_writer(fixture);
    assert_int_equal(count_in_main_log(fixture, "ERRO cannot open the log file"), 1);
    pump_fixture_put_text(writer, "one\n");
    pump_stream_drain(stream);
    pump_fixture_run_until_entries(fixture, 1);
    assert_int_equal(pump_stream_reopen(stream), -ENOENT);
    assert_int_equal(mkdir(folder, 0755), 0);
    assert_int_equal(pump_stream_reopen(stream), 0);
    pump_fixture_put_text(writer, "two\n");
    pump_stream_drain(stream);
    pump_fixture_assert_text(log, "two\n");
    pump_fixture_run_until_entries(fixture, 2);
    assert_int_equal(unlink(log), 0);
    assert_int_equal(rmdir(folder), 0);
    close(writer);
}

/* What stands in the way of a backup is told once; the file grows, nothing is lost. */
static void test_rotation_is_impossible(void **state)
{
    PumpFixture *fixture = *state;
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
    stream = pump_fixture_add(fixture);
    writer = pump_fixture_open_writer(fixture);
    for (int i = 0; i < 100; i++) {
        pump_fixture_put_text(writer, line);
        pump_fixture_put_text(writer, "\n");
        pump_stream_drain(stream);
    }
    assert_int_equal(stat(fixture->log, &status), 0);
    assert_int_equal(status.st_size, 100 * 100);
    assert_int_equal(count_in_main_log(fixture, "ERRO cannot rotate"), 1);
    assert_int_equal(rmdir(inside), 0);
    assert_int_equal(rmdir(obstacle), 0);
    for (int i = 0; i < 20; i++) {
        pump_fixture_put_text(writer, line);
        pump_fixture_put_text(writer, "\n");
        pump_stream_drain(stream);
    }
    assert_int_equal(stat(obstacle, &status), 0);
    close(writer);
}

/* Mounts made here are seen by nobody else and end with this program. */
static void enter_own_mounts(void)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
        perror("mount namespace");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file_cut_removed_or_replaced, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_file_shared_with_a_stranger, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_two_streams_on_one_file, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_file_size_limit, pump_fixture_set_up, pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_disk_full, pump_fixture_set_up, pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_device_that_is_full, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_own_descriptor_holds_up_the_program, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_inner_descriptor_is_refused, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_log_file_cannot_be_opened, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_rotation_is_impossible, pump_fixture_set_up,
                                        pump_fixture_tear_down),
    };

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    enter_own_mounts();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
