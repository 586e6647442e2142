/* The journal's copy of a log file goes on where an earlier bridge left it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "bridge/copy_mark.h"
#include "bridge/pump.h"
#include "bridge/pump_internal.h"
#include "tests/unit/fake-journald.h"

enum { LINES = 3000, PATIENCE_SECONDS = 20 };

typedef struct Fixture {
    char *directory;
    char *fifo;
    char *log;
    char *mark;
    char *journal_path;
    sd_event *event;
    MainLog *main_log;
    EventBus *events;
    Pump *pump;
    PumpStream *stream;
    FakeJournald *journald;
    PumpStreamConfig config;
} Fixture;

static char *in_directory(const Fixture *fixture, const char *name)
{
    return g_build_filename(fixture->directory, name, NULL);
}

/* What the journal answers about the entry that was on its way. */
static int answer;
static uint64_t asked_since;
static char *asked_match;

static int was_sent(const char *match, uint64_t since, void *userdata)
{
    g_free(asked_match);
    asked_match = g_strdup(match);
    asked_since = since;
    return answer;
}

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);

    signal(SIGPIPE, SIG_IGN);
    fixture->directory = g_dir_make_tmp("pump-resume-XXXXXX", NULL);
    fixture->fifo = in_directory(fixture, "fifo");
    fixture->log = in_directory(fixture, "log");
    fixture->mark = in_directory(fixture, "fifo.copied");
    fixture->journal_path = in_directory(fixture, "journal");
    fixture->journald = fake_journald_new(fixture->journal_path);
    fixture->events = event_bus_new();
    g_autofree char *main_log = in_directory(fixture, "main.log");
    if (sd_event_new(&fixture->event) < 0 ||
        main_log_open(&(MainLogConfig){.path = main_log, .level = LOG_LEVEL_INFO}, &fixture->main_log) < 0)
        return -1;
    fixture->config = (PumpStreamConfig){
        .fifo_path = fixture->fifo,
        .process = "web",
        .group = "web",
        .unit = "supervisor:web.service",
        .stream = STREAM_STDOUT,
        .logfile = fixture->log,
        .journal = true,
    };
    answer = -ENOENT;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GDir) directory = g_dir_open(fixture->directory, 0, NULL);
    const char *name;

    pump_free(fixture->pump);
    event_bus_free(fixture->events);
    main_log_free(fixture->main_log);
    sd_event_unref(fixture->event);
    fake_journald_free(fixture->journald);
    while ((name = g_dir_read_name(directory))) {
        g_autofree char *path = in_directory(fixture, name);
        (void)g_remove(path);
    }
    (void)g_rmdir(fixture->directory);
    g_free(fixture->directory);
    g_free(fixture->fifo);
    g_free(fixture->log);
    g_free(fixture->mark);
    g_free(fixture->journal_path);
    g_clear_pointer(&asked_match, g_free);
    g_free(fixture);
    return 0;
}

static void start_bridge(Fixture *fixture)
{
    g_autofree char *syslog = in_directory(fixture, "syslog");

    assert_int_equal(pump_new_with_sockets(fixture->event, fixture->main_log, fixture->events,
                                           fixture->journal_path, syslog, was_sent, &fixture->pump),
                     0);
    assert_int_equal(pump_add(fixture->pump, &fixture->config, &fixture->stream), 0);
    pump_stream_set_pid(fixture->stream, getpid());
}

/* What was not sent by then is what a killed bridge would leave, too: only the mark knows of it. */
static void end_bridge(Fixture *fixture)
{
    g_clear_pointer(&fixture->pump, pump_free);
}

static void append_lines(GString *text, unsigned from, unsigned count)
{
    for (unsigned i = from; i < from + count; i++)
        g_string_append_printf(text, "line %u\n", i);
}

static void write_through(Fixture *fixture, const char *text, size_t size)
{
    int fd = open(fixture->fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    time_t end = time(NULL) + PATIENCE_SECONDS;
    int waiting = 1;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), (ssize_t)size);
    while (waiting > 0 && time(NULL) < end) {
        assert_true(sd_event_run(fixture->event, 1000) >= 0);
        assert_int_equal(ioctl(fd, FIONREAD, &waiting), 0);
    }
    assert_int_equal(waiting, 0);
    close(fd);
}

