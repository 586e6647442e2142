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
    fixture->controller = controller_new(&fixture->settings, fixture->output);
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
    assert_completed(completion, "status --", "--", "--json");
    assert_completed(completion, "restart a -", "-", "--rolling");
    assert_completed(completion, "update --m", "--m", "--minimal");
    assert_completed(completion, "stop -", "-", "");
    /* Asked once for all of it. */
    assert_calls(fixture, "getAllProcessInfo()");
    completion_forget(completion);
    fake_daemon_fault(fixture->daemon, "getAllProcessInfo", 6, "SHUTDOWN_STATE");
    assert_completed(completion, "start ", "", "");
}

#define CONFIG(group, name, group_priority, process_priority)                                                \
    "<value><struct>" MEMBER("group", group) MEMBER("name", name) MEMBER("inuse", "<boolean>1</boolean>")    \
        MEMBER("autostart", "<boolean>1</boolean>") MEMBER("group_prio", "<int>" #group_priority "</int>")   \
            MEMBER("process_prio", "<int>" #process_priority "</int>") "</struct></value>"

/* What it was asked, without the question that precedes every command. */
static char *take_calls(Fixture *fixture)
{
    g_autofree char *calls = fake_daemon_take_calls(fixture->daemon);
    g_auto(GStrv) parts = g_strsplit(calls, "getVersion() ", -1);

    return g_strjoinv("", parts);
}

static void assert_asked(Fixture *fixture, const char *expected)
{
    g_autofree char *calls = take_calls(fixture);

    assert_string_equal(calls, expected);
}

/* Three of a group, a program that is called like a pattern, and one alone. */
static void add_web(Fixture *fixture)
{
    fake_daemon_value(fixture->daemon, "getAllProcessInfo",
                      ARRAY(INFO("db", "db", 20, "RUNNING", "D") INFO("w?b", "w?b", 20, "RUNNING", "Q") INFO(
                          "web", "web_00", 20, "RUNNING", "0") INFO("web", "web_01", 20, "RUNNING", "1")
                                INFO("web", "web_10", 0, "STOPPED", "10")));
}

static void patterns_stand_for_what_they_fit(void **state)
{
    static const struct {
        const char *line, *calls;
    } cases[] = {
        {"stop web:*_0?", "getAllProcessInfo() stopProcess(web:web_00) stopProcess(web:web_01)"},
        {"stop web*0", "getAllProcessInfo() stopProcess(web:web_00) stopProcess(web:web_10)"},
        {"stop d[ab] x", "getAllProcessInfo() stopProcess(db:db) stopProcess(x)"},
        {"stop [!w]*:", "getAllProcessInfo() stopProcess(db:db)"},
        {"stop w\\?b:*", "getAllProcessInfo() stopProcess(w?b:w?b)"},
        /* What is literally called so, and what nothing fits, goes as it was typed. */
        {"stop w?b", "getAllProcessInfo() stopProcess(w?b)"},
        {"stop w?b:w?b", "getAllProcessInfo() stopProcess(w?b:w?b)"},
        {"stop w?b:*", "getAllProcessInfo() stopProcessGroup(w?b)"},
        {"stop n*e", "getAllProcessInfo() stopProcess(n*e)"},
        {"stop n*e:*", "getAllProcessInfo() stopProcessGroup(n*e)"},
        /* Names that hold nothing special cost no question; Supervisor's own forms are not patterns. */
        {"stop web:* web: :* * db",
         "stopProcessGroup(web) stopProcessGroup(web) stopProcessGroup() stopProcess(*) "
         "stopProcess(db)"},
        {"stop we* all", "stopAllProcesses()"},
        {"start d?", "getAllProcessInfo() startProcess(db:db)"},
        {"restart d?", "getAllProcessInfo() stopProcess(db:db) getAllProcessInfo() startProcess(db:db)"},
        {"signal HUP d?", "getAllProcessInfo() signalProcess(db:db,HUP)"},
        {"clear d?", "getAllProcessInfo() clearProcessLogs(db:db)"},
        {"tail d?", "getAllProcessInfo() readProcessStdoutLog(db:db)"},
        {"tail db", "readProcessStdoutLog(db)"},
    };
    Fixture *fixture = *state;

    static const char *const methods[] = {"stopProcess", "startProcess", "signalProcess", "clearProcessLogs"};

    add_web(fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
        fake_daemon_value(fixture->daemon, methods[i], "<boolean>1</boolean>");
    fake_daemon_value(fixture->daemon, "stopProcessGroup", ARRAY(""));
    fake_daemon_value(fixture->daemon, "stopAllProcesses", ARRAY(""));
    fake_daemon_value(fixture->daemon, "readProcessStdoutLog", "x");
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        command_execute(fixture->controller, cases[i].line);
        assert_asked(fixture, cases[i].calls);
    }
}

static void patterns_choose_what_status_shows(void **state)
{
    Fixture *fixture = *state;

    add_web(fixture);
    assert_run(fixture, "status d*", "db                               RUNNING   D\n", EXIT_STATUS_SUCCESS);
    assert_run(fixture, "status w?b", "w?b                              RUNNING   Q\n", EXIT_STATUS_SUCCESS);
    assert_run(fixture, "status *:*_1?", "web:web_10                       STOPPED   10\n",
               EXIT_STATUS_STATUS_STOPPED);
    assert_run(fixture, "status n* * n*:*",
               "n*: ERROR (no such process)\n*: ERROR (no such process)\nn*: ERROR (no such group)\n",
               EXIT_STATUS_STATUS_UNKNOWN);
}

static void tail_wants_one_process(void **state)
{
    Fixture *fixture = *state;

    add_web(fixture);
    fake_daemon_fault(fixture->daemon, "readProcessStdoutLog", 10, "BAD_NAME: x");
    assert_run(fixture, "tail web*0", "web*0: ERROR (fits several processes: web:web_00, web:web_10)\n",
               EXIT_STATUS_GENERIC);
    assert_run(fixture, "tail -f web*0", "web*0: ERROR (fits several processes: web:web_00, web:web_10)\n",
               EXIT_STATUS_GENERIC);
    assert_run(fixture, "tail n*", "n*: ERROR (no such process name)\n", EXIT_STATUS_GENERIC);
}

static void status_speaks_json(void **state)
{
    Fixture *fixture = *state;

    fake_daemon_value(
        fixture->daemon, "getAllProcessInfo",
        ARRAY(INFO("a", "a", 20, "RUNNING", "\"\\\t\xc3\xa9\x7f\xc2\x9b") INFO("g", "b", 0, "STOPPED", "")));
    assert_run(fixture, "status --json a",
               "[{\"group\": \"a\", \"name\": \"a\", \"state\": 20, \"statename\": \"RUNNING\", "
               "\"description\": \"\\\"\\\\\\u0009\xc3\xa9\\u007f\\u009b\", \"pid\": 5}]\n",
               EXIT_STATUS_SUCCESS);
    assert_run(fixture, "status g:* --json",
               "[{\"group\": \"g\", \"name\": \"b\", \"state\": 0, \"statename\": \"STOPPED\", "
               "\"description\": \"\", \"pid\": 5}]\n",
               EXIT_STATUS_STATUS_STOPPED);
    assert_run(fixture, "status --json nope", "[]\n", EXIT_STATUS_STATUS_UNKNOWN);
    fake_daemon_value(
        fixture->daemon, "getAllProcessInfo",
        ARRAY(
            "<value><struct>" MEMBER("group", "g") MEMBER("name", "n") MEMBER("state", "<int>20</int>")
                MEMBER("statename", "S") MEMBER("description", "d") MEMBER("pid", "<int>-1</int>") MEMBER(
                    "more", ARRAY("<value><boolean>1</boolean></value><value><double>1.5"
                                  "</double></value><value><struct></struct></value>")) "</struct></value>"));
    assert_run(fixture, "status --json",
               "[{\"group\": \"g\", \"name\": \"n\", \"state\": 20, \"statename\": \"S\", "
               "\"description\": \"d\", \"pid\": -1, \"more\": [true, 1.5, {}]}]\n",
               EXIT_STATUS_SUCCESS);
}

static void add_rolling(Fixture *fixture)
{
    add_web(fixture);
    fake_daemon_value(fixture->daemon, "getAllConfigInfo",
                      ARRAY(CONFIG("web", "web_00", 5, 3) CONFIG("web", "web_01", 5, 2) CONFIG(
                          "web", "web_10", 5, 3) CONFIG("db", "db", 4, 999) CONFIG("other", "web_00", 1, 1)));
    fake_daemon_value(fixture->daemon, "stopProcess", "<boolean>1</boolean>");
    fake_daemon_value(fixture->daemon, "startProcess", "<boolean>1</boolean>");
    fake_daemon_value(fixture->daemon, "getProcessInfo",
                      "<struct>" MEMBER("group", "x") MEMBER("name", "x") MEMBER("state", "<int>20</int>")
                          MEMBER("statename", "RUNNING") MEMBER("description", "")
                              MEMBER("pid", "<int>1</int>") "</struct>");
}

static void rolling_goes_by_priority(void **state)
{
    Fixture *fixture = *state;

    add_rolling(fixture);
    assert_run(fixture, "restart --rolling web",
               "web:web_01: stopped\nweb:web_01: started\nweb:web_00: stopped\nweb:web_00: started\n"
               "web:web_10: started\n",
               EXIT_STATUS_SUCCESS);
    assert_asked(fixture,
                 "getAllProcessInfo() getAllConfigInfo() stopProcess(web:web_01) startProcess(web:web_01) "
                 "getProcessInfo(web:web_01) stopProcess(web:web_00) startProcess(web:web_00) "
                 "getProcessInfo(web:web_00) startProcess(web:web_10) getProcessInfo(web:web_10)");
    assert_run(fixture, "restart w?b w?b:* [dw][be]* web --rolling",
               "db: stopped\ndb: started\nweb:web_01: stopped\nweb:web_01: started\nweb:web_00: stopped\n"
               "web:web_00: started\nweb:web_10: started\nw?b: stopped\nw?b: started\n",
               EXIT_STATUS_SUCCESS);
    g_free(take_calls(fixture));
    assert_run(fixture, "restart --rolling web n*e n:e",
               "n*e: ERROR (no such group)\nn:e: ERROR (no such process)\n", EXIT_STATUS_GENERIC);
    assert_asked(fixture, "getAllProcessInfo()");
}

static void rolling_ends_at_the_first_failure(void **state)
{
    Fixture *fixture = *state;

    add_rolling(fixture);
    fake_daemon_fault(fixture->daemon, "startProcess", 40, "ABNORMAL_TERMINATION: x");
    assert_run(fixture, "restart --rolling web",
               "web:web_01: stopped\nweb:web_01: ERROR (abnormal termination)\n"
               "ERROR: rolling restart ends at web:web_01; not touched: web:web_00, web:web_10\n",
               EXIT_STATUS_GENERIC);
    assert_asked(fixture,
                 "getAllProcessInfo() getAllConfigInfo() stopProcess(web:web_01) startProcess(web:web_01)");
    fake_daemon_fault(fixture->daemon, "stopProcess", 10, "BAD_NAME: x");
    assert_run(fixture, "restart --rolling db",
               "db: ERROR (no such process)\nERROR: rolling restart ends at db\n", EXIT_STATUS_GENERIC);
    /* It may have ended by itself; then its end is told by the state after the start. */
    add_rolling(fixture);
    fake_daemon_fault(fixture->daemon, "stopProcess", 70, "NOT_RUNNING: x");
    fake_daemon_value(fixture->daemon, "getProcessInfo",
                      "<struct>" MEMBER("group", "x") MEMBER("name", "x") MEMBER("state", "<int>100</int>")
                          MEMBER("statename", "EXITED") MEMBER("description", "")
                              MEMBER("pid", "<int>0</int>") "</struct>");
    assert_run(fixture, "restart --rolling d*",
               "db: started\ndb: ERROR (EXITED instead of RUNNING)\nERROR: rolling restart ends at db\n",
               EXIT_STATUS_GENERIC);
    fake_daemon_fault(fixture->daemon, "startProcess", 6, "SHUTDOWN_STATE");
    assert_run(fixture, "restart --rolling db",
               "ERROR: rolling restart ends at db\nerror: Unknown result code 6 for db\n",
               EXIT_STATUS_GENERIC);
}

static void help_tells_what_is_new_below(void **state)
{
    Fixture *fixture = *state;
    const char *beyond;

    command_execute(fixture->controller, "help restart");
    fflush(fixture->output);
    beyond = strstr(fixture->text, "\n\nBeyond Supervisor:\n");
    assert_non_null(beyond);
    assert_non_null(strstr(beyond, "restart --rolling <gname>\t"));
    assert_non_null(strstr(beyond, "restart '<pattern>'\t"));
    /* Who uses it wrongly sees what the oracle shows. */
    assert_run(fixture, "help version", "version\t\t\tShow the version of the supervisord we talk to\n",
               EXIT_STATUS_SUCCESS);
    fflush(fixture->output);
    rewind(fixture->output);
    command_execute(fixture->controller, "restart --rolling");
    fputc('\0', fixture->output);
    fflush(fixture->output);
    assert_true(g_str_has_prefix(fixture->text, "Error: restart requires a process name\nrestart <name>"));
    assert_null(strstr(fixture->text, "Beyond"));
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
        FIXTURE_TEST(patterns_stand_for_what_they_fit),
        FIXTURE_TEST(patterns_choose_what_status_shows),
        FIXTURE_TEST(tail_wants_one_process),
        FIXTURE_TEST(status_speaks_json),
        FIXTURE_TEST(rolling_goes_by_priority),
        FIXTURE_TEST(rolling_ends_at_the_first_failure),
        FIXTURE_TEST(help_tells_what_is_new_below),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
