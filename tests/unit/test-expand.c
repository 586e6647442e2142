/* Python's % formatting. Expectations were printed by Python 3.11; tests/parity/config asks it afresh. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "translator/expand.h"

static ExpandMapping *names(void)
{
    ExpandMapping *mapping = expand_mapping_new();
    expand_mapping_set(mapping, "s", "xy");
    expand_mapping_set_integer(mapping, "a", 31);
    expand_mapping_set_integer(mapping, "n", -3);
    expand_mapping_set(mapping, "u", "\xc3\xa9\xe6\x97\xa5");
    expand_mapping_set(mapping, "q", "it's");
    return mapping;
}

typedef struct Row {
    const char *format;
    const char *expected; /* text, or what Python's exception says */
} Row;

static void test_conversions(void **state)
{
    static const Row rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"%%", "%"},
        {"%(s)s", "xy"},
        {"a%(a)db", "a31b"},
        {"%(a)02d %(a)5d|%(a)-5d|%(a)05d", "31    31|31   |00031"},
        {"%(a)#08x|%(a)+d|%(a).3d|%(a)# 8o", "0x00001f|+31|031|    0o37"},
        {"%(a)ld %(a)hd %(a)Li", "31 31 31"},
        {"%(a)-05d|", "31   |"},
        {"%(a)8.3f|", "  31.000|"},
        {"%(a)e %(a)E %(a)g %(a)G %(a)F", "3.100000e+01 3.100000E+01 31 31 31.000000"},
        {"%(a)#g %(a).0f %(a)#.0f", "31.0000 31 31."},
        {"%(n)05d %(n)#x %(n).5d %(n)+08.5d %(n)#-8x|", "-0003 -0x3 -00003 -0000003 -0x3    |"},
        {"%(a)#X %(a)X %(a)10.5X|", "0X1F 1F      0001F|"},
        {"%(s).1s|%(s)5s|%(s)-5s|%(s)05s", "x|   xy|xy   |   xy"},
        {"%(s)r %(s)a %(q)r", "'xy' 'xy' \"it's\""},
        {"%(u)s|%(u)4s|%(u).1s|%(u)a", "\xc3\xa9\xe6\x97\xa5|  \xc3\xa9\xe6\x97\xa5|\xc3\xa9|'\\xe9\\u65e5'"},
        {"%(a)c%(a)3c", "\x1f  \x1f"},
        {"%(a)r%(a)05r%(a)+s", "31   3131"},
        {"%s", "{'s': 'xy', 'a': 31, 'n': -3, 'u': '\xc3\xa9\xe6\x97\xa5', 'q': \"it's\"}"},
        {"%.5s", "{'s':"},
        {"%a", "{'s': 'xy', 'a': 31, 'n': -3, 'u': '\\xe9\\u65e5', 'q': \"it's\"}"},
    };
    g_autoptr(ExpandMapping) mapping = names();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = NULL, *error = NULL;
        assert_int_equal(expand_text(rows[i].format, NULL, mapping, "x", &text, &error), 0);
        assert_string_equal(text, rows[i].expected);
    }
}

static void test_refused(void **state)
{
    static const Row rows[] = {
        {"%", "incomplete format"},
        {"%(a)", "incomplete format"},
        {"%(a)5", "incomplete format"},
        {"%(a).", "incomplete format"},
        {"%h", "incomplete format"},
        {"%(a", "incomplete format key"},
        {"%(a(b)", "incomplete format key"},
        {"%Y", "unsupported format character 'Y' (0x59) at index 1"},
        {"\xc3\xa9%(a)y", "unsupported format character 'y' (0x79) at index 5"},
        {"%5%", "unsupported format character '%' (0x25) at index 2"},
        {"%\x7f", "unsupported format character '?' (0x7f) at index 1"},
        {"%\xc3\xa9", "unsupported format character '?' (0xe9) at index 1"},
        {"%(a)lld", "unsupported format character 'l' (0x6c) at index 5"},
        {"%s %s", "not enough arguments for format string"},
        {"%(a)s %s", "not enough arguments for format string"},
        {"%(a)*d", "not enough arguments for format string"},
        {"%(a).*d", "not enough arguments for format string"},
        {"%*d", "* wants int"},
        {"%d", "%d format: a real number is required, not dict"},
        {"%x", "%x format: an integer is required, not dict"},
        {"%(s)i", "%i format: a real number is required, not str"},
        {"%(s)X", "%X format: an integer is required, not str"},
        {"%(s)f", "must be real number, not str"},
        {"%f", "must be real number, not dict"},
        {"%(s)c", "%c requires int or char"},
        {"%(n)c", "%c arg not in range(0x110000)"},
        {"%(a)99999999999999999999s", "width too big"},
        {"%(a).99999999999999999999d", "precision too big"},
        /* Ours: no option is that long. */
        {"%(a)1000000000s", "width too big"},
        {"%(a).5000f", "precision too big"},
    };
    g_autoptr(ExpandMapping) mapping = names();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = NULL, *error = NULL;
        assert_int_equal(expand_text(rows[i].format, NULL, mapping, "the.name", &text, &error), -EINVAL);
        assert_null(text);
        assert_true(g_str_has_prefix(error, "Format string '"));
        g_autofree char *tail = g_strdup_printf(" for 'the.name' is badly formatted: %s", rows[i].expected);
        assert_true(g_str_has_suffix(error, tail));
    }
}

