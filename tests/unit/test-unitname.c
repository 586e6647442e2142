#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

#include "translator/unitname.h"

/* Output of the real systemd-escape without its final newline. */
static char *systemd_escape(bool unescape, const char *text)
{
    const char *const argv[] = {"systemd-escape", unescape ? "--unescape" : "--suffix=service", "--", text,
                                NULL};
    char *output = NULL;
    int status;

    assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, NULL,
                             &status, NULL));
    assert_int_equal(status, 0);
    size_t length = strlen(output);
    assert_true(length > 0 && output[length - 1] == '\n');
    output[length - 1] = '\0';
    return output;
}

static const char *const awkward[] = {
    "web",     "my-app",   "-",    "--x",   ".hidden", "..",       "a.b",        "a@b",     "a\\b", "\\x20",
    "with\tx", "\xc3\xa9", "\xff", "100%s", "a;b",     "\"q\"'q'", "$HOME ${x}", "a,b=[c]", "~",    "a+b",
};

static void test_escape_as_systemd_does(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(awkward); i++) {
        g_autofree char *escaped = unitname_escape(awkward[i]);
        g_autofree char *ours = g_strconcat(escaped, ".service", NULL);
        g_autofree char *theirs = systemd_escape(false, awkward[i]);
        assert_string_equal(ours, theirs);
    }
}

static void test_systemd_reads_back(void **state)
{
    static const char *const more[] = {"a/b", "/", "a:b", ":", "x/-:y"};

    for (size_t i = 0; i < G_N_ELEMENTS(more); i++) {
        g_autofree char *ours = unitname_escape(more[i]);
        g_autofree char *back = systemd_escape(true, ours);
        assert_string_equal(back, more[i]);
        assert_null(strpbrk(ours, "-/:"));
    }
}

static void test_escape_if_needed(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"web", "web"},
        {"my-app_2.x", "my-app_2.x"},
        {"-", "-"},
        {"a b-c", "a\\x20b\\x2dc"},
        {".x", "\\x2ex"},
        {"a@1", "a\\x401"},
        {"a\\x2db", "a\\x5cx2db"},
        {"a:b", "a\\x3ab"},
        {"", "\\x00"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *escaped = unitname_escape_if_needed(rows[i].text);
        assert_string_equal(escaped, rows[i].expected);
    }
}

static void test_compose_short(void **state)
{
    g_autofree char *plain = unitname_compose("s:p", NULL, ".service", false, NULL);
    g_autofree char *instance = unitname_compose("s:p", "-7", ".service", false, NULL);
    g_autofree char *hashed = unitname_compose("s:p", "3", ".scope", true, "a");
    g_autofree char *salted = unitname_compose("s:p", "3", ".scope", true, "b");

    assert_string_equal(plain, "s:p.service");
    assert_string_equal(instance, "s:p@-7.service");
    assert_true(g_regex_match_simple("^s:p:[0-9a-f]{16}@3\\.scope$", hashed, 0, 0));
    assert_string_not_equal(hashed, salted);
}

static void test_compose_cuts(void **state)
{
    g_autofree char *exact = g_strnfill(UNITNAME_MAX - strlen(".service"), 'x');
    g_autofree char *longer = g_strconcat(exact, "y", NULL);
    g_autofree char *other = g_strconcat(exact, "z", NULL);
    g_autofree char *kept = unitname_compose(exact, NULL, ".service", false, NULL);
    g_autofree char *one = unitname_compose(longer, NULL, ".service", false, NULL);
    g_autofree char *two = unitname_compose(other, NULL, ".service", false, NULL);
    g_autofree char *instance = unitname_compose(longer, "12", ".service", false, NULL);

    assert_true(g_str_has_prefix(kept, exact));
    assert_int_equal(strlen(kept), UNITNAME_MAX);
    assert_int_equal(strlen(one), UNITNAME_MAX);
    assert_string_not_equal(one, two);
    assert_int_equal(strlen(instance), UNITNAME_MAX);
    assert_true(g_str_has_suffix(instance, "@12.service"));
}

/* Wherever the cut falls, no half of an escape stays. */
static void test_cut_leaves_whole_escapes(void **state)
{
    for (size_t lead = 0; lead < 8; lead++) {
        g_autoptr(GString) prefix = g_string_new(NULL);
        for (size_t i = 0; i < lead; i++)
            g_string_append_c(prefix, 'x');
        for (size_t i = 0; i < 100; i++)
            g_string_append(prefix, "\\xc3");
        g_autofree char *name = unitname_compose(prefix->str, NULL, ".service", false, NULL);
        g_autofree char *stem = unitname_file_stem(name, 200);
        assert_true(strlen(name) <= UNITNAME_MAX && strlen(name) > UNITNAME_MAX - 4);
        assert_true(g_regex_match_simple("^x*(\\\\xc3)+:[0-9a-f]{16}\\.service$", name, 0, 0));
        assert_true(strlen(stem) <= 200 && strlen(stem) > 200 - 3);
        assert_true(g_regex_match_simple("^x*(=5Cxc3)*(=5C(x(c3?)?)?)?:[0-9a-f]{16}$", stem, 0, 0));
    }
}

static void test_file_stem(void **state)
{
    g_autofree char *plain = unitname_file_stem("supervisor:my-app@-3.service", 200);
    g_autofree char *odd = unitname_file_stem("s:a\\x20b.c.scope", 200);

    assert_string_equal(plain, "supervisor:my-app@-3");
    assert_string_equal(odd, "s:a=5Cx20b.c");
}

static void test_directory(void **state)
{
    static const struct {
        const char *identifier, *expected;
    } rows[] = {
        {"supervisor", "supervisor"},     {"", "="}, {".", "=2E"}, {"..", "=2E."}, {"a/b", "a=2Fb"},
        {"a b;$x%n", "a=20b=3B=24x=25n"},
    };
    g_autofree char *filled = g_strnfill(300, '/');
    g_autofree char *cut = unitname_directory(filled);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *directory = unitname_directory(rows[i].identifier);
        assert_string_equal(directory, rows[i].expected);
    }
    assert_true(strlen(cut) <= 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape_as_systemd_does),
        cmocka_unit_test(test_systemd_reads_back),
        cmocka_unit_test(test_escape_if_needed),
        cmocka_unit_test(test_compose_short),
        cmocka_unit_test(test_compose_cuts),
        cmocka_unit_test(test_cut_leaves_whole_escapes),
        cmocka_unit_test(test_file_stem),
        cmocka_unit_test(test_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
