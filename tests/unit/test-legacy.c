/* What an old daemon said of itself comes back from the file as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "translator/legacy.h"

typedef struct Place {
    char *directory;
    char *file;
} Place;

static int make_place(void **state)
{
    Place *place = g_new0(Place, 1);

    place->directory = g_dir_make_tmp("legacy-XXXXXX", NULL);
    place->file = g_build_filename(place->directory, "daemon", NULL);
    *state = place;
    return place->directory ? 0 : -1;
}

static int remove_place(void **state)
{
    Place *place = *state;

    (void)g_unlink(place->file);
    (void)g_rmdir(place->directory);
    g_free(place->file);
    g_free(place->directory);
    g_free(place);
    return 0;
}

static void everything_comes_back(void **state)
{
    const Place *place = *state;
    g_autoptr(LegacyDaemon) daemon = legacy_daemon_new(), copy = NULL;
    struct stat status;

    daemon->pid = 4711;
    daemon->identifier = g_strdup("supervisor");
    LegacyProcess *process = legacy_daemon_add(daemon, "web [1]", "a\nb = ü");
    process->state = PROCESS_FATAL;
    process->start = 1700000000;
    process->stop = 1700000001;
    process->exitstatus = -1;
    g_free(process->spawnerr);
    process->spawnerr = g_strdup(" can't find command '/x; #y' ");
    g_free(process->logfiles[STREAM_STDOUT]);
    process->logfiles[STREAM_STDOUT] = g_strdup("/tmp/out log");
    legacy_daemon_add(daemon, "other", "other")->pid = 12;

    assert_int_equal(legacy_daemon_write(daemon, place->file), 0);
    assert_int_equal(stat(place->file, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(legacy_daemon_read(place->file, &copy), 0);
    assert_int_equal(copy->pid, 4711);
    assert_string_equal(copy->identifier, "supervisor");
    assert_int_equal(copy->processes->len, 2);
    const LegacyProcess *read = legacy_daemon_find(copy, "web [1]", "a\nb = ü");
    assert_non_null(read);
    assert_int_equal(read->state, PROCESS_FATAL);
    assert_int_equal(read->pid, 0);
    assert_int_equal(read->start, 1700000000);
    assert_int_equal(read->stop, 1700000001);
    assert_int_equal(read->exitstatus, -1);
    assert_string_equal(read->spawnerr, " can't find command '/x; #y' ");
    assert_string_equal(read->logfiles[STREAM_STDOUT], "/tmp/out log");
    assert_string_equal(read->logfiles[STREAM_STDERR], "");
    assert_int_equal(legacy_daemon_find(copy, "other", "other")->pid, 12);
    assert_null(legacy_daemon_find(copy, "web [1]", "other"));
}

static void expect_refusal(const Place *place, const char *text, int expected)
{
    LegacyDaemon *daemon = NULL;

    assert_true(g_file_set_contents(place->file, text, -1, NULL));
    assert_int_equal(legacy_daemon_read(place->file, &daemon), expected);
    assert_null(daemon);
}

static void what_is_no_such_file_is_refused(void **state)
{
    const Place *place = *state;
    LegacyDaemon *daemon = NULL;

    assert_int_equal(legacy_daemon_read(place->file, &daemon), -ENOENT);
    expect_refusal(place, "", -EBADMSG);
    expect_refusal(place, "no key file", -EBADMSG);
    expect_refusal(place, "[daemon]\npid=0\n", -EBADMSG);
    expect_refusal(place, "[daemon]\npid=1\n[process 0]\ngroup=g\n", -EBADMSG);
    expect_refusal(place, "[daemon]\npid=1\n[process 0]\ngroup=g\nname=n\npid=-5\n", -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_comes_back, make_place, remove_place),
        cmocka_unit_test_setup_teardown(what_is_no_such_file_is_refused, make_place, remove_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
