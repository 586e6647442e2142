/* The `supersede` program as users see it. Each file of tests/fixtures/check says in its comments what must
 * come out:
 *
 *     ; exit: 1               the exit status
 *     ; says: TEXT            some line holds TEXT (runs of blanks count as one; FILE is the fixture's path)
 *     ; never: TEXT           no line does
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <glib/gstdio.h>

static const char *program;
static const char *fixtures;

typedef struct Output {
    int status;
    char *out, *err;
} Output;

static void output_clear(Output *output)
{
    g_free(output->out);
    g_free(output->err);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Output, output_clear)

static Output supersede(const char *const *arguments)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    Output output = {0};
    int status;

    g_ptr_array_add(argv, (void *)program);
    for (size_t i = 0; arguments[i]; i++)
        g_ptr_array_add(argv, (void *)arguments[i]);
    g_ptr_array_add(argv, NULL);
    assert_true(g_spawn_sync(NULL, (char **)argv->pdata, NULL, 0, NULL, NULL, &output.out, &output.err,
                             &status, NULL));
    assert_true(WIFEXITED(status));
    output.status = WEXITSTATUS(status);
    return output;
}

#define SUPERSEDE(...) supersede((const char *const[]){__VA_ARGS__, NULL})

static char *squeeze(const char *text)
{
    GString *squeezed = g_string_new(NULL);

    for (const char *p = text; *p; p++) {
        if (*p != ' ' || (squeezed->len > 0 && !strchr(" \n", squeezed->str[squeezed->len - 1])))
            g_string_append_c(squeezed, *p);
    }
    return g_string_free(squeezed, FALSE);
}

/* Fixtures */

static void check_expectation(const char *line, const char *path, const Output *output, const char *text)
{
    g_autoptr(GString) wanted = g_string_new(strchr(line, ':') + 2);

    g_string_replace(wanted, "FILE", path, 0);
    if (g_str_has_prefix(line, "; exit: "))
        assert_int_equal(output->status, g_ascii_strtoll(wanted->str, NULL, 10));
    else if (g_str_has_prefix(line, "; says: ") && !strstr(text, wanted->str))
        fail_msg("it does not say '%s' but:\n%s", wanted->str, text);
    else if (g_str_has_prefix(line, "; never: ") && strstr(text, wanted->str))
        fail_msg("it says '%s':\n%s", wanted->str, text);
}

static void test_fixture(void **state)
{
    const char *path = *state;
    g_autofree char *fixture = NULL;
    size_t expectations = 0;

    assert_true(g_file_get_contents(path, &fixture, NULL, NULL));
    g_auto(Output) output = SUPERSEDE("check", path);
    g_autofree char *text = squeeze(output.out);
    g_auto(GStrv) lines = g_strsplit(fixture, "\n", -1);
    assert_string_equal(output.err, "");
    for (size_t i = 0; lines[i]; i++) {
        if (!g_regex_match_simple("^; (exit|says|never): ", lines[i], 0, 0))
            continue;
        check_expectation(lines[i], path, &output, text);
        expectations++;
    }
    assert_true(expectations >= 2);
    assert_null(strchr(output.out, '\033'));
}

/* Command line */

static void assert_refused(Output output, const char *expected)
{
    assert_int_equal(output.status, 2);
    assert_string_equal(output.out, "");
    assert_string_equal(output.err, expected);
    output_clear(&output);
}

