/* What the client makes of text before it talks to anybody: words, numbers, options, addresses, columns. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/argument.h"
#include "ctl/column.h"
#include "common/python_getopt.h"
#include "ctl/server_url.h"

static void assert_words(const char *text, const char *joined)
{
    g_auto(GStrv) words = argument_split(text);
    g_autofree char *actual = g_strjoinv("|", words);

    assert_string_equal(actual, joined);
}

static void words_are_split_at_every_white_space(void **state)
{
    assert_words("", "");
    assert_words("  \t ", "");
    assert_words("a", "a");
    assert_words(" a  b\tc\n", "a|b|c");
    assert_words("a\xc2\xa0"
                 "b\xe2\x80\x83"
                 "c\x1c"
                 "d\x0b"
                 "e",
                 "a|b|c|d|e");
    assert_words("\xe2\x82 \xff x", "\xe2\x82|\xff|x");
    assert_words("'a b'", "'a|b'");
}

static void stripping_leaves_the_inside_alone(void **state)
{
    g_autofree char *some = argument_strip(" \xc2\xa0 a  b \n"), *none = argument_strip(" \t"),
                    *empty = argument_strip("");

    assert_string_equal(some, "a  b");
    assert_string_equal(none, "");
    assert_string_equal(empty, "");
}

static void integers_are_pythons(void **state)
{
    static const struct {
        const char *text;
        int result;
        int64_t value;
    } rows[] = {
        {"0", 0, 0},
        {"1600", 0, 1600},
        {" -12 ", 0, -12},
        {"+7", 0, 7},
        {"1_000", 0, 1000},
        {"007", 0, 7},
        {"", -EINVAL, 0},
        {"-", -EINVAL, 0},
        {"_1", -EINVAL, 0},
        {"1_", -EINVAL, 0},
        {"1__0", -EINVAL, 0},
        {"1 0", -EINVAL, 0},
        {"0x10", -EINVAL, 0},
        {"--1", -EINVAL, 0},
        {"1.0", -EINVAL, 0},
        {"9223372036854775807", 0, INT64_MAX},
        {"9223372036854775808", -ERANGE, 0},
        {"-9223372036854775809", -ERANGE, 0},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int64_t value = 42;
        assert_int_equal(argument_integer(rows[i].text, &value), rows[i].result);
        assert_int_equal(value, rows[i].result == 0 ? rows[i].value : 42);
    }
}

static const GetoptRow option_rows[] = {
    {'h', "help", false}, {'c', "configuration", true}, {'?', NULL, false}, {'r', "history_file", true}};

/* "-c=x -h | first", or the message. */
static char *parse(char *const *arguments)
{
    GetoptMatch *matches = NULL;
    size_t count = 0, first = 0;
    char *message = NULL;
    GString *text;

    if (python_getopt(option_rows, G_N_ELEMENTS(option_rows), arguments, &matches, &count, &first, &message) <
        0) {
        char *copy = g_strdup(message);
        free(message);
        return copy;
    }
    text = g_string_new(NULL);
    for (size_t i = 0; i < count; i++)
        g_string_append_printf(text, "%s=%s ", matches[i].name, matches[i].value);
    g_string_append_printf(text, "| %s", arguments[first] ? arguments[first] : "");
    free(matches);
    return g_string_free(text, FALSE);
}

static void assert_parsed(const char *line, const char *expected)
{
    g_auto(GStrv) arguments = g_strsplit(line, " ", -1);
    g_autofree char *actual = parse(arguments);

    assert_string_equal(actual, expected);
}

static void options_are_pythons_getopt(void **state)
{
    assert_parsed("-h x", "-h= | x");
    assert_parsed("-hcx y", "-h= -c=x | y");
    assert_parsed("-c x y", "-c=x | y");
    assert_parsed("-c -h", "-c=-h | ");
    assert_parsed("--conf=x y -h", "--configuration=x | y");
    assert_parsed("--configuration x", "--configuration=x | ");
    assert_parsed("--conf= x", "--configuration= | x");
    assert_parsed("-- -h", "| -h");
    assert_parsed("- -h", "| -");
    assert_parsed("--he", "--help= | ");
    assert_parsed("--h", "option --h not a unique prefix");
    assert_parsed("--nope", "option --nope not recognized");
    assert_parsed("--nope=3", "option --nope not recognized");
    assert_parsed("--help=3", "option --help must not have an argument");
    assert_parsed("--conf", "option --configuration requires argument");
    assert_parsed("-c", "option -c requires argument");
    assert_parsed("-hx", "option -x not recognized");
    assert_parsed("-\xc3\xa9", "option -\xc3\xa9 not recognized");
    assert_parsed("-\xc3", "option -\xc3 not recognized");
}

