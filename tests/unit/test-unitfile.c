#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "translator/unitfile.h"

/* What `property` is on one line. Takes the list over. */
static char *line_of(PropertyList *list)
{
    char *line = unitfile_format_property(property_list_get(list, 0));

    property_list_free(list);
    return line;
}

#define assert_line(expected, add, ...)                                                                      \
    do {                                                                                                     \
        PropertyList *list_ = property_list_new();                                                           \
        add(list_, __VA_ARGS__);                                                                             \
        g_autofree char *line_ = line_of(list_);                                                             \
        assert_string_equal(line_, expected);                                                                \
    } while (0)

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_times(void **state)
{
    assert_line("TimeoutStopSec=10s", property_list_add_uint64, "TimeoutStopUSec", 10 * G_USEC_PER_SEC);
    assert_line("RestartSec=0", property_list_add_uint64, "RestartUSec", 0);
    assert_line("RestartSec=1500000us", property_list_add_uint64, "RestartUSec", 1500000);
    assert_line("TimeoutStartSec=infinity", property_list_add_uint64, "TimeoutStartUSec", UINT64_MAX);
    assert_line("TasksMax=infinity", property_list_add_uint64, "TasksMax", UINT64_MAX);
    assert_line("TasksMax=3000000", property_list_add_uint64, "TasksMax", 3000000);
}

static void test_simple_values(void **state)
{
    assert_line("SendSIGKILL=yes", property_list_add_boolean, "SendSIGKILL", true);
    assert_line("SendSIGKILL=no", property_list_add_boolean, "SendSIGKILL", false);
    assert_line("KillSignal=SIGQUIT", property_list_add_int32, "KillSignal", SIGQUIT);
    assert_line("KillSignal=SIGRTMIN+3", property_list_add_int32, "KillSignal", SIGRTMIN + 3);
    assert_line("Nice=-5", property_list_add_int32, "Nice", -5);
    assert_line("UMask=0022", property_list_add_uint32, "UMask", 022);
    assert_line("Description=50%% a b", property_list_add_string, "Description", "50% a b");
    assert_line("Description=a b\\ ", property_list_add_string, "Description", "a\nb\\");
    assert_line("After=a.target \"b c\"", property_list_add_string_list, "After", WORDS("a.target", "b c"));
}

static void test_commands(void **state)
{
    assert_line("ExecStart=/bin/a /run/x:y@1", property_list_add_command, "ExecStart",
                WORDS("/bin/a", "/run/x:y@1"), false);
    assert_line("ExecStart=-/bin/a \"\" \";\" y;", property_list_add_command, "ExecStart",
                WORDS("/bin/a", "", ";", "y;"), true);
}

static void test_command_escapes(void **state)
{
    assert_line("ExecStart=\"/bin/a $b\" $$HOME %%n \"a\\\"b\" \"it's\" \"c\\\\d\" \"e\\nf\\tg\\x01\"",
                property_list_add_command, "ExecStart",
                WORDS("/bin/a $b", "$HOME", "%n", "a\"b", "it's", "c\\d", "e\nf\tg\1"), false);
    assert_line("ExecStart=/bin/a \xc3\xa9 \"\xc3\xa9\\xff\" \"#x\"", property_list_add_command, "ExecStart",
                WORDS("/bin/a", "\xc3\xa9", "\xc3\xa9\xff", "#x"), false);
}

static void test_exit_status_set(void **state)
{
    static const int32_t codes[] = {0, 2, 255}, signals[] = {1, 15, 31};

    assert_line("SuccessExitStatus=0 2 255 SIGHUP SIGTERM SIGSYS", property_list_add_exit_status_set,
                "SuccessExitStatus", codes, 3, signals, 3);
    assert_line("SuccessExitStatus=SIGHUP", property_list_add_exit_status_set, "SuccessExitStatus", codes, 0,
                signals, 1);
    assert_line("SuccessExitStatus=", property_list_add_exit_status_set, "SuccessExitStatus", codes, 0,
                signals, 0);
}