static void run_until_entries(Fixture *fixture, guint count)
{
    time_t end = time(NULL) + PATIENCE_SECONDS;

    while (fake_journald_receive(fixture->journald) < count) {
        assert_true(sd_event_run(fixture->event, 100000) >= 0);
        assert_true(time(NULL) < end);
    }
}

static void assert_journal(Fixture *fixture, const GString *expected)
{
    for (unsigned i = 0; i < 20; i++)
        assert_true(sd_event_run(fixture->event, 1000) >= 0);
    (void)fake_journald_receive(fixture->journald);
    GByteArray *text = fake_journald_cat(fixture->journald);
    assert_int_equal(text->len, expected->len);
    assert_memory_equal(text->data, expected->str, expected->len);
    g_byte_array_unref(text);
}

static void resume(Fixture *fixture)
{
    g_autoptr(GString) text = g_string_new(NULL);

    /* A journald that takes nothing for a while. */
    append_lines(text, 0, LINES);
    start_bridge(fixture);
    write_through(fixture, text->str, text->len);
    end_bridge(fixture);
    guint received = fake_journald_receive(fixture->journald);
    assert_true(received >= 1 && received < LINES);
    start_bridge(fixture);
    run_until_entries(fixture, LINES);
    assert_journal(fixture, text);
    end_bridge(fixture);
    /* Nothing is left over for a third one, which goes on with what is new. */
    size_t before = text->len;
    append_lines(text, LINES, 10);
    start_bridge(fixture);
    write_through(fixture, text->str + before, text->len - before);
    run_until_entries(fixture, LINES + 10);
    assert_journal(fixture, text);
}

static void goes_on_in_the_file(void **state)
{
    resume(*state);
}

static void goes_on_in_rotated_files(void **state)
{
    Fixture *fixture = *state;

    fixture->config.maxbytes = 4000;
    fixture->config.backups = 30;
    resume(fixture);
    g_autofree char *backup = g_strconcat(fixture->log, ".6", NULL);
    assert_int_equal(access(backup, F_OK), 0);
}

/* Half a line was there when the bridge died. */
static void goes_on_at_the_beginning_of_a_line(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GString) expected = g_string_new("one\nbegun and ended\n");

    start_bridge(fixture);
    write_through(fixture, "one\nbegun", 9);
    run_until_entries(fixture, 1);
    /* The end of the bridge must not finish the line. */
    LogPlace behind;
    g_autoptr(CopyMark) mark = NULL;
    assert_int_equal(copy_mark_open(fixture->mark, &mark), 0);
    assert_int_equal(copy_mark_doubt(mark, &behind), 0);
    LogPlace place = copy_mark_place(mark);
    assert_int_equal(place.offset, 4);
    end_bridge(fixture);
    copy_mark_finish(mark, &place, false);
    (void)fake_journald_receive(fixture->journald);
    fake_journald_forget(fixture->journald);
    start_bridge(fixture);
    write_through(fixture, " and ended\n", 11);
    run_until_entries(fixture, 1);
    g_string_erase(expected, 0, 4);
    assert_journal(fixture, expected);
}

static void what_was_there_before_is_not_copied(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GString) expected = g_string_new("new\n");

    assert_true(g_file_set_contents(fixture->log, "old\n", -1, NULL));
    start_bridge(fixture);
    write_through(fixture, "new\n", 4);
    run_until_entries(fixture, 1);
    assert_journal(fixture, expected);
    end_bridge(fixture);
    start_bridge(fixture);
    assert_journal(fixture, expected);
}

static void a_removed_file_begins_anew(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GString) expected = g_string_new("one\ntwo\n");

    start_bridge(fixture);
    write_through(fixture, "one\n", 4);
    run_until_entries(fixture, 1);
    end_bridge(fixture);
    assert_int_equal(g_remove(fixture->log), 0);
    assert_true(g_file_set_contents(fixture->log, "two\n", -1, NULL));
    start_bridge(fixture);
    run_until_entries(fixture, 2);
    assert_journal(fixture, expected);
}

/* The bridge died with an entry on its way. */
static void leave_doubt(Fixture *fixture)
{
    g_autoptr(CopyMark) mark = NULL;

    start_bridge(fixture);
    write_through(fixture, "first\nsecond\n", 13);
    run_until_entries(fixture, 2);
    end_bridge(fixture);
    fake_journald_forget(fixture->journald);
    assert_int_equal(copy_mark_open(fixture->mark, &mark), 0);
    LogPlace place = copy_mark_place(mark), behind = place;
    place.offset = 0;
    behind.offset = strlen("first\n");
    copy_mark_finish(mark, &place, false);
    copy_mark_begin(mark, &behind);
}

