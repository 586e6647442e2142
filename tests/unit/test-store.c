#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "bridge/store.h"
#include "tests/unit/scratch-path.h"

static void put(Store *store, const char *namespec, ProcessState process_state, const char *spawnerr)
{
    StoreRecord record = {.state = process_state,
                          .laststart = 1234567890.125,
                          .laststop = 12.5,
                          .exitstatus = -1,
                          .backoff = 2,
                          .spawnerr = spawnerr};
    assert_int_equal(store_put_process(store, namespec, &record), 0);
}

static void remembers_across_a_kill(void **state)
{
    g_autoptr(Store) first = NULL, second = NULL;

    assert_int_equal(store_open(*state, &first), 0);
    assert_false(store_is_restart(first));
    put(first, "web", PROCESS_STARTING, "");
    put(first, "web", PROCESS_RUNNING, "tab\tnewline\nquote\" and \xc3\xa9");
    put(first, "g:other", PROCESS_FATAL, "");
    assert_int_equal(store_put_autolog(first, "web", STREAM_STDERR, "/tmp/a b\n.log"), 0);
    assert_int_equal(store_put_group_removed(first, "gone", true), 0);
    assert_int_equal(store_put_group_removed(first, "back", true), 0);
    assert_int_equal(store_put_group_removed(first, "back", false), 0);

    assert_int_equal(store_open(*state, &second), 0);
    assert_true(store_is_restart(second));
    const StoreRecord *record = store_process(second, "web");
    assert_non_null(record);
    assert_int_equal(record->state, PROCESS_RUNNING);
    assert_true(record->laststart == 1234567890.125);
    assert_int_equal(record->exitstatus, -1);
    assert_int_equal(record->backoff, 2);
    assert_string_equal(record->spawnerr, "tab\tnewline\nquote\" and \xc3\xa9");
    assert_int_equal(store_process(second, "g:other")->state, PROCESS_FATAL);
    assert_string_equal(store_autolog(second, "web", STREAM_STDERR), "/tmp/a b\n.log");
    assert_null(store_autolog(second, "web", STREAM_STDOUT));
    assert_true(store_group_removed(second, "gone"));
    assert_false(store_group_removed(second, "back"));
    assert_null(store_process(second, "unknown"));
}

static void is_private(void **state)
{
    g_autoptr(Store) store = NULL;
    struct stat status;

    umask(0);
    assert_int_equal(store_open(*state, &store), 0);
    assert_int_equal(stat(*state, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

/* Cut anywhere, the file yields what was whole, and takes new lines. */
static void survives_every_cut(void **state)
{
    g_autofree char *whole = NULL;
    size_t size;

    {
        g_autoptr(Store) store = NULL;
        assert_int_equal(store_open(*state, &store), 0);
        put(store, "a", PROCESS_RUNNING, "x");
        put(store, "b", PROCESS_EXITED, "y");
    }
    assert_true(g_file_get_contents(*state, &whole, &size, NULL));
    size_t first_line = (size_t)(strchr(whole, '\n') - whole) + 1;
    for (size_t cut = 0; cut <= size; cut++) {
        g_autoptr(Store) store = NULL, again = NULL;
        assert_true(g_file_set_contents(*state, whole, (gssize)cut, NULL));
        assert_int_equal(store_open(*state, &store), 0);
        assert_int_equal(store_process(store, "a") != NULL, cut >= first_line);
        assert_int_equal(store_process(store, "b") != NULL, cut == size);
        put(store, "c", PROCESS_STOPPED, "");
        assert_int_equal(store_open(*state, &again), 0);
        assert_non_null(store_process(again, "c"));
        assert_int_equal(store_process(again, "a") != NULL, cut >= first_line);
    }
}

static void rubbish_is_skipped(void **state)
{
    const char rubbish[] =
        "process\n\nprocess\tx\nautolog\tx\t99\ty\nnonsense\t1\t2\n\xff\xfe\nremoved\tg\t1\n";
    g_autoptr(Store) store = NULL;

    assert_true(g_file_set_contents(*state, rubbish, -1, NULL));
    assert_int_equal(store_open(*state, &store), 0);
    assert_null(store_process(store, "x"));
    assert_true(store_group_removed(store, "g"));
}

static void forgets(void **state)
{
    g_autoptr(Store) store = NULL, again = NULL;

    assert_int_equal(store_open(*state, &store), 0);
    put(store, "a", PROCESS_RUNNING, "");
    assert_int_equal(store_put_autolog(store, "a", STREAM_STDOUT, "/x"), 0);
    assert_int_equal(store_forget_process(store, "a"), 0);
    assert_int_equal(store_open(*state, &again), 0);
    assert_null(store_process(again, "a"));
    assert_null(store_autolog(again, "a", STREAM_STDOUT));
}

/* A program in a crash loop must not fill the disk. */
static void stays_small(void **state)
{
    g_autoptr(Store) store = NULL;
    struct stat status;

    assert_int_equal(store_open(*state, &store), 0);
    for (unsigned i = 0; i < 100000; i++)
        put(store, "loop", i % 2 ? PROCESS_RUNNING : PROCESS_EXITED, "Bad exit code 1");
    assert_int_equal(stat(*state, &status), 0);
    assert_true(status.st_size < 4 << 20);
    assert_int_equal(store_process(store, "loop")->state, PROCESS_RUNNING);
}

/* Nor one whose command, which its lines hold, is as long as commands get. A file over the limit would not be
 * read again. */
static void stays_small_with_long_lines(void **state)
{
    g_autoptr(Store) store = NULL, again = NULL;
    g_autofree char *reason = g_strnfill(1 << 20, 'x');
    struct stat status;

    assert_int_equal(store_open(*state, &store), 0);
    for (unsigned i = 0; i < 24; i++) {
        put(store, "loop", PROCESS_BACKOFF, reason);
        assert_int_equal(stat(*state, &status), 0);
        assert_true(status.st_size < 16 << 20);
    }
    assert_int_equal(store_open(*state, &again), 0);
    assert_string_equal(store_process(again, "loop")->spawnerr, reason);
}

static void believes_no_nonsense(void **state)
{
    g_autoptr(Store) store = NULL;
    static const char text[] = "process\tstate\t21\t1.0\t1.0\t0\t0\t0\t\n"
                               "process\ttimes\t20\tinf\t-1e300\t0\t0\t0\t\n"
                               "process\tgood\t20\t3.5\t1e9\t0\t0\t0\t\n";

    assert_true(g_file_set_contents(*state, text, -1, NULL));
    assert_int_equal(store_open(*state, &store), 0);
    assert_null(store_process(store, "state"));
    assert_true(store_process(store, "times")->laststart == 0);
    assert_true(store_process(store, "times")->laststop == 0);
    assert_true(store_process(store, "good")->laststart == 3.5);
    assert_true(store_process(store, "good")->laststop == 1e9);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_path_make, scratch_path_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(remembers_across_a_kill),
        TEST(is_private),
        TEST(survives_every_cut),
        TEST(rubbish_is_skipped),
        TEST(forgets),
        TEST(stays_small),
        TEST(stays_small_with_long_lines),
        TEST(believes_no_nonsense),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