static void addresses_are_read(void **state)
{
    static const struct {
        const char *url;
        const char *socket_path;
        const char *host; /* NULL: refused, with `problem` */
        const char *problem;
    } rows[] = {
        {"unix:///run/x.sock", "/run/x.sock", "localhost", NULL},
        {"http://localhost:9001", NULL, "localhost:9001", NULL},
        {"http://Host", NULL, "host:80", NULL},
        {"http://host:9001/path?x", NULL, "host:9001", NULL},
        {"http://u:p@host:1", NULL, "host:1", NULL},
        {"http://[::1]:9001/", NULL, "[::1]:9001", NULL},
        {"http://:9001", NULL, "localhost:9001", NULL},
        {"http://h:x", NULL, NULL, "Port could not be cast to integer value as 'x'"},
        {"http://h:65536", NULL, NULL, "Port out of range 0-65535"},
        {"HTTP://h", NULL, NULL, "Unknown protocol for serverurl HTTP://h"},
        {"", NULL, NULL, "Unknown protocol for serverurl "},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(ServerUrl) server = {0};
        g_autofree char *problem = NULL, *host = NULL;
        int r = server_url_parse(rows[i].url, &server, &problem);

        assert_int_equal(r, rows[i].host ? 0 : -EINVAL);
        if (r < 0) {
            assert_string_equal(problem, rows[i].problem);
            continue;
        }
        host = server_url_host(&server);
        assert_string_equal(host, rows[i].host);
        assert_true(g_strcmp0(server.socket_path, rows[i].socket_path) == 0);
    }
}

static void an_address_that_is_too_long_is_refused(void **state)
{
    g_autofree char *path = g_strnfill(108, 'x'), *url = g_strconcat("unix://", path, NULL), *problem = NULL;
    g_auto(ServerUrl) server = {0};

    assert_int_equal(server_url_parse(url, &server, &problem), -EINVAL);
    assert_string_equal(problem, "AF_UNIX path too long");
}

static void what_is_a_url(void **state)
{
    assert_true(server_url_is_url("http://x"));
    assert_true(server_url_is_url("unix:///x"));
    assert_true(server_url_is_url("a:b"));
    assert_false(server_url_is_url("http:"));
    assert_false(server_url_is_url("http://"));
    assert_false(server_url_is_url("localhost"));
    assert_false(server_url_is_url(""));
    assert_false(server_url_is_url("9x:y"));
}

static void assert_columns(const char *names, size_t width, const char *expected)
{
    g_auto(GStrv) list = g_strsplit(names, " ", -1);
    char *text = NULL;
    size_t size = 0;
    FILE *output = open_memstream(&text, &size);

    column_print(output, (const char *const *)list, width);
    fclose(output);
    assert_string_equal(text, expected);
    free(text);
}

static void columns_take_as_few_rows_as_fit(void **state)
{
    assert_columns("a bb c", 79, "a  bb  c\n");
    assert_columns("a bb c", 5, "a   c\nbb\n");
    assert_columns("aaaa bbbbbb", 5, "aaaa\nbbbbbb\n");
    assert_columns("alone", 2, "alone\n");
    assert_columns("\xc3\xa9\xc3\xa9 b cc d", 6, "\xc3\xa9\xc3\xa9  cc\nb   d \n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_split_at_every_white_space),
        cmocka_unit_test(stripping_leaves_the_inside_alone),
        cmocka_unit_test(integers_are_pythons),
        cmocka_unit_test(options_are_pythons_getopt),
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(an_address_that_is_too_long_is_refused),
        cmocka_unit_test(what_is_a_url),
        cmocka_unit_test(columns_take_as_few_rows_as_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