static void test_bad_usage(void **state)
{
    assert_refused(supersede((const char *const[]){NULL}),
                   "supersede: no command (supersede --help lists them)\n");
    assert_refused(SUPERSEDE("frobnicate"),
                   "supersede: unknown command 'frobnicate' (supersede --help lists them)\n");
    assert_refused(SUPERSEDE("--wrong"),
                   "supersede: unknown option '--wrong' (supersede --help lists them)\n");
    assert_refused(SUPERSEDE("-xh"), "supersede: unknown option '-x' (supersede --help lists them)\n");
    assert_refused(SUPERSEDE("check", "a", "b"), "supersede: usage: supersede check [--json] [CONF]\n");
    assert_refused(SUPERSEDE("check", "--frob"), "supersede: usage: supersede check [--json] [CONF]\n");
    assert_refused(SUPERSEDE("export", "a"),
                   "supersede: usage: supersede export --output DIR [--force] [--user] "
                   "[--unit-directory DIR] CONF\n");
    assert_refused(SUPERSEDE("show"), "supersede: usage: supersede show CONF [PROGRAM]\n");
    assert_refused(SUPERSEDE("show", "/nonexistent/x.conf"),
                   "supersede: could not find config file /nonexistent/x.conf\n");
}

static void test_help_and_version(void **state)
{
    static const char *const ways[] = {"-h", "--help"};

    for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
        g_auto(Output) help = SUPERSEDE(ways[i]);
        assert_int_equal(help.status, 0);
        assert_non_null(strstr(help.out, "check [--json] [CONF]\n"));
        assert_non_null(strstr(help.out, "show CONF [PROGRAM]\n"));
    }
    g_auto(Output) version = SUPERSEDE("--version");
    assert_int_equal(version.status, 0);
    assert_true(g_regex_match_simple("^supersede [0-9]+\\.[0-9.]+\n$", version.out, 0, 0));
}

static void test_full_disk(void **state)
{
    g_autofree char *path = g_build_filename(fixtures, "clean.conf", NULL);
    g_autofree char *script = g_strdup_printf("exec '%s' check '%s' >/dev/full", program, path);
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    g_autofree char *complaint = NULL;
    int status;

    assert_true(g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, &complaint, &status, NULL));
    assert_int_equal(WEXITSTATUS(status), 2);
    assert_string_equal(complaint, "supersede: cannot write: No space left on device\n");
}

/* show */

static const char show_conf[] = "[supervisord]\n"
                                "[group:g]\n"
                                "programs=web,other\n"
                                "[program:web]\n"
                                "command=/bin/app --port=90%(process_num)02d\n"
                                "process_name=%(program_name)s_%(process_num)02d\n"
                                "numprocs=2\n"
                                "environment=PASSWORD=\"hunter2\",B=\"x\"\n"
                                "stopwaitsecs=7\n"
                                "umask=027\n"
                                "[program:other]\n"
                                "command=/bin/cat\n"
                                "[program:single]\n"
                                "command=/bin/cat\n"
                                "[eventlistener:listener]\n"
                                "command=/bin/cat\n"
                                "events=TICK_5\n";

static int write_show_conf(void **state)
{
    g_autofree char *directory = g_dir_make_tmp("supersede-report-XXXXXX", NULL);

    *state = g_build_filename(directory, "show.conf", NULL);
    return g_file_set_contents(*state, show_conf, -1, NULL) ? 0 : -1;
}

static int remove_show_conf(void **state)
{
    g_autofree char *directory = g_path_get_dirname(*state);

    (void)g_unlink(*state);
    (void)g_rmdir(directory);
    g_free(*state);
    return 0;
}

/* The names of the processes shown, in order. */
static void assert_shown(const char *path, const char *name, const char *expected)
{
    g_auto(Output) output = SUPERSEDE("show", path, name);
    g_auto(GStrv) lines = g_strsplit(output.out, "\n", -1);
    g_autoptr(GString) names = g_string_new(NULL);

    assert_int_equal(output.status, 0);
    for (size_t i = 0; lines[i]; i++) {
        char *end = strstr(lines[i], ": [");
        if (end && g_str_has_prefix(lines[i], "# "))
            g_string_append_printf(names, "%.*s ", (int)(end - lines[i] - 2), lines[i] + 2);
    }
    assert_string_equal(names->str, expected);
}

