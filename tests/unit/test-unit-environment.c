/* Which of the variables that systemd gives to the launcher reach the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "units/unit_environment.h"

static const char *const own[] = {"PATH=/own", "A=1", "LANG=own", NULL};
static const char *const manager[] = {"PATH=/manager", "LANG=C", NULL};

static void assert_merged(const char *const *base, char *const *given, const char *const *expected)
{
    const char **merged = unit_environment_merge(own, base, given);
    size_t i = 0;

    assert_non_null(merged);
    for (; expected[i]; i++)
        assert_string_equal(merged[i], expected[i]);
    assert_null(merged[i]);
    free(merged);
}

static char path[] = "PATH=/manager", other_path[] = "PATH=/set", lang[] = "LANG=C", a[] = "A=2", b[] = "B=3",
            id[] = "INVOCATION_ID=12", stream[] = "JOURNAL_STREAM=1:2", notify[] = "NOTIFY_SOCKET=/x",
            odd[] = "odd", cpu[] = "CPU_PRESSURE_WATCH=/p", io[] = "IO_PRESSURE_WRITE=c29t";

static void test_what_all_units_get_is_left_out(void **state)
{
    assert_merged(manager, (char *const[]){lang, path, id, stream, odd, cpu, io, NULL}, own);
}

static void test_what_was_set_wins(void **state)
{
    assert_merged(manager, (char *const[]){lang, other_path, a, b, notify, NULL},
                  (const char *const[]){"PATH=/set", "A=2", "LANG=own", "B=3", "NOTIFY_SOCKET=/x", NULL});
}

static void test_nothing_is_passed_on_without_the_managers_list(void **state)
{
    assert_merged(NULL, (char *const[]){other_path, a, b, NULL}, own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_all_units_get_is_left_out),
        cmocka_unit_test(test_what_was_set_wins),
        cmocka_unit_test(test_nothing_is_passed_on_without_the_managers_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
