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

/* Every backup is thrown away before the journal can have read it; it gets the lines all the same. */
static void test_journal_of_files_rotated_away(void **state)
{
    PumpFixture *fixture = *state;

    for (gint64 backups = 0; backups <= 2; backups++) {
        GRand *chance = g_rand_new_with_seed(7);
        GByteArray *text = pump_fixture_random_lines(chance, 3000, 100);
        PumpStream *stream;
        int writer;

        fixture->config.maxbytes = 1000;
        fixture->config.backups = backups;
        stream = pump_fixture_add(fixture);
        writer = pump_fixture_open_writer(fixture);
        pump_fixture_put(writer, text->data, text->len);
        pump_stream_drain(stream);
        pump_fixture_run_until_entries(fixture, 3000);
        pump_fixture_assert_journal(fixture, text->data, text->len);
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
    PumpFixture *fixture = *state;
    GRand *chance = g_rand_new_with_seed(3);
    GByteArray *text = pump_fixture_random_lines(chance, 9000, 100);
    PumpStream *stream = pump_fixture_add(fixture);
    int writer = pump_fixture_open_writer(fixture);

    pump_stream_set_pid(stream, getpid());
    pump_fixture_put(writer, text->data, text->len);
    pump_fixture_run_until_size(fixture, fixture->log, text->len);
    for (int i = 0; i < 50; i++)
        assert_true(sd_event_run(fixture->event, 1000) >= 0);
    pump_fixture_assert_file(fixture->log, text->data, text->len);
    assert_true(fake_journald_receive(fixture->journald) < 9000);
    pump_fixture_run_until_entries(fixture, 9000);
    pump_fixture_assert_journal(fixture, text->data, text->len);
    g_byte_array_unref(text);
    g_rand_free(chance);
    close(writer);
}

static void test_journald_restarts(void **state)
{
    PumpFixture *fixture = *state;
    PumpStream *stream = pump_fixture_add(fixture);
    int writer = pump_fixture_open_writer(fixture);

    pump_stream_set_pid(stream, getpid());
    pump_fixture_put_text(writer, "before\n");
    pump_fixture_run_until_entries(fixture, 1);
    fake_journald_free(fixture->journald);
    assert_int_equal(unlink(fixture->journal_path), 0);
    pump_fixture_put_text(writer, "meanwhile\n");
    pump_fixture_run_until_size(fixture, fixture->log, 17);
    for (int i = 0; i < 5; i++)
        pump_fixture_turn(fixture);
    fixture->journald = fake_journald_new(fixture->journal_path);
    pump_fixture_put_text(writer, "after\n");
    pump_fixture_run_until_entries(fixture, 2);
    pump_fixture_assert_journal(fixture, "meanwhile\nafter\n", 16);
    close(writer);
}

/* No file, and journald does not take it: memory is bounded, and what did not fit is counted. */
static void test_without_file_memory_is_bounded(void **state)
{
    PumpFixture *fixture = *state;
    g_autofree char *block = g_malloc(65536);
    guint64 arrived = 0;
    guint64 missing = 0;
    PumpStream *stream;
    int writer;

    fixture->config.logfile = NULL;
    stream = pump_fixture_add(fixture);
    writer = pump_fixture_open_writer(fixture);
    for (size_t i = 0; i < 65536; i++)
        block[i] = i % 1024 == 1023 ? '\n' : 'x';
    pump_stream_set_pid(stream, getpid());
    for (int i = 0; i < 40; i++) {
        pump_fixture_put(writer, block, 65536);
        pump_stream_drain(stream);
    }
    pump_fixture_put_text(writer, "end\n");
    pump_stream_drain(stream);
    pump_stream_remove(stream, true);
    for (time_t end = pump_fixture_deadline(); missing == 0 || arrived + missing < 40 * 65536 + 4;) {
        pump_fixture_turn(fixture);
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
    PumpFixture *fixture = *state;
    PumpStream *stream = pump_fixture_add(fixture);
    GByteArray *text = g_byte_array_new();
    pid_t pid;

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autofree char *line = g_malloc(lengths[i]);

        memset(line, 'a' + (int)i, lengths[i]);
        line[lengths[i] - 1] = '\n';
        g_byte_array_append(text, (const guint8 *)line, (guint)lengths[i]);
    }
    pid = pump_fixture_start_writer(fixture, text, 100000);
    pump_stream_set_pid(stream, getpid());
    pump_fixture_run_until_exit(fixture, pid);
    pump_stream_drain(stream);
    pump_fixture_assert_file(fixture->log, text->data, text->len);
    pump_fixture_run_until_entries(fixture, G_N_ELEMENTS(lengths));
    pump_fixture_assert_journal(fixture, text->data, text->len);
    g_byte_array_unref(text);
}

/* Beyond 4 MiB it becomes several entries; the newline behind a cut makes no empty one. */
static void test_endless_line_is_cut(void **state)
{
    PumpFixture *fixture = *state;
    PumpStream *stream = pump_fixture_add(fixture);
    GByteArray *text = g_byte_array_new();
    GByteArray *journal;
    pid_t pid;

    g_byte_array_set_size(text, 10 * 1024 * 1024 + 1);
    memset(text->data, 'x', text->len);
    text->data[text->len - 1] = '\n';
    pid = pump_fixture_start_writer(fixture, text, 300000);
    pump_stream_set_pid(stream, getpid());
    pump_fixture_run_until_exit(fixture, pid);
    pump_stream_drain(stream);
    pump_fixture_assert_file(fixture->log, text->data, text->len);
    pump_fixture_run_until_entries(fixture, 3);
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
    PumpFixture *fixture = *state;
    PumpStream *stream = pump_fixture_add(fixture);
    int writer = pump_fixture_open_writer(fixture);
    const FakeEntry *entry;

    pump_stream_set_pid(stream, dead_pid());
    pump_fixture_put_text(writer, "last words\n");
    pump_fixture_run_until_entries(fixture, 1);
    entry = fake_journald_entry(fixture->journald, 0);
    assert_int_equal(entry->pid, getpid());
    assert_string_equal(fake_entry_string(entry, "OBJECT_SYSTEMD_UNIT"), "supervisor:web.service");
    close(writer);
}

/* The pid becomes known a moment after the first line. */
static void test_writer_is_told_late(void **state)
{
    PumpFixture *fixture = *state;
    PumpStream *stream = pump_fixture_add(fixture);
    int writer = pump_fixture_open_writer(fixture);

    pump_fixture_put_text(writer, "first\n");
    pump_fixture_run_until_size(fixture, fixture->log, 6);
    assert_int_equal(fake_journald_receive(fixture->journald), 0);
    pump_stream_set_pid(stream, getppid());
    pump_fixture_run_until_entries(fixture, 1);
    assert_int_equal(fake_journald_entry(fixture->journald, 0)->pid, geteuid() == 0 ? getppid() : getpid());
    pump_stream_set_pid(stream, 0);
    pump_fixture_put_text(writer, "nobody's\n");
    pump_fixture_run_until_entries(fixture, 2);
    assert_int_equal(fake_journald_entry(fixture->journald, 1)->pid, getpid());
    close(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_journal_of_files_rotated_away, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_journald_hangs, pump_fixture_set_up, pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_journald_restarts, pump_fixture_set_up, pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_without_file_memory_is_bounded, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_long_lines, pump_fixture_set_up, pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_endless_line_is_cut, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_writer_is_gone, pump_fixture_set_up, pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_writer_is_told_late, pump_fixture_set_up,
                                        pump_fixture_tear_down),
    };

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
