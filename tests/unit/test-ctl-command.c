/* Commands from the line to what is printed, with a fake daemon behind. What the oracle prints is compared in
 * tests/parity/ctl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/command.h"
#include "ctl/completion.h"
#include "tests/unit/fake-daemon.h"

#define MEMBER(name, value) "<member><name>" name "</name><value>" value "</value></member>"
#define ARRAY(items)        "<array><data>" items "</data></array>"
#define TEXT(text)          "<value><string>" text "</string></value>"
#define INFO(group, name, state, statename, description)                                                     \
    "<value><struct>" MEMBER("group", group) MEMBER("name", name) MEMBER("state", "<int>" #state "</int>")   \
        MEMBER("statename", statename) MEMBER("description", description)                                    \
            MEMBER("pid", "<int>5</int>") "</struct></value>"
#define RESULT(group, name, status)                                                                          \
    "<value><struct>" MEMBER("group", group) MEMBER("name", name) MEMBER("status", "<int>" #status "</int>") \
        MEMBER("description", "why") "</struct></value>"
#define CHANGES(added, changed, removed)                                                                     \
    ARRAY("<value>" ARRAY("<value>" ARRAY(added) "</value><value>" ARRAY(changed) "</value><value>" ARRAY(   \
        removed) "</value>") "</value>")

typedef struct Fixture {
    FakeDaemon *daemon;
    Settings settings;
    Controller *controller;
    FILE *output;
    char *text;
    size_t size;
} Fixture;

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);

    fixture->daemon = fake_daemon_new();
    fixture->settings.serverurl = g_strdup(fake_daemon_url(fixture->daemon));
    fixture->settings.prompt = g_strdup("supervisor");
    fixture->output = open_memstream(&fixture->text, &fixture->size);
    assert_int_equal(controller_new(&fixture->settings, fixture->output, &fixture->controller), 0);
    fake_daemon_value(fixture->daemon, "getVersion", "3.0");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;

    controller_free(fixture->controller);
    fclose(fixture->output);
    free(fixture->text);
    settings_clear(&fixture->settings);
    fake_daemon_free(fixture->daemon);
    g_free(fixture);
    return 0;
}

/* Runs a line and compares what it printed and the exit status it left. */
static void assert_run(Fixture *fixture, const char *line, const char *expected, ExitStatus status)
{
    fflush(fixture->output);
    rewind(fixture->output);
    controller_set_exit_status(fixture->controller, EXIT_STATUS_SUCCESS);
    assert_int_equal(command_execute(fixture->controller, line), 0);
    fputc('\0', fixture->output);
    fflush(fixture->output);
    assert_string_equal(fixture->text, expected);
    assert_int_equal(controller_exit_status(fixture->controller), status);
}

static void assert_calls(Fixture *fixture, const char *expected)
{
    g_autofree char *calls = fake_daemon_take_calls(fixture->daemon);

    assert_string_equal(calls, expected);
}

static void the_status_table_is_as_wide_as_its_names(void **state)
{
    Fixture *fixture = *state;

    fake_daemon_value(
        fixture->daemon, "getAllProcessInfo",
        ARRAY(INFO("a", "a", 20, "RUNNING", "pid 5") INFO("g", "b", 0, "STOPPED", "Not started")));
    assert_run(fixture, "status",
               "a                                RUNNING   pid 5\n"
               "g:b                              STOPPED   Not started\n",
               EXIT_STATUS_STATUS_STOPPED);
    fake_daemon_value(fixture->daemon, "getAllProcessInfo",
                      ARRAY(INFO("g", "this-one-is-thirty-four-letters-lo", 20, "RUNNING", "x")
                                INFO("\xc3\xa9", "\xc3\xa9", 10, "A_VERY_LONG_STATE", "y")));
    assert_run(fixture, "status",
               "g:this-one-is-thirty-four-letters-lo   RUNNING   x\n"
               "\xc3\xa9                                      A_VERY_LONG_STATEy\n",
               EXIT_STATUS_SUCCESS);
}

