/* The converters. Most of what they accept and refuse is also held against the oracle in tests/parity/config.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "translator/environment.h"
#include "translator/options.h"
#include "translator/path.h"
#include "translator/value.h"

static int find_user(const char *text, uid_t *ret_uid, gid_t *ret_gid)
{
    bool is_known = strcmp(text, "web") == 0 || strcmp(text, "33") == 0;
    if (is_known) {
        *ret_uid = 33;
        *ret_gid = 34;
    }
    return is_known ? 0 : -ENOENT;
}

static int find_group(const char *text, gid_t *ret_gid)
{
    if (strcmp(text, "www") != 0)
        return -ENOENT;
    *ret_gid = 44;
    return 0;
}

static bool is_directory(const char *path)
{
    return strcmp(path, "/home/web/log") == 0 || strcmp(path, "/") == 0;
}

static char *find_home(const char *user)
{
    return !user ? g_strdup("/home/me/") : strcmp(user, "web") == 0 ? g_strdup("/home/web") : NULL;
}

static const ConfigHost host = {
    .find_user = find_user, .find_group = find_group, .is_directory = is_directory, .find_home = find_home};

/* ---- numbers ---- */

static void assert_integer(const char *text, int64_t expected)
{
    g_autofree char *error = NULL;
    int64_t number;
    assert_int_equal(value_integer(text, &number, &error), 0);
    assert_int_equal(number, expected);
}

static void assert_no_integer(const char *text, const char *message)
{
    g_autofree char *error = NULL;
    int64_t number = 77;
    assert_int_equal(value_integer(text, &number, &error), -EINVAL);
    assert_string_equal(error, message);
    assert_int_equal(number, 77);
}

static void test_integers(void **state)
{
    assert_integer("0", 0);
    assert_integer(" 5\n", 5);
    assert_integer("+3", 3);
    assert_integer("-1_000", -1000);
    assert_integer("0007", 7);
    assert_integer("\xd9\xa3\xef\xbc\x91", 31);
    assert_integer("\xc2\xa0"
                   "5\xe3\x80\x80",
                   5);
    assert_integer("9223372036854775807", INT64_MAX);
    assert_integer("-9223372036854775808", INT64_MIN);
    assert_no_integer("", "invalid literal for int() with base 10: ''");
    assert_no_integer("1__0", "invalid literal for int() with base 10: '1__0'");
    assert_no_integer("_1", "invalid literal for int() with base 10: '_1'");
    assert_no_integer("1_", "invalid literal for int() with base 10: '1_'");
    assert_no_integer("+ 3", "invalid literal for int() with base 10: '+ 3'");
    assert_no_integer("+", "invalid literal for int() with base 10: '+'");
    assert_no_integer("0x10", "invalid literal for int() with base 10: '0x10'");
    assert_no_integer("it's", "invalid literal for int() with base 10: \"it's\"");
    /* int() strips less from a text that is all ASCII than str.strip() does. */
    assert_no_integer("\x1c"
                      "5",
                      "invalid literal for int() with base 10: '\\x1c5'");
    assert_integer("\x1c\xd9\xa3", 3);
}