static void test_sections(void **state)
{
    g_autoptr(PropertyList) list = property_list_new();
    property_list_add_string(list, "KillMode", "mixed");
    property_list_add_string(list, "Description", "d");
    property_list_add_uint64(list, "StartLimitIntervalUSec", 0);
    property_list_add_boolean(list, "IgnoreOnIsolate", true);
    g_autofree char *service = unitfile_format("a.service", list);
    g_autofree char *scope = unitfile_format("a.b.scope", list);
    g_autofree char *slice = unitfile_format("a.slice", list);

    assert_string_equal(service, "[Unit]\nDescription=d\nStartLimitIntervalSec=0\nIgnoreOnIsolate=yes\n"
                                 "\n[Service]\nKillMode=mixed\n");
    assert_non_null(strstr(scope, "\n[Scope]\nKillMode=mixed\n"));
    assert_non_null(strstr(slice, "\n[Slice]\nKillMode=mixed\n"));
}

/* systemd's own parser */

static int make_directory(void **state)
{
    *state = g_dir_make_tmp("supersede-unitfile-XXXXXX", NULL);
    return *state ? 0 : -1;
}

static int remove_directory(void **state)
{
    const char *names[] = {"it.service", "program %h $x \xc3\xa9"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(*state, names[i], NULL);
        (void)g_unlink(path);
    }
    (void)g_rmdir(*state);
    g_free(*state);
    return 0;
}

/* What systemd-analyze has to say about a unit of this text; "" when all is well. */
static char *verify(const char *directory, const char *text)
{
    g_autofree char *path = g_build_filename(directory, "it.service", NULL);
    const char *const argv[] = {"systemd-analyze", "verify", "--man=no", "--generators=no", path, NULL};
    char *complaints = NULL;
    int status;

    assert_true(g_file_set_contents(path, text, -1, NULL));
    assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &complaints,
                             &status, NULL));
    /* Nothing about the units that the host happens to have. */
    g_auto(GStrv) lines = g_strsplit(complaints, "\n", -1);
    GString *ours = g_string_new(NULL);
    for (size_t i = 0; lines[i]; i++) {
        if (strstr(lines[i], "it.service"))
            g_string_append_printf(ours, "%s\n", lines[i]);
    }
    g_free(complaints);
    return g_string_free(ours, FALSE);
}

static void test_systemd_complains(void **state)
{
    g_autofree char *complaints = verify(*state, "[Service]\nExecStart=/nonexistent/x\nKillSignal=SIGNONE\n");

    assert_non_null(strstr(complaints, "SIGNONE"));
    assert_non_null(strstr(complaints, "/nonexistent/x"));
}

static void test_systemd_accepts(void **state)
{
    /* A program of this name exists, so systemd-analyze looks for it and must find it by what it has read. */
    g_autofree char *program = g_build_filename(*state, "program %h $x \xc3\xa9", NULL);
    int32_t codes[256], signals[31];
    g_autoptr(PropertyList) list = property_list_new();

    assert_true(g_file_set_contents(program, "#!/bin/sh\n", -1, NULL));
    assert_int_equal(g_chmod(program, 0755), 0);
    for (int32_t i = 0; i < 256; i++)
        codes[i] = i;
    for (int32_t i = 0; i < 31; i++)
        signals[i] = i + 1;
    property_list_add_string(list, "Description", "100% a\\b \"c\" \xc3\xa9\\");
    property_list_add_string(list, "Slice", "supervisor-a\\x2db.slice");
    property_list_add_string(list, "OOMPolicy", "continue");
    property_list_add_command(list, "ExecStart",
                              WORDS(program, "$x", "%q", "a\"b'c\\", "", ";", "\1\n\xff", "#"), false);
    property_list_add_exit_status_set(list, "SuccessExitStatus", codes, 256, signals, 31);
    property_list_add_exit_status_set(list, "RestartForceExitStatus", NULL, 0, NULL, 0);
    property_list_add_uint64(list, "TimeoutStopUSec", 1500000);
    property_list_add_uint64(list, "TimeoutStartUSec", UINT64_MAX);
    property_list_add_int32(list, "KillSignal", SIGRTMIN + 4);
    g_autofree char *text = unitfile_format("it.service", list);
    g_autofree char *complaints = verify(*state, text);

    assert_string_equal(complaints, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_simple_values),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_command_escapes),
        cmocka_unit_test(test_exit_status_set),
        cmocka_unit_test(test_sections),
        cmocka_unit_test_setup_teardown(test_systemd_complains, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_systemd_accepts, make_directory, remove_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