static void names_choose_what_status_shows(void **state)
{
    Fixture *fixture = *state;

    fake_daemon_value(fixture->daemon, "getAllProcessInfo",
                      ARRAY(INFO("a", "a", 20, "RUNNING", "A") INFO("g", "b", 20, "RUNNING", "B")));
    assert_run(fixture, "status g:*", "g:b                              RUNNING   B\n", EXIT_STATUS_SUCCESS);
    assert_run(fixture, "status b g:b g:",
               "b: ERROR (no such process)\n"
               "g:b                              RUNNING   B\n"
               "g:b                              RUNNING   B\n",
               EXIT_STATUS_STATUS_UNKNOWN);
    assert_run(fixture, "status x:*", "x: ERROR (no such group)\n", EXIT_STATUS_STATUS_UNKNOWN);
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
    Fixture *fixture = *state;

    fake_daemon_value(fixture->daemon, "getAllProcessInfo",
                      ARRAY(INFO("a", "a", 20, "RUNNING",
                                 "x\x1b[2J\xc2\x9b"
                                 "31my")));
    assert_run(fixture, "status",
               "a                                RUNNING   x\xef\xbf\xbd[2J\xef\xbf\xbd"
               "31my\n",
               EXIT_STATUS_SUCCESS);
    assert_run(fixture, "no\x1bsuch", "*** Unknown syntax: no\xef\xbf\xbdsuch\n", EXIT_STATUS_GENERIC);
}

static void reread_sorts_and_words_the_changes(void **state)
{
    Fixture *fixture = *state;

    fake_daemon_value(fixture->daemon, "reloadConfig",
                      CHANGES(TEXT("n") TEXT("b"), TEXT("c") TEXT("b"), TEXT("a")));
    assert_run(fixture, "reread", "a: disappeared\nb: changed\nc: changed\nn: available\n",
               EXIT_STATUS_SUCCESS);
    fake_daemon_value(fixture->daemon, "reloadConfig", CHANGES("", "", ""));
    assert_run(fixture, "reread", "No config updates to processes\n", EXIT_STATUS_SUCCESS);
    fake_daemon_fault(fixture->daemon, "reloadConfig", 92, "CANT_REREAD: line 3");
    assert_run(fixture, "reread", "ERROR: CANT_REREAD: line 3\n", EXIT_STATUS_GENERIC);
}

static void update_removes_changes_and_adds_in_this_order(void **state)
{
    Fixture *fixture = *state;

    fake_daemon_value(fixture->daemon, "reloadConfig", CHANGES(TEXT("new"), TEXT("other"), TEXT("gone")));
    fake_daemon_value(fixture->daemon, "stopProcessGroup", ARRAY(RESULT("g", "p", 80)));
    fake_daemon_value(fixture->daemon, "removeProcessGroup", "<boolean>1</boolean>");
    fake_daemon_value(fixture->daemon, "addProcessGroup", "<boolean>1</boolean>");
    assert_run(fixture, "update",
               "gone: stopped\ngone: removed process group\nother: stopped\nother: updated process group\n"
               "new: added process group\n",
               EXIT_STATUS_SUCCESS);
    assert_calls(fixture,
                 "reloadConfig() stopProcessGroup(gone) removeProcessGroup(gone) stopProcessGroup(other) "
                 "removeProcessGroup(other) addProcessGroup(other) addProcessGroup(new)");
}

static void update_touches_only_the_named_groups(void **state)
{
    Fixture *fixture = *state;

    fake_daemon_value(fixture->daemon, "reloadConfig", CHANGES(TEXT("new"), TEXT("other"), TEXT("gone")));
    fake_daemon_value(fixture->daemon, "getAllProcessInfo", ARRAY(INFO("other", "x", 20, "RUNNING", "")));
    fake_daemon_value(fixture->daemon, "addProcessGroup", "<boolean>1</boolean>");
    assert_run(fixture, "update nope new nope", "ERROR: no such group: nope\nnew: added process group\n",
               EXIT_STATUS_GENERIC);
    assert_calls(fixture, "reloadConfig() getAllProcessInfo() addProcessGroup(new)");
}

static void a_group_that_does_not_stop_is_not_removed(void **state)
{
    Fixture *fixture = *state;

    fake_daemon_value(fixture->daemon, "reloadConfig", CHANGES("", "", TEXT("gone")));
    fake_daemon_value(fixture->daemon, "stopProcessGroup", ARRAY(RESULT("g", "p", 80) RESULT("g", "q", 30)));
    assert_run(fixture, "update", "gone: stopped\ngone: has problems; not removing\n", EXIT_STATUS_GENERIC);
    assert_calls(fixture, "reloadConfig() stopProcessGroup(gone)");
}

