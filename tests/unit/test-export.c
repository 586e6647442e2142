/* `supersede export` as users see it. Each file of tests/fixtures/export says in its comments what must come
 * out:
 *
 *     ; FILE: LINE            the file has this line (in README: a line that ends so; @FIXTURE@ is the path
 * of the file itself) ; FILE! TEXT            the text is nowhere in the file ; no FILE               there
 * is no such file
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <glib/gstdio.h>

static const char *program;

static int export(const char *fixture, const char *output, const char *option, char **ret_complaint)
{
    const char *const argv[] = {program, "export", "--output", output, fixture, option, NULL};
    int status;

    assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
                             ret_complaint, &status, NULL));
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void remove_all(const char *directory)
{
    g_autoptr(GDir) files = g_dir_open(directory, 0, NULL);

    for (const char *name; files && (name = g_dir_read_name(files));) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        (void)g_unlink(path);
    }
    (void)g_rmdir(directory);
}

static bool has_line(const char *text, const char *line, bool at_end)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (size_t i = 0; lines[i]; i++) {
        if (strcmp(lines[i], line) == 0 || (at_end && g_str_has_suffix(lines[i], line)))
            return true;
    }
    return false;
}

static void check_expectation(const char *expectation, const char *fixture, const char *output)
{
    size_t length = strcspn(expectation, ":! ");
    g_autofree char *name = g_strndup(expectation, length);
    g_autofree char *path = g_build_filename(output, name, NULL), *text = NULL;
    g_autoptr(GString) wanted = g_string_new(expectation + length + 2);

    g_string_replace(wanted, "@FIXTURE@", fixture, 0);
    if (!g_file_get_contents(path, &text, NULL, NULL))
        fail_msg("there is no %s", name);
    if (expectation[length] == '!' && strstr(text, wanted->str))
        fail_msg("'%s' is in %s:\n%s", wanted->str, name, text);
    if (expectation[length] == ':' && !has_line(text, wanted->str, strcmp(name, "README") == 0))
        fail_msg("'%s' is not in %s:\n%s", wanted->str, name, text);
}

static void check_modes(const char *output)
{
    g_autoptr(GDir) files = g_dir_open(output, 0, NULL);

    for (const char *name; (name = g_dir_read_name(files));) {
        g_autofree char *path = g_build_filename(output, name, NULL);
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, g_str_has_suffix(name, ".env") ? 0600
                                                 : strcmp(name, "install") == 0 ? 0755
                                                                                : 0644);
    }
}

static size_t check_expectations(const char *text, const char *fixture, const char *output)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    size_t count = 0;

    for (size_t i = 0; lines[i]; i++) {
        if (g_str_has_prefix(lines[i], "; no ")) {
            g_autofree char *path = g_build_filename(output, lines[i] + strlen("; no "), NULL);
            assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
        } else if (g_regex_match_simple("^; [^ ]+[:!] ", lines[i], 0, 0)) {
            check_expectation(lines[i] + 2, fixture, output);
            count++;
        }
    }
    return count;
}

static void test_fixture(void **state)
{
    const char *fixture = *state;
    g_autofree char *text = NULL, *complaint = NULL, *again = NULL, *forced = NULL;
    g_autofree char *output = g_dir_make_tmp("supersede-export-XXXXXX", NULL);

    assert_true(g_file_get_contents(fixture, &text, NULL, NULL));
    assert_int_equal(export(fixture, output, NULL, &complaint), 0);
    assert_true(check_expectations(text, fixture, output) > 5);
    check_modes(output);
    assert_int_equal(export(fixture, output, NULL, &again), 2);
    assert_non_null(strstr(again, "/README exists\n"));
    assert_non_null(strstr(again, "supersede: nothing was written (--force overwrites)\n"));
    assert_int_equal(export(fixture, output, "--force", &forced), 0);
    check_modes(output);
    remove_all(output);
}

static void test_full_disk(void **state)
{
    g_autofree char *complaint = NULL;

    assert_int_equal(export(*state, "/proc/nowhere", NULL, &complaint), 2);
    assert_true(g_str_has_prefix(complaint, "supersede: cannot make /proc/nowhere: "));
}

int main(int argc, char **argv)
{
    assert_true(argc == 3);
    program = argv[1];
    g_autofree char *templates = g_build_filename(argv[2], "templates.conf", NULL);
    g_autofree char *programs = g_build_filename(argv[2], "programs.conf", NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_fixture, templates),
        cmocka_unit_test_prestate(test_fixture, programs),
        cmocka_unit_test_prestate(test_full_disk, programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
