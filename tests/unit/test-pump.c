#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

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
    assert_int_equal(main_log_open(&(MainLogConfig){.path = fixture->main_log_path, .level = LOG_LEVEL_INFO},
                                   &fixture->main_log),
                     0);
    assert_int_equal(pump_new_with_sockets(fixture->event, fixture->main_log, fixture->journal_path, syslog,
                                           &fixture->pump),
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes_are_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fields_of_an_entry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fifo_left_from_before, set_up, tear_down),
    };

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