static void results_become_lines_and_exit_codes(void **state)
{
    Fixture *fixture = *state;

    fake_daemon_value(fixture->daemon, "startAllProcesses", ARRAY(RESULT("a", "a", 80) RESULT("g", "b", 60)));
    assert_run(fixture, "start all", "a: started\ng:b: ERROR (already started)\n", EXIT_STATUS_SUCCESS);
    fake_daemon_value(fixture->daemon, "startAllProcesses", ARRAY(RESULT("a", "a", 50)));
    assert_run(fixture, "start x all", "a: ERROR (spawn error)\n", EXIT_STATUS_NOT_RUNNING);
    fake_daemon_fault(fixture->daemon, "startProcess", 12345, "x");
    assert_run(fixture, "start g:b", "error: Unknown result code 12345 for g:b\n", EXIT_STATUS_GENERIC);
    fake_daemon_fault(fixture->daemon, "stopProcess", 30, "FAILED: stubborn");
    assert_run(fixture, "stop a", "FAILED: stubborn\n", EXIT_STATUS_GENERIC);
}

static void lines_are_taken_apart_as_typed(void **state)
{
    Fixture *fixture = *state;

    fake_daemon_value(fixture->daemon, "getSupervisorVersion", "9");
    assert_run(fixture, "", "", EXIT_STATUS_SUCCESS);
    assert_run(fixture, "  version  ", "9\n", EXIT_STATUS_SUCCESS);
    assert_run(fixture, "!version", "*** Unknown syntax: !version\n", EXIT_STATUS_GENERIC);
    assert_run(fixture, "?nope", "*** No help on nope\n", EXIT_STATUS_SUCCESS);
    assert_run(fixture, "open x", "ERROR: url must be http:// or unix://\n", EXIT_STATUS_GENERIC);
}

static void every_command_has_its_help(void **state)
{
    const CommandRow *rows;
    size_t count;

    rows = command_rows(&count);
    assert_int_equal(count, 22);
    for (size_t i = 0; i < count; i++) {
        assert_true(g_str_has_prefix(rows[i].help, rows[i].name));
        assert_non_null(rows[i].run);
        assert_true(i == 0 || strcmp(rows[i - 1].name, rows[i].name) < 0);
    }
}

static void assert_completed(Completion *completion, const char *line, const char *word, const char *expected)
{
    g_auto(GStrv) candidates = completion_complete(line, word, completion);
    g_autofree char *joined = g_strjoinv(" ", candidates);

    assert_string_equal(joined, expected);
}

static void completion_offers_what_fits(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(Completion) completion = completion_new(fixture->controller);

    fake_daemon_value(fixture->daemon, "getAllProcessInfo",
                      ARRAY(INFO("a", "a", 20, "RUNNING", "") INFO("g", "b", 20, "RUNNING", "")
                                INFO("g", "c", 20, "RUNNING", "")));
    assert_completed(completion, "sta", "sta", "start status");
    assert_completed(completion, "start ", "", "a g:b g:* g:c");
    assert_completed(completion, "start a:", "a:", "a:a a:*");
    assert_completed(completion, "start g:c", "g:c", "g:c");
    assert_completed(completion, "update ", "", "a g");
    assert_completed(completion, "help st", "st", "start status stop");
    assert_completed(completion, "version ", "", "");
    assert_completed(completion, "nope x", "x", "");
    /* Asked once for all of it. */
    assert_calls(fixture, "getAllProcessInfo()");
    completion_forget(completion);
    fake_daemon_fault(fixture->daemon, "getAllProcessInfo", 6, "SHUTDOWN_STATE");
    assert_completed(completion, "start ", "", "");
}

#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(the_status_table_is_as_wide_as_its_names),
        FIXTURE_TEST(names_choose_what_status_shows),
        FIXTURE_TEST(control_characters_do_not_reach_the_terminal),
        FIXTURE_TEST(reread_sorts_and_words_the_changes),
        FIXTURE_TEST(update_removes_changes_and_adds_in_this_order),
        FIXTURE_TEST(update_touches_only_the_named_groups),
        FIXTURE_TEST(a_group_that_does_not_stop_is_not_removed),
        FIXTURE_TEST(results_become_lines_and_exit_codes),
        FIXTURE_TEST(lines_are_taken_apart_as_typed),
        cmocka_unit_test(every_command_has_its_help),
        FIXTURE_TEST(completion_offers_what_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