static void test_show_selects(void **state)
{
    assert_shown(*state, "web", "g:web_00 g:web_01 ");
    assert_shown(*state, "g:web_01", "g:web_01 ");
    assert_shown(*state, "web_01", "g:web_01 ");
    assert_shown(*state, "g", "g:web_00 g:web_01 g:other ");
    assert_shown(*state, "g:*", "g:web_00 g:web_01 g:other ");
    assert_shown(*state, "g:", "g:web_00 g:web_01 g:other ");
    assert_shown(*state, "single", "single ");
    assert_shown(*state, "single:single", "single ");
    assert_shown(*state, NULL, "listener g:web_00 g:web_01 g:other single ");
}

static void test_show_text(void **state)
{
    g_auto(Output) output = SUPERSEDE("show", *state, "g:web_01");
    g_autofree char *heading = g_strdup_printf("# g:web_01: [program:web] in %s:4\n"
                                               "# command=/bin/app --port=9001\n"
                                               "# umask=027\n"
                                               "# environment=PASSWORD,B\n"
                                               "# supervisor:g:web@1.service\n"
                                               "[Unit]\n",
                                               (char *)*state);

    assert_string_equal(output.err, "");
    assert_true(g_str_has_prefix(output.out, heading));
    assert_non_null(strstr(output.out, "\n[Service]\nSlice=supervisor-g.slice\n"));
    assert_non_null(strstr(output.out, "/supersede-exec /run/"));
    assert_non_null(strstr(output.out, "/process/supervisor:g:web@1\n"));
    assert_non_null(strstr(output.out, "\nTimeoutStopSec=7s\n"));
    assert_null(strstr(output.out, "hunter2"));
}

static void test_show_listener(void **state)
{
    g_auto(Output) output = SUPERSEDE("show", *state, "listener");

    assert_non_null(strstr(output.out, "# supervisor:listener.scope, below supervisor-listener.slice:"));
    assert_null(strstr(output.out, "[Service]"));
}

static void test_show_unknown(void **state)
{
    static const char *const names[] = {"nope", "g:nope", "nope:*", "web:web_00", "", ":"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *expected = g_strdup_printf("supersede: %s has no program, group or process '%s'\n",
                                                    (char *)*state, names[i]);
        assert_refused(SUPERSEDE("show", *state, names[i]), expected);
    }
}

static GPtrArray *fixture_paths(void)
{
    g_autoptr(GDir) directory = g_dir_open(fixtures, 0, NULL);
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);

    for (const char *name; directory && (name = g_dir_read_name(directory));) {
        if (g_str_has_suffix(name, ".conf"))
            g_ptr_array_add(paths, g_build_filename(fixtures, name, NULL));
    }
    return paths;
}

static int run_fixtures(void)
{
    g_autoptr(GPtrArray) paths = fixture_paths();
    g_autofree struct CMUnitTest *tests = g_new0(struct CMUnitTest, paths->len);

    for (size_t i = 0; i < paths->len; i++)
        tests[i] = (struct CMUnitTest){.name = strrchr(paths->pdata[i], '/') + 1,
                                       .test_func = test_fixture,
                                       .initial_state = paths->pdata[i]};
    /* An empty directory must not pass. */
    return paths->len < 10 ? 1 : _cmocka_run_group_tests("fixtures", tests, paths->len, NULL, NULL);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_usage),
        cmocka_unit_test(test_help_and_version),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test_setup_teardown(test_show_selects, write_show_conf, remove_show_conf),
        cmocka_unit_test_setup_teardown(test_show_text, write_show_conf, remove_show_conf),
        cmocka_unit_test_setup_teardown(test_show_listener, write_show_conf, remove_show_conf),
        cmocka_unit_test_setup_teardown(test_show_unknown, write_show_conf, remove_show_conf),
    };

    if (argc != 3) {
        fprintf(stderr, "usage: test-report SUPERSEDE FIXTURES\n");
        return 2;
    }
    program = argv[1];
    fixtures = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL) + run_fixtures();
}