static void test_integers_that_are_too_large(void **state)
{
    static const struct {
        const char *text;
        int64_t number;
    } rows[] = {
        {"9223372036854775808", INT64_MAX},
        {"-9223372036854775809", INT64_MIN},
        {"1000000000000000000000000000000", INT64_MAX},
        {"-18446744073709551616", INT64_MIN},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *error = NULL;
        int64_t number;
        assert_int_equal(value_integer(rows[i].text, &number, &error), 1);
        assert_int_equal(number, rows[i].number);
    }
    g_autofree char *digits = g_strnfill(4301, '1'), *message = NULL;
    int64_t number;
    assert_int_equal(value_integer(digits, &number, &message), -EINVAL);
    assert_string_equal(
        message, "Exceeds the limit (4300 digits) for integer string conversion: value has 4301 digits; "
                 "use sys.set_int_max_str_digits() to increase the limit");
    g_autofree char *letters = g_strnfill(5000, 'x'), *cut = NULL;
    assert_int_equal(value_integer(letters, &number, &cut), -EINVAL);
    assert_int_equal(strlen(cut), strlen("invalid literal for int() with base 10: ") + 200);
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        int result;
        int64_t size;
    } rows[] = {
        {"0", 0, 0},
        {"10", 0, 10},
        {"1KB", 0, 1024},
        {"2 mb", 0, 2 << 20},
        {"1_0Gb", 0, 10LL << 30},
        {"-1kB", 0, -1024},
        {"5\xe2\x84\xaa"
         "B",
         0, 5120},
        {"9007199254740993KB", 1, INT64_MAX},
        {"-99999999999GB", 1, INT64_MIN},
        {"MB", -EINVAL, 0},
        {"1.5MB", -EINVAL, 0},
        {"1TB", -EINVAL, 0},
        {"1KBMB", -EINVAL, 0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *error = NULL;
        int64_t size = 0;
        assert_int_equal(value_size(rows[i].text, &size, &error), rows[i].result);
        assert_int_equal(size, rows[i].size);
    }
}

