#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "translator/property.h"

static void test_order_and_find(void **state)
{
    g_autoptr(PropertyList) list = property_list_new();

    assert_int_equal(property_list_count(list), 0);
    assert_null(property_list_find(list, "KillMode"));
    property_list_add_string(list, "KillMode", "mixed");
    property_list_add_boolean(list, "SendSIGKILL", true);
    property_list_add_int32(list, "KillSignal", -3);
    property_list_add_uint32(list, "UMask", 4000000000U);
    property_list_add_uint64(list, "TasksMax", UINT64_MAX);
    assert_int_equal(property_list_count(list), 5);
    assert_string_equal(property_list_get(list, 0)->name, "KillMode");
    assert_int_equal(property_list_get(list, 0)->kind, PROPERTY_STRING);
    assert_string_equal(property_list_get(list, 0)->value.string, "mixed");
    assert_true(property_list_find(list, "SendSIGKILL")->value.boolean);
    assert_int_equal(property_list_find(list, "KillSignal")->value.int32, -3);
    assert_int_equal(property_list_find(list, "UMask")->value.uint32, 4000000000U);
    assert_true(property_list_find(list, "TasksMax")->value.uint64 == UINT64_MAX);
    assert_null(property_list_find(list, "killmode"));
}

/* The caller's memory may be gone when the list is read. */
static void test_everything_is_copied(void **state)
{
    g_autoptr(PropertyList) list = property_list_new();
    char name[] = "Name";
    char first[] = "/bin/x";
    char second[] = "a b";
    const char *const words[] = {first, second, NULL};
    int32_t codes[] = {0, 2};
    int32_t signals[] = {15};

    property_list_add_string(list, name, second);
    property_list_add_string_list(list, name, words);
    property_list_add_command(list, name, words, true);
    property_list_add_exit_status_set(list, name, codes, 2, signals, 1);
    memset(name, 'x', sizeof name - 1);
    memset(first, 'x', sizeof first - 1);
    memset(second, 'x', sizeof second - 1);
    codes[0] = codes[1] = signals[0] = 99;

    for (size_t i = 0; i < 4; i++)
        assert_string_equal(property_list_get(list, i)->name, "Name");
    assert_string_equal(property_list_get(list, 0)->value.string, "a b");
    assert_string_equal(property_list_get(list, 1)->value.string_list[0], "/bin/x");
    assert_string_equal(property_list_get(list, 1)->value.string_list[1], "a b");
    assert_null(property_list_get(list, 1)->value.string_list[2]);
    assert_string_equal(property_list_get(list, 2)->value.command.argv[1], "a b");
    assert_true(property_list_get(list, 2)->value.command.ignore_failure);
    const Property *set = property_list_get(list, 3);
    assert_int_equal(set->value.exit_status_set.code_count, 2);
    assert_int_equal(set->value.exit_status_set.codes[1], 2);
    assert_int_equal(set->value.exit_status_set.signal_count, 1);
    assert_int_equal(set->value.exit_status_set.signals[0], 15);
}

static void test_empty_values(void **state)
{
    g_autoptr(PropertyList) list = property_list_new();

    property_list_add_string_list(list, "After", (const char *const[]){NULL});
    property_list_add_exit_status_set(list, "SuccessExitStatus", NULL, 0, NULL, 0);
    assert_null(property_list_find(list, "After")->value.string_list[0]);
    assert_int_equal(property_list_find(list, "SuccessExitStatus")->value.exit_status_set.code_count, 0);
    property_list_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_find),
        cmocka_unit_test(test_everything_is_copied),
        cmocka_unit_test(test_empty_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
