/* The log of a stream without a file: what its small file says when the next bridge opens it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <glib/gstdio.h>

#include "bridge/journal_log.h"
#include "tests/unit/scratch-path.h"

typedef struct Position {
    char id[16];
    uint64_t size;
} Position;

static void assert_reads(const JournalLog *log, uint64_t offset, const char *expected)
{
    char buffer[64];
    size_t size = journal_log_read(log, offset, buffer, sizeof buffer);

    assert_int_equal(size, strlen(expected));
    assert_memory_equal(buffer, expected, size);
}

static void goes_on_where_the_last_one_was(void **state)
{
    const Position left = {.id = "0123456789abcde", .size = 5000};
    g_autoptr(JournalLog) log = NULL;

    assert_true(g_file_set_contents(*state, (const char *)&left, sizeof left, NULL));
    assert_int_equal(journal_log_open(*state, &log), 0);
    assert_int_equal(journal_log_size(log), 5000);
    journal_log_append(log, "line\n", 5);
    assert_int_equal(journal_log_size(log), 5005);
    assert_reads(log, 5000, "line\n");
}

static void a_size_that_cannot_be_is_a_new_log(void **state)
{
    const Position left = {.id = "0123456789abcde", .size = UINT64_MAX - 2};
    g_autoptr(JournalLog) log = NULL;

    assert_true(g_file_set_contents(*state, (const char *)&left, sizeof left, NULL));
    assert_int_equal(journal_log_open(*state, &log), 0);
    assert_string_not_equal(journal_log_id(log), "30313233343536373839616263646500");
    assert_int_equal(journal_log_size(log), 0);
    journal_log_append(log, "line\n", 5);
    assert_reads(log, 0, "line\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(goes_on_where_the_last_one_was, scratch_path_make,
                                        scratch_path_remove),
        cmocka_unit_test_setup_teardown(a_size_that_cannot_be_is_a_new_log, scratch_path_make,
                                        scratch_path_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