static void test_unknown_name(void **state)
{
    g_autoptr(ExpandMapping) base = expand_mapping_new(), over = expand_mapping_new();
    expand_mapping_set_variable(base, "Z", "1");
    expand_mapping_set(base, "here", "/b");
    expand_mapping_set(over, "here", "/o");
    expand_mapping_set(over, "a", "2");
    g_autofree char *text = NULL, *error = NULL;
    assert_int_equal(expand_text("%(no'pe)s", base, over, "p.command", &text, &error), -EINVAL);
    assert_string_equal(
        error, "Format string \"%(no'pe)s\" for 'p.command' contains names (\"no'pe\") which cannot be "
               "expanded. Available names: ENV_Z, a, here");
}

/* Names of `over` win, but the order is that of Python's dict: those of `base` first. */
static void test_two_mappings(void **state)
{
    g_autoptr(ExpandMapping) base = expand_mapping_new(), over = expand_mapping_new();
    expand_mapping_set(base, "x", "1");
    expand_mapping_set(base, "y", "2");
    expand_mapping_set(over, "z", "3");
    expand_mapping_set_integer(over, "x", 9);
    g_autofree char *text = NULL, *error = NULL;
    assert_int_equal(expand_text("%s", base, over, "n", &text, &error), 0);
    assert_string_equal(text, "{'x': 9, 'y': '2', 'z': '3'}");

    g_autofree char *again = NULL;
    expand_mapping_update(base, over);
    assert_int_equal(expand_text("%s", base, NULL, "n", &again, &error), 0);
    assert_string_equal(again, "{'x': 9, 'y': '2', 'z': '3'}");
}

static void test_without_names(void **state)
{
    g_autofree char *text = NULL, *error = NULL;
    assert_int_equal(expand_text("%s%%", NULL, NULL, "n", &text, &error), 0);
    assert_string_equal(text, "{}%");
    assert_int_equal(expand_text("%(x)s", NULL, NULL, "n", &text, &error), -EINVAL);
    assert_true(g_str_has_suffix(error, "Available names: "));
}

/* A result cannot grow without bound: each conversion may be a megabyte wide. */
static void test_result_is_bounded(void **state)
{
    g_autoptr(ExpandMapping) mapping = names();
    g_autoptr(GString) format = g_string_new(NULL);
    for (unsigned i = 0; i < 1000; i++)
        g_string_append(format, "%(s)1000000s");
    g_autofree char *text = NULL, *error = NULL;
    assert_int_equal(expand_text(format->str, NULL, mapping, "n", &text, &error), -EINVAL);
    assert_non_null(strstr(error, "the result is too long"));
}

static void test_bytes_of_the_environment(void **state)
{
    g_autoptr(ExpandMapping) mapping = expand_mapping_new();
    expand_mapping_set_variable(mapping, "X", "a\xff");
    g_autofree char *text = NULL, *error = NULL;
    assert_int_equal(expand_text("%(ENV_X)s|%(ENV_X)4s|%(ENV_X)r", NULL, mapping, "n", &text, &error), 0);
    assert_string_equal(text, "a\xff|  a\xff|'a\\udcff'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unknown_name),
        cmocka_unit_test(test_two_mappings),
        cmocka_unit_test(test_without_names),
        cmocka_unit_test(test_result_is_bounded),
        cmocka_unit_test(test_bytes_of_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