static void what_the_journal_has_is_not_sent_again(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GString) expected = g_string_new("second\n");

    answer = 1;
    leave_doubt(fixture);
    start_bridge(fixture);
    run_until_entries(fixture, 1);
    assert_journal(fixture, expected);
    assert_string_equal(asked_match, "SUPERVISOR_ID=web:stdout");
    assert_true(asked_since > 0 && asked_since <= (uint64_t)g_get_real_time());
}

static void what_the_journal_lacks_is_sent_again(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GString) expected = g_string_new("first\nsecond\n");

    answer = 0;
    leave_doubt(fixture);
    start_bridge(fixture);
    run_until_entries(fixture, 2);
    assert_journal(fixture, expected);
}

/* A large journal on a slow disk: output goes to the file meanwhile, and to the journal when it is known. */
static void nothing_waits_for_the_journal_to_be_read(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GString) expected = g_string_new("second\nthird\n");
    g_autoptr(GString) nothing = g_string_new(NULL);
    g_autofree char *contents = NULL;

    answer = -EINPROGRESS;
    leave_doubt(fixture);
    start_bridge(fixture);
    write_through(fixture, "third\n", 6);
    assert_true(g_file_get_contents(fixture->log, &contents, NULL, NULL));
    assert_string_equal(contents, "first\nsecond\nthird\n");
    assert_journal(fixture, nothing);
    answer = 1;
    run_until_entries(fixture, 2);
    assert_journal(fixture, expected);
}

static void streams_that_share_a_file_do_not_copy_each_other(void **state)
{
    Fixture *fixture = *state;
    PumpStreamConfig other = fixture->config;
    g_autofree char *fifo = in_directory(fixture, "other-fifo");
    PumpStream *stream;

    other.fifo_path = fifo;
    other.process = "other";
    for (unsigned i = 0; i < 2; i++) {
        start_bridge(fixture);
        assert_int_equal(pump_add(fixture->pump, &other, &stream), 0);
        pump_stream_set_pid(stream, getpid());
        write_through(fixture, "mine\n", 5);
        run_until_entries(fixture, i + 1);
        end_bridge(fixture);
    }
    g_autoptr(GString) expected = g_string_new("mine\nmine\n");
    start_bridge(fixture);
    assert_journal(fixture, expected);
}

static void count_extent(const LogExtent *extent, void *userdata)
{
    (*(unsigned *)userdata)++;
}

/* Whoever may write to the directory of a log may put anything where a backup was. */
static void a_fifo_among_the_backups_holds_up_nobody(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *newer = g_strconcat(fixture->log, ".1", NULL);
    g_autofree char *older = g_strconcat(fixture->log, ".2", NULL);
    g_autoptr(Logfile) file = NULL;
    LogExtent extent;
    unsigned count = 0;

    assert_int_equal(logfile_open(fixture->log, 1000, 2, &file), 0);
    assert_int_equal(logfile_append(file, "old\n", 4, &extent), 4);
    LogPlace place = logfile_end(file);
    place.offset = 0;
    assert_int_equal(g_rename(fixture->log, older), 0);
    assert_int_equal(logfile_reopen(file), 0);
    assert_int_equal(logfile_append(file, "new\n", 4, &extent), 4);
    assert_int_equal(mkfifo(newer, 0600), 0);
    (void)alarm(PATIENCE_SECONDS);
    logfile_since(file, &place, count_extent, &count);
    (void)alarm(0);
    assert_int_equal(count, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(goes_on_in_the_file),
        TEST(goes_on_in_rotated_files),
        TEST(goes_on_at_the_beginning_of_a_line),
        TEST(what_was_there_before_is_not_copied),
        TEST(a_removed_file_begins_anew),
        TEST(what_the_journal_has_is_not_sent_again),
        TEST(what_the_journal_lacks_is_sent_again),
        TEST(nothing_waits_for_the_journal_to_be_read),
        TEST(streams_that_share_a_file_do_not_copy_each_other),
        TEST(a_fifo_among_the_backups_holds_up_nobody),
    };
    return cmocka_run_group_tests_name("pump-resume", tests, NULL, NULL);
}
