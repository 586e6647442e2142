#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "bridge/tail.h"
#include "common/fault.h"

/* What the oracle can be asked is compared with it in tests/parity/rpc/pieces.py. Here: what differs on
 * purpose, and what would hang or break it. */

typedef struct Fixture {
    char *directory;
    char *path;
} Fixture;

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);

    fixture->directory = g_dir_make_tmp("tail-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->directory, "log", NULL);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;

    g_unlink(fixture->path);
    assert_int_equal(g_rmdir(fixture->directory), 0);
    g_free(fixture->directory);
    g_free(fixture->path);
    g_free(fixture);
    return 0;
}

/* A sparse file of `size` bytes that begins with "begin" and ends with "end". */
static void make_big(const Fixture *fixture, off_t size)
{
    int fd = open(fixture->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "begin", 5, 0), 5);
    assert_int_equal(pwrite(fd, "end", 3, size - 3), 3);
    assert_int_equal(close(fd), 0);
}

static void reads_no_more_than_the_limit(void **state)
{
    const Fixture *fixture = *state;
    const int64_t lengths[] = {0, INT64_C(3) << 30, INT64_MAX};
    size_t size;

    make_big(fixture, (off_t)3 << 30);
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autofree char *bytes = NULL;
        assert_int_equal(tail_read(fixture->path, 0, lengths[i], &bytes, &size), 0);
        assert_int_equal(size, TAIL_LIMIT);
        assert_memory_equal(bytes, "begin", 5);
    }
}

static void reads_the_end_of_what_is_over_the_limit(void **state)
{
    const Fixture *fixture = *state;
    const int64_t offsets[] = {-(INT64_C(2) << 30), INT64_MIN};
    size_t size;

    make_big(fixture, (off_t)3 << 30);
    for (size_t i = 0; i < G_N_ELEMENTS(offsets); i++) {
        g_autofree char *bytes = NULL;
        assert_int_equal(tail_read(fixture->path, offsets[i], 0, &bytes, &size), 0);
        assert_int_equal(size, TAIL_LIMIT);
        assert_memory_equal(bytes + size - 3, "end", 3);
    }
    g_autofree char *few = NULL;
    assert_int_equal(tail_read(fixture->path, (INT64_C(3) << 30) - 3, 0, &few, &size), 0);
    assert_string_equal(few, "end");
}

static void tails_no_more_than_the_limit(void **state)
{
    const Fixture *fixture = *state;
    TailEnd end;

    make_big(fixture, (off_t)3 << 30);
    tail_end(fixture->path, 0, INT64_MAX, &end);
    assert_int_equal(end.size, TAIL_LIMIT);
    assert_int_equal(end.offset, INT64_C(3) << 30);
    assert_true(end.overflow);
    assert_memory_equal(end.bytes + end.size - 3, "end", 3);
    g_free(end.bytes);
}

static void survives_extreme_arguments(void **state)
{
    const Fixture *fixture = *state;
    const int64_t numbers[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};

    make_big(fixture, 100);
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        for (size_t j = 0; j < G_N_ELEMENTS(numbers); j++) {
            g_autofree char *bytes = NULL;
            size_t size = 0;
            TailEnd end;
            int fault = tail_read(fixture->path, numbers[i], numbers[j], &bytes, &size);
            assert_true(fault == 0 || fault == FAULT_BAD_ARGUMENTS);
            assert_true(size <= 100);
            tail_end(fixture->path, numbers[i], numbers[j], &end);
            assert_true(end.size <= 100);
            assert_int_equal(end.offset, 100);
            g_free(end.bytes);
        }
    }
}

static void does_not_wait_for_a_fifo(void **state)
{
    const Fixture *fixture = *state;
    g_autofree char *bytes = NULL;
    size_t size;
    TailEnd end;

    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    assert_int_equal(tail_read(fixture->path, 0, 0, &bytes, &size), FAULT_FAILED);
    assert_null(bytes);
    tail_end(fixture->path, 5, 10, &end);
    assert_string_equal(end.bytes, "");
    assert_int_equal(end.offset, 5);
    assert_false(end.overflow);
    g_free(end.bytes);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(reads_no_more_than_the_limit), TEST(reads_the_end_of_what_is_over_the_limit),
        TEST(tails_no_more_than_the_limit), TEST(survives_extreme_arguments),
        TEST(does_not_wait_for_a_fifo),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
