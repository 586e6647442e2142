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

static void test_bytes_are_exact(void **state)
{
    static const char text[] =
        "first\n\n\nnul \0 inside\ninvalid \xff\xfe utf-8\n\r\tcontrol \033[1m\nno newline at the end";
    PumpFixture *fixture = *state;
    PumpStream *stream = pump_fixture_add(fixture);
    int writer = pump_fixture_open_writer(fixture);

    pump_stream_set_pid(stream, getpid());
    pump_fixture_put(writer, text, sizeof(text) - 1);
    pump_fixture_run_until_size(fixture, fixture->log, sizeof(text) - 1);
    pump_fixture_assert_file(fixture->log, text, sizeof(text) - 1);
    pump_fixture_run_until_entries(fixture, 6);
    /* The unfinished line is only told when the program has ended. */
    pump_stream_drain(stream);
    pump_fixture_run_until_entries(fixture, 7);
    /* In the journal it cannot be told from a finished one: the terminating NUL's place is a newline there.
     */
    {
        g_autofree char *expected = g_memdup2(text, sizeof(text));

        expected[sizeof(text) - 1] = '\n';
        pump_fixture_assert_journal(fixture, expected, sizeof(text));
    }
    close(writer);
}

static void test_fields_of_an_entry(void **state)
{
    PumpFixture *fixture = *state;
    const FakeEntry *entry;
    PumpStream *stream;
    int writer;

    fixture->config.group = "site";
    fixture->config.stream = STREAM_STDERR;
    stream = pump_fixture_add(fixture);
    writer = pump_fixture_open_writer(fixture);
    pump_stream_set_pid(stream, getppid());
    pump_fixture_put_text(writer, "oops\n");
    pump_fixture_run_until_entries(fixture, 1);
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
    PumpFixture *fixture = *state;
    PumpStream *stream;
    int keeper;

    assert_int_equal(mkfifo(fixture->fifo, 0600), 0);
    keeper = open(fixture->fifo, O_RDWR | O_CLOEXEC);
    pump_fixture_put_text(keeper, "written before\n");
    assert_true(g_file_set_contents(fixture->log, "old\n", -1, NULL));
    stream = pump_fixture_add(fixture);
    pump_stream_drain(stream);
    pump_fixture_assert_text(fixture->log, "old\nwritten before\n");
    pump_fixture_put_text(keeper, "and now");
    pump_stream_remove(stream, true);
    pump_fixture_assert_text(fixture->log, "old\nwritten before\nand now");
    assert_int_equal(access(fixture->fifo, F_OK), -1);
    close(keeper);
}

typedef struct Flood {
    gint64 maxbytes;
    gint64 backups;
    bool strip_ansi; /* forces read and write instead of splice; there is nothing to strip */
    gint longest;    /* write */
} Flood;

/* The parts joined are what was written, whatever the sizes of writes, and the journal has every line. */
static void flood(PumpFixture *fixture, const Flood *row, guint32 seed)
{
    GRand *chance = g_rand_new_with_seed(seed);
    GByteArray *text = pump_fixture_random_lines(chance, 15000, 120);
    PumpStream *stream;
    pid_t pid;

    fixture->config.maxbytes = row->maxbytes;
    fixture->config.backups = row->backups;
    fixture->config.strip_ansi = row->strip_ansi;
    stream = pump_fixture_add(fixture);
    pid = pump_fixture_start_writer(fixture, text, row->longest);
    pump_stream_set_pid(stream, pid);
    pump_fixture_run_until_exit(fixture, pid);
    pump_stream_drain(stream);
    pump_fixture_assert_parts(fixture, text);
    pump_fixture_run_until_entries(fixture, 15000);
    pump_fixture_assert_journal(fixture, text->data, text->len);
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

        pump_fixture_set_up(&inner);
        flood(inner, &rows[i], (guint32)i + 1);
        pump_fixture_tear_down(&inner);
    }
}

static void test_fifo_belongs_to_the_program(void **state)
{
    PumpFixture *fixture = *state;
    struct stat status;

    fixture->config.owner.is_other = true;
    fixture->config.owner.uid = geteuid() == 0 ? 65534 : geteuid();
    (void)pump_fixture_add(fixture);
    assert_int_equal(stat(fixture->fifo, &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(status.st_uid, fixture->config.owner.uid);
}

static void test_fifo_cannot_be_had(void **state)
{
    PumpFixture *fixture = *state;
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
    PumpFixture *fixture = *state;
    int writer = (pump_fixture_add(fixture), pump_fixture_open_writer(fixture));
    int keeper = open(fixture->fifo, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    char rest[16];

    pump_fixture_put_text(writer, "a line\nhalf a");
    pump_fixture_run_until_size(fixture, fixture->log, 13);
    pump_fixture_put_text(writer, " line\n");
    pump_free(g_steal_pointer(&fixture->pump));
    (void)fake_journald_receive(fixture->journald);
    pump_fixture_assert_journal(fixture, "a line\nhalf a\n", 14);
    /* The rest is still in the FIFO, for the next one. */
    assert_int_equal(read(keeper, rest, sizeof(rest)), 6);
    close(keeper);
    close(writer);
}

/* Who says a line now and then is not waited for. */
static void test_idle_costs_nothing(void **state)
{
    PumpFixture *fixture = *state;
    PumpStream *stream = pump_fixture_add(fixture);
    int writer = pump_fixture_open_writer(fixture);

    pump_stream_set_pid(stream, getpid());
    pump_fixture_put_text(writer, "a line\n");
    pump_fixture_run_until_entries(fixture, 1);
    /* After the rest there is nothing to do: the loop sleeps the whole time it is given. */
    while (sd_event_run(fixture->event, 20000) > 0)
        ;
    assert_int_equal(sd_event_run(fixture->event, 100000), 0);
    pump_fixture_put_text(writer, "another\n");
    pump_fixture_run_until_entries(fixture, 2);
    close(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes_are_exact, pump_fixture_set_up, pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_fields_of_an_entry, pump_fixture_set_up, pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_fifo_left_from_before, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_parts_are_whole, pump_fixture_set_up, pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_fifo_belongs_to_the_program, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_fifo_cannot_be_had, pump_fixture_set_up, pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_pump_is_freed, pump_fixture_set_up, pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_idle_costs_nothing, pump_fixture_set_up, pump_fixture_tear_down),
    };

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