static void test_octal(void **state)
{
    static const struct {
        const char *text;
        int result;
        mode_t mode;
    } rows[] = {
        {"022", 0, 022},
        {"0o22", 0, 022},
        {"0O_7_7", 0, 077},
        {" 777 ", 0, 0777},
        {"-1", 0, (mode_t)-1},
        {"8", -EINVAL, 0},
        {"0o", -EINVAL, 0},
        {"0x1", -EINVAL, 0},
        {"", -EINVAL, 0},
        {"0b1", -EINVAL, 0},
        {"77777777777777777777777777", -EINVAL, 0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *error = NULL;
        mode_t mode = 0;
        assert_int_equal(value_octal(rows[i].text, &mode, &error), rows[i].result);
        assert_int_equal(mode, rows[i].mode);
        assert_int_equal(error != NULL, rows[i].result < 0);
    }
}

static void test_exitcodes(void **state)
{
    g_autofree int *codes = NULL, *none = NULL, *left_alone = NULL;
    g_autofree char *error = NULL;
    size_t count;
    assert_int_equal(value_exitcodes("0, 2,1_0", &codes, &count, &error), 0);
    assert_int_equal(count, 3);
    assert_int_equal(codes[2], 10);
    assert_int_equal(value_exitcodes("", &none, &count, &error), 0);
    assert_int_equal(count, 0);
    assert_int_equal(value_exitcodes("0,256", &left_alone, &count, &error), -EINVAL);
    assert_string_equal(error, "not a valid list of exit codes: '0,256'");
    assert_null(left_alone);
}

/* ---- words ---- */

static void test_words(void **state)
{
    g_autofree char *first = NULL, *second = NULL, *third = NULL;
    bool boolean;
    Autorestart restart;
    int level;
    assert_int_equal(value_boolean("ON", &boolean, &first), 0);
    assert_true(boolean);
    assert_int_equal(value_boolean("0", &boolean, &first), 0);
    assert_false(boolean);
    assert_int_equal(value_boolean(" true", &boolean, &first), -EINVAL);
    assert_string_equal(first, "not a valid boolean value: ' true'");
    assert_int_equal(value_autorestart("Unexpected", &restart, &second), 0);
    assert_int_equal(restart, AUTORESTART_UNEXPECTED);
    assert_int_equal(value_autorestart("Yes", &restart, &second), 0);
    assert_int_equal(restart, AUTORESTART_ALWAYS);
    assert_int_equal(value_autorestart("NEVER", &restart, &second), -EINVAL);
    assert_string_equal(second, "invalid 'autorestart' value 'never'");
    assert_int_equal(value_loglevel("Blather", &level, &third), 0);
    assert_int_equal(level, 3);
    assert_int_equal(value_loglevel("warning", &level, &third), -EINVAL);
    assert_string_equal(third, "bad logging level name 'warning'");
}

static void test_signals(void **state)
{
    static const struct {
        const char *text;
        int signal;
        const char *error;
    } rows[] = {
        {"TERM", SIGTERM, NULL},
        {" sigusr1 ", SIGUSR1, NULL},
        {"1_5", 15, NULL},
        {"0", 0, NULL},
        {"SIG_IGN", 1, NULL},
        {"_setmask", 2, NULL},
        {"99", 0, "value '99' is not a valid signal number"},
        {"-9", 0, "value '-9' is not a valid signal number"},
        {"99999999999999999999", 0, "value '99999999999999999999' is not a valid signal number"},
        {"NOPE", 0, "value 'NOPE' is not a valid signal name"},
        {"", 0, "value '' is not a valid signal name"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *error = NULL;
        int signal = 0;
        assert_int_equal(value_signal(rows[i].text, &signal, &error), rows[i].error ? -EINVAL : 0);
        assert_int_equal(signal, rows[i].signal);
        if (rows[i].error)
            assert_string_equal(error, rows[i].error);
    }
}

static void test_names_and_lists(void **state)
{
    g_autofree char *name = NULL, *error = NULL;
    assert_int_equal(value_name(" a.b ", &name, &error), 0);
    assert_string_equal(name, "a.b");
    assert_int_equal(value_name("a/b:c", &name, &error), -EINVAL);
    assert_string_equal(error, "Invalid name: 'a/b:c' because of character: ':'");
    g_auto(GStrv) list = value_list("a , b,,c\n"), none = value_list("");
    assert_int_equal(g_strv_length(list), 4);
    assert_string_equal(list[1], "b");
    assert_string_equal(list[2], "");
    assert_int_equal(g_strv_length(none), 0);
}

/* ---- the host ---- */

static void assert_owner(const char *text, uid_t uid, gid_t gid)
{
    g_autofree char *error = NULL;
    uid_t found_uid;
    gid_t found_gid;
    assert_int_equal(value_owner(text, &host, &found_uid, &found_gid, &error), 0);
    assert_int_equal(found_uid, uid);
    assert_int_equal(found_gid, gid);
}

static void test_users(void **state)
{
    g_autofree char *name_error = NULL, *id_error = NULL, *owner_error = NULL;
    uid_t uid;
    gid_t gid;
    assert_int_equal(value_user("web", &host, &uid, &gid, &name_error), 0);
    assert_int_equal(uid, 33);
    assert_int_equal(gid, 34);
    assert_int_equal(value_user(" 3_3", &host, &uid, &gid, &name_error), 0);
    assert_int_equal(value_user("nobody", &host, &uid, &gid, &name_error), -EINVAL);
    assert_string_equal(name_error, "Invalid user name nobody");
    assert_int_equal(value_user("-1", &host, &uid, &gid, &id_error), -EINVAL);
    assert_string_equal(id_error, "Invalid user id -1");
    assert_owner("web", 33, (gid_t)-1);
    assert_owner("33:www", 33, 44);
    const char *const bad[] = {"", ":", "web:", ":www", "web:web", "web:www:x"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_clear_pointer(&owner_error, g_free);
        assert_int_equal(value_owner(bad[i], &host, &uid, &gid, &owner_error), -EINVAL);
        assert_true(g_str_has_suffix(owner_error, bad[i]));
    }
}

static void test_addresses(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
        const char *error;
    } rows[] = {
        {"9001", "", 9001, NULL},
        {":9001", "", 9001, NULL},
        {"*:9001", "", 9001, NULL},
        {"LocalHost:65535", "localhost", 65535, NULL},
        {"::1:80", "::1", 80, NULL},
        {"", NULL, 0, "not a valid port number: '' "},
        {"70000", NULL, 0, "not a valid port number: '70000' "},
        {"h:", NULL, 0, "no port number specified in ''"},
        {"h:0", NULL, 0, "0 is below lower bound (1)"},
        {"h:65536", NULL, 0, "65536 is above upper bound (65535)"},
        {"h:x", NULL, 0, "invalid literal for int() with base 10: 'x'"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *name = NULL, *error = NULL;
        uint16_t port = 0;
        assert_int_equal(value_address(rows[i].text, &name, &port, &error), rows[i].error ? -EINVAL : 0);
        assert_int_equal(port, rows[i].port);
        assert_string_equal(rows[i].error ? error : name, rows[i].error ? rows[i].error : rows[i].host);
    }
}

static void test_paths(void **state)
{
    static const struct {
        const char *text;
        LogfileKind kind;
        bool syslog;
        const char *path;
    } rows[] = {
        {"none", LOGFILE_NONE, false, NULL},     {"OFF", LOGFILE_NONE, false, NULL},
        {"Auto", LOGFILE_AUTO, false, NULL},     {"SysLog", LOGFILE_NONE, true, NULL},
        {"x.log", LOGFILE_PATH, false, "x.log"}, {"~web/log/x", LOGFILE_PATH, false, "/home/web/log/x"},
        {"/x", LOGFILE_PATH, false, "/x"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = NULL, *error = NULL;
        LogfileKind kind;
        bool syslog;
        assert_int_equal(value_logfile(rows[i].text, &host, &kind, &path, &syslog, &error), 0);
        assert_int_equal(kind, rows[i].kind);
        assert_int_equal(syslog, rows[i].syslog);
        assert_true(g_strcmp0(path, rows[i].path) == 0);
    }
    g_autofree char *path = NULL, *file_error = NULL, *directory_error = NULL;
    assert_int_equal(value_file("/nowhere/x", &host, &path, &file_error), -EINVAL);
    assert_string_equal(file_error, "The directory named as part of the path /nowhere/x does not exist");
    assert_int_equal(value_directory("~", &host, &path, &directory_error), -EINVAL);
    assert_string_equal(directory_error, "~ is not an existing directory");
    assert_null(path);
}

static void test_path_rules(void **state)
{
    static const struct {
        const char *path, *expanded, *dirname;
    } rows[] = {
        {"~", "/home/me", ""},
        {"~/x", "/home/me/x", "~"},
        {"~nobody/x", "~nobody/x", "~nobody"},
        {"x~", "x~", ""},
        {"/", "/", "/"},
        {"//x", "//x", "//"},
        {"/a//b", "/a//b", "/a"},
        {"a/", "a/", "a"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *expanded = path_expand_user(rows[i].path, &host),
                        *dirname = path_dirname(rows[i].path);
        assert_string_equal(expanded, rows[i].expanded);
        assert_string_equal(dirname, rows[i].dirname);
    }
    g_autofree char *normal = path_absolute("/a/./b/../../../c//d/"), *doubled = path_absolute("//a"),
                    *tripled = path_absolute("///a");
    assert_string_equal(normal, "/c/d");
    assert_string_equal(doubled, "//a");
    assert_string_equal(tripled, "/a");
}

/* ---- environment= ---- */

static void test_environment(void **state)
{
    static const struct {
        const char *text;
        const char *expected; /* NAME=value| each */
    } rows[] = {
        {"", ""},
        {"A=1,B=\"x,y\"", "A=1|B=x,y|"},
        {"A='it''s'", "A=it|"}, /* what follows the closing quote stands where the comma should */
        {"A=\"it's\",B=2", "A=it's|B=2|"},
        {"A=b#c,D=e\nf,G=h", "A=bf|G=h|"}, /* a comment does not end a word */
        {"A=1 x B=2", "A=1|B=2|"},
        {"A=1,A=2,", "A=2|"},
        {"\"A\"=1", "\"A\"=1|"},
        {"A==", "A==|"},
        {"\xc3\xa9=1", "\xc3\xa9=1|"},
        {"A=\"\xc3\xa9\"", "A=\xc3\xa9|"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Environment) environment = NULL;
        g_autofree char *error = NULL;
        assert_int_equal(environment_parse(rows[i].text, &environment, &error), 0);
        g_autoptr(GString) shown = g_string_new(NULL);
        for (size_t j = 0; j < environment_count(environment); j++)
            g_string_append_printf(shown, "%s=%s|", environment_get(environment, j)->name,
                                   environment_get(environment, j)->value);
        assert_string_equal(shown->str, rows[i].expected);
    }
    const char *const bad[] = {"A", "A=", "=1", "A=1,B", "A=1,,B=2", "A=$x=1"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(Environment) environment = NULL;
        g_autofree char *error = NULL, *expected = NULL;
        assert_int_equal(environment_parse(bad[i], &environment, &error), -EINVAL);
        expected = g_strdup_printf("Unexpected end of key/value pairs in value '%s'", bad[i]);
        assert_string_equal(error, expected);
    }
    g_autoptr(Environment) environment = NULL;
    g_autofree char *error = NULL;
    assert_int_equal(environment_parse("A=\"x", &environment, &error), -EINVAL);
    assert_string_equal(error, "No closing quotation");
}

/* ---- the table ---- */

static void test_table(void **state)
{
    assert_int_equal(option_section_kind("program:x"), SECTION_PROGRAM);
    assert_int_equal(option_section_kind("inet_http_serverx"), SECTION_INET_HTTP_SERVER);
    assert_int_equal(option_section_kind("Program:x"), SECTION_UNKNOWN);
    assert_int_equal(option_section_kind("supervisordx"), SECTION_UNKNOWN);
    assert_non_null(option_find("program:x", "command"));
    assert_null(option_find("program:x", "events"));
    assert_non_null(option_find("eventlistener:x", "events"));
    assert_non_null(option_find("DEFAULT", "events"));
    assert_null(option_find("pogram:x", "command"));
    assert_string_equal(option_find("program:x", "stopsignal")->property, "KillSignal");
    assert_int_equal(option_find("eventlistener:x", "stopsignal")->disposition, DISPOSITION_BRIDGE);
    assert_true(option_is_systemd("program:x", "systemd.memorymax"));
    assert_false(option_is_systemd("program:x", "systemd."));
    assert_false(option_is_systemd("supervisord", "systemd.memorymax"));

    size_t seen = 0;
    for (SectionKind kind = 0; kind < SECTION_KIND_COUNT; kind++) {
        size_t count;
        const Option *rows = option_rows(kind, &count);
        seen += count;
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(rows[i].section, kind);
            assert_ptr_equal(option_find_in(kind, rows[i].name), &rows[i]); /* no name twice */
            assert_true(rows[i].doc && rows[i].doc[0] != '\0');
            assert_int_equal(rows[i].property != NULL, rows[i].disposition == DISPOSITION_PROPERTY);
            assert_non_null(option_kind_text(rows[i].kind));
            assert_non_null(option_disposition_text(rows[i].disposition));
        }
        assert_non_null(option_section_pattern(kind));
        assert_non_null(option_section_doc(kind));
    }
    assert_int_equal(seen, option_count());
}

static void test_suggestions(void **state)
{
    static const struct {
        const char *section, *name, *suggestion;
    } rows[] = {
        {"program:x", "autorestrt", "autorestart"},
        {"program:x", "comand", "command"},
        {"program:x", "usr", "user"},
        {"program:x", "stdout_log", "stdout_logfile"},
        {"program:x", "stdout_logfil", "stdout_logfile"},
        {"program:x", "event", NULL},
        {"eventlistener:x", "event", "events"},
        {"supervisord", "lgolevel", "loglevel"},
        {"group:x", "program", "programs"},
        {"program:x", "xyzzy", NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        assert_true(g_strcmp0(option_suggest(rows[i].section, rows[i].name), rows[i].suggestion) == 0);
    assert_string_equal(option_suggest_section("pogram:web"), "program:x");
    assert_string_equal(option_suggest_section("unix_http_sever"), "unix_http_server");
    assert_string_equal(option_suggest_section("includes"), "include");
    assert_null(option_suggest_section("mysettings"));
    g_autofree char *long_name = g_strnfill(100000, 'x');
    assert_null(option_suggest("program:x", long_name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),    cmocka_unit_test(test_integers_that_are_too_large),
        cmocka_unit_test(test_sizes),       cmocka_unit_test(test_octal),
        cmocka_unit_test(test_exitcodes),   cmocka_unit_test(test_words),
        cmocka_unit_test(test_signals),     cmocka_unit_test(test_names_and_lists),
        cmocka_unit_test(test_users),       cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_paths),       cmocka_unit_test(test_path_rules),
        cmocka_unit_test(test_environment), cmocka_unit_test(test_table),
        cmocka_unit_test(test_suggestions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
