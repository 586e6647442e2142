#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "bridge/http_origin.h"
#include "bridge/rpc_method.h"
#include "build_config.h"
#include "tests/unit/rpc-fixture.h"

/* --- system --- */

static void lists_methods_sorted(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *body = call(fixture, "system.listMethods", "");
    const char *position = body;

    for (size_t i = 0; i < rpc_method_count(); i++) {
        g_autofree char *item = g_strdup_printf(R_TEXT("%s"), rpc_method_get(i)->name);
        const char *found = strstr(body, item);
        assert_non_null(found);
        assert_true(found > position);
        position = found;
        assert_ptr_equal(rpc_method_find(rpc_method_get(i)->name), rpc_method_get(i));
        assert_true(i == 0 || strcmp(rpc_method_get(i - 1)->name, rpc_method_get(i)->name) < 0);
    }
}

static void explains_methods(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *help = call(fixture, "system.methodHelp", TEXT("supervisor.startProcess"));

    assert_non_null(strstr(help, "@param string name"));
    assert_non_null(strstr(help, "@param boolean wait"));
    assert_non_null(strstr(help, "@return boolean result"));
    assert_value(fixture, "system.methodSignature", TEXT("supervisor.startProcess"),
                 R_ARRAY(R_TEXT("boolean") R_TEXT("string") R_TEXT("boolean")));
    assert_fault(fixture, "system.methodHelp", TEXT("x.y"), 4, "SIGNATURE_UNSUPPORTED");
    assert_fault(fixture, "system.methodSignature", NUMBER("5"), 4, "SIGNATURE_UNSUPPORTED");
}

static void refuses_unknown_methods(void **state)
{
    static const char *const names[] = {"x",
                                        "supervisor",
                                        "supervisor.x",
                                        "supervisor._update",
                                        "system.",
                                        "supervisor.getPID.x",
                                        " supervisor.getPID",
                                        "Supervisor.getPID",
                                        "supervisor.supervisord.options"};
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        assert_fault(fixture, names[i], "", 1, "UNKNOWN_METHOD");
}

/* As many arguments as no method takes, and fewer than the least it needs. */
static void counts_arguments_of_every_method(void **state)
{
    Fixture *fixture = *state;

    fixture->manager->state = DAEMON_SHUTDOWN; /* the count comes before the state */
    for (size_t i = 0; i < rpc_method_count(); i++) {
        const RpcMethod *method = rpc_method_get(i);
        assert_fault(fixture, method->name, TEXT("1") TEXT("2") TEXT("3") TEXT("4"), 2,
                     "INCORRECT_PARAMETERS");
        if (method->parameters[0].name && !method->parameters[0].optional)
            assert_fault(fixture, method->name, "", 2, "INCORRECT_PARAMETERS");
    }
}

static void answers_shutdown_state(void **state)
{
    Fixture *fixture = *state;

    fixture->manager->state = DAEMON_RESTARTING;
    for (size_t i = 0; i < rpc_method_count(); i++) {
        const RpcMethod *method = rpc_method_get(i);
        g_autoptr(GString) params = g_string_new(NULL);
        for (const RpcParameter *parameter = method->parameters; parameter->name; parameter++)
            g_string_append(params, TEXT("x"));
        if (!method->any_state)
            assert_fault(fixture, method->name, params->str, 6, "SHUTDOWN_STATE");
    }
    assert_value(fixture, "system.methodSignature", TEXT("supervisor.getPID"), R_ARRAY(R_TEXT("int")));
}

static void multicall_mixes_results_and_faults(void **state)
{
    Fixture *fixture = *state;

    assert_value(
        fixture, "system.multicall",
        ARRAY(CALL("supervisor.getAPIVersion", "") CALL("supervisor.x", "")
                  CALL("supervisor.getProcessInfo", "<value>none</value>") CALL("system.multicall", "")
                      CALL("supervisor.getPID", "<value>1</value>")
                          CALL("supervisor.getProcessInfo",
                               "<value><int>1</int></value>") "<value><struct/></value>"
                                                              "<value><struct><member><name>methodName</"
                                                              "name><value>supervisor.getAPIVersion</value>"
                                                              "</member></struct></value>"
                                                              "<value><struct><member><name>methodName</"
                                                              "name><value><int>1</int></value>"
                                                              "</member></struct></value>"),
        R_ARRAY(R_TEXT(SUPERVISOR_API_VERSION) R_FAULT("1", "UNKNOWN_METHOD") R_FAULT("10", "BAD_NAME: none")
                    R_FAULT("2", "INCORRECT_PARAMETERS: Recursive system.multicall forbidden")
                        R_FAULT("2", "INCORRECT_PARAMETERS") R_FAULT("30", "FAILED")
                            R_FAULT("2", "INCORRECT_PARAMETERS: No methodName") R_TEXT(SUPERVISOR_API_VERSION)
                                R_FAULT("30", "FAILED: methodName is no string")));
    assert_value(fixture, "system.multicall", ARRAY(""), R_ARRAY(""));
}

static void multicall_refuses_what_is_no_array_of_structs(void **state)
{
    Fixture *fixture = *state;

    assert_fault(fixture, "system.multicall", NUMBER("1"), 2, "INCORRECT_PARAMETERS");
    assert_fault(fixture, "system.multicall", TEXT("x"), 2, "INCORRECT_PARAMETERS");
    assert_fault(fixture, "system.multicall", NIL, 2, "INCORRECT_PARAMETERS");
    assert_fault(fixture, "system.multicall", ARRAY("<value>x</value>"), 2, "INCORRECT_PARAMETERS");
}

static void multicall_runs_one_after_the_other(void **state)
{
    Fixture *fixture = *state;

    send_call(fixture->client, "system.multicall",
              ARRAY(CALL("supervisor.startProcess", "<value>web</value>")
                        CALL("supervisor.startProcess", "<value>g:a</value>")
                            CALL("supervisor.stopProcess", "<value>web</value>")));
    assert_waits(fixture->client);
    assert_int_equal(fixture->web->starts, 1);
    assert_int_equal(fixture->a->starts, 0);
    fake_instance_set_state(fixture->web, PROCESS_RUNNING);
    assert_waits(fixture->client);
    assert_int_equal(fixture->a->starts, 1);
    assert_int_equal(fixture->web->stops, 0);
    fake_instance_set_state(fixture->a, PROCESS_EXITED);
    assert_waits(fixture->client);
    assert_int_equal(fixture->web->stops, 1);
    fake_instance_set_state(fixture->web, PROCESS_STOPPED);
    assert_received_value(fixture->client, R_ARRAY(R_TRUE R_FAULT("40", "ABNORMAL_TERMINATION: g:a") R_TRUE));
}

/* Whoever changes a state may be in the middle of something: the next call must not come from within. */
static void multicall_goes_on_from_the_loop(void **state)
{
    Fixture *fixture = *state;

    send_call(fixture->client, "system.multicall",
              ARRAY(CALL("supervisor.startProcess", "<value>web</value>")
                        CALL("supervisor.startProcess", "<value>g:a</value>")));
    assert_waits(fixture->client);
    fake_instance_set_state(fixture->web, PROCESS_RUNNING);
    assert_int_equal(fixture->a->starts, 0);
    assert_waits(fixture->client);
    assert_int_equal(fixture->a->starts, 1);
    fake_instance_set_state(fixture->a, PROCESS_RUNNING);
    assert_received_value(fixture->client, R_ARRAY(R_TRUE R_TRUE));
}

/* --- daemon --- */

static void tells_about_the_daemon(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *pid = g_strdup_printf(R_NUMBER("%d"), (int)getpid());

    assert_value(fixture, "supervisor.getAPIVersion", "", R_TEXT("3.0"));
    assert_value(fixture, "supervisor.getVersion", "", R_TEXT("3.0"));
    assert_value(fixture, "supervisor.getSupervisorVersion", "", R_TEXT(SUPERVISOR_VERSION));
    assert_value(fixture, "supervisor.getIdentification", "", R_TEXT("fake"));
    assert_value(fixture, "supervisor.getPID", "", pid);
    assert_value(fixture, "supervisor.getState", "",
                 R_STRUCT(R_MEMBER("statecode", R_NUMBER("1")) R_MEMBER("statename", R_TEXT("RUNNING"))));
}

static void shuts_down_and_restarts(void **state)
{
    Fixture *fixture = *state;

    assert_value(fixture, "supervisor.shutdown", "", R_TRUE);
    assert_int_equal(fixture->manager->shutdowns, 1);
    assert_fault(fixture, "supervisor.restart", "", 6, "SHUTDOWN_STATE");
    fixture->manager->state = DAEMON_RUNNING;
    assert_value(fixture, "supervisor.restart", "", R_TRUE);
    assert_int_equal(fixture->manager->restarts, 1);
}

static void reads_and_clears_the_main_log(void **state)
{
    Fixture *fixture = *state;

    main_log_write(fixture->log, LOG_LEVEL_INFO, "hello");
    assert_value(fixture, "supervisor.readLog", NUMBER("-6") NUMBER("0"), R_TEXT("hello\n"));
    assert_value(fixture, "supervisor.readMainLog", TEXT("-6") TEXT(" 0 "), R_TEXT("hello\n"));
    assert_fault(fixture, "supervisor.readLog", NUMBER("-6") NUMBER("1"), 3, "BAD_ARGUMENTS");
    assert_fault(fixture, "supervisor.readLog", NIL NUMBER("1"), 2, "INCORRECT_PARAMETERS");
    assert_value(fixture, "supervisor.clearLog", "", R_TRUE);
    assert_value(fixture, "supervisor.readLog", NUMBER("-6") NUMBER("0"), R_TEXT(""));
    assert_int_equal(g_unlink(fixture->main_log_path), 0);
    g_autofree char *text = g_strdup_printf("NO_FILE: %s", fixture->main_log_path);
    assert_fault(fixture, "supervisor.readLog", NUMBER("0") NUMBER("0"), 20, text);
    assert_fault(fixture, "supervisor.clearLog", "", 20, "NO_FILE");
}

/* --- groups --- */

static void rereads(void **state)
{
    Fixture *fixture = *state;

    assert_value(fixture, "supervisor.reloadConfig", "",
                 R_ARRAY(R_ARRAY(R_ARRAY(R_TEXT("new1") R_TEXT("new2")) R_ARRAY(R_TEXT("g")) R_ARRAY(""))));
    fixture->manager->reread_result = FAULT_CANT_REREAD;
    fixture->manager->reread_message = "broken <file>";
    assert_fault(fixture, "supervisor.reloadConfig", "", 92, "CANT_REREAD: broken &lt;file&gt;");
}

static void adds_and_removes_groups(void **state)
{
    Fixture *fixture = *state;

    assert_value(fixture, "supervisor.addProcessGroup", TEXT("spare"), R_TRUE);
    assert_fault(fixture, "supervisor.addProcessGroup", TEXT("spare"), 90, "ALREADY_ADDED: spare");
    assert_fault(fixture, "supervisor.addProcessGroup", TEXT("none"), 10, "BAD_NAME: none");
    assert_fault(fixture, "supervisor.addProcessGroup", NUMBER("5"), 10, "BAD_NAME: 5");
    fake_manager_instance(fixture->manager, "spare", "spare")->state = PROCESS_STOPPING;
    assert_fault(fixture, "supervisor.removeProcessGroup", TEXT("spare"), 91, "STILL_RUNNING: spare");
    fake_manager_instance(fixture->manager, "spare", "spare")->state = PROCESS_EXITED;
    assert_value(fixture, "supervisor.removeProcessGroup", TEXT("spare"), R_TRUE);
    assert_fault(fixture, "supervisor.removeProcessGroup", TEXT("spare"), 10, "BAD_NAME: spare");
    assert_fault(fixture, "supervisor.removeProcessGroup", ARRAY(""), 2, "INCORRECT_PARAMETERS");
    assert_fault(fixture, "supervisor.removeProcessGroup", NIL, 10, "BAD_NAME");
}

static void shows_the_configuration(void **state)
{
    static const char *const names[] = {"a", "b", "c", "spare", "web"};
    Fixture *fixture = *state;
    g_autofree char *body = call(fixture, "supervisor.getAllConfigInfo", "");
    const char *position = body;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *member = g_strdup_printf(R_MEMBER("name", R_TEXT("%s")), names[i]);
        position = strstr(position, member);
        assert_non_null(position);
    }
    assert_non_null(strstr(body, R_MEMBER("exitcodes", R_ARRAY(R_NUMBER("0") R_NUMBER("2")))));
    assert_non_null(strstr(body, R_MEMBER("autorestart", R_TRUE)));
    assert_non_null(strstr(body, R_MEMBER("autorestart", R_TEXT("unexpected"))));
    assert_non_null(strstr(body, R_MEMBER("inuse", R_FALSE)));
    assert_non_null(strstr(body, R_MEMBER("directory", R_TEXT("none"))));
    assert_non_null(strstr(body, "<name>stdout_logfile_maxbytes</name>\n<value><i8>5368709120</i8></value>"));
    g_autofree char *log = g_strdup_printf(R_MEMBER("stdout_logfile", R_TEXT("%s")), fixture->log_path);
    assert_non_null(strstr(body, log));
}

/* --- information --- */

static void tells_about_a_process(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *expected =
        g_strdup_printf(R_MEMBER("spawnerr", R_TEXT("why")) R_MEMBER("exitstatus", R_NUMBER("-1"))
                            R_MEMBER("logfile", R_TEXT("%s")) R_MEMBER("stdout_logfile", R_TEXT("%s"))
                                R_MEMBER("stderr_logfile", R_TEXT("")) R_MEMBER("pid", R_NUMBER("0"))
                                    R_MEMBER("description", R_TEXT("why")) "</struct>",
                        fixture->log_path, fixture->log_path);

    fixture->web->state = PROCESS_FATAL;
    fixture->web->spawnerr = "why";
    fixture->web->exitstatus = -1;
    fixture->web->laststart = 1e12; /* beyond <int> */
    g_autofree char *body = call(fixture, "supervisor.getProcessInfo", TEXT("web"));
    assert_non_null(strstr(
        body, "<param>\n<value><struct>\n" R_MEMBER("name", R_TEXT("web")) R_MEMBER("group", R_TEXT("web"))
                  R_MEMBER("start", R_NUMBER("2147483647")) R_MEMBER("stop", R_NUMBER("0"))));
    assert_non_null(strstr(body, R_MEMBER("state", R_NUMBER("200")) R_MEMBER("statename", R_TEXT("FATAL"))));
    assert_non_null(strstr(body, expected));
}

static void refuses_names_of_no_process(void **state)
{
    static const char *const methods[] = {"supervisor.getProcessInfo", "supervisor.clearProcessLogs",
                                          "supervisor.clearProcessLog"};
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
        assert_fault(fixture, methods[i], TEXT("none"), 10, "BAD_NAME: none");
        assert_fault(fixture, methods[i], TEXT("a"), 10, "BAD_NAME: a");
        assert_fault(fixture, methods[i], TEXT("g:*"), 10, "BAD_NAME: g:*");
        assert_fault(fixture, methods[i], TEXT("g:"), 10, "BAD_NAME: g:");
        assert_fault(fixture, methods[i], TEXT(""), 10, "BAD_NAME: ");
        assert_fault(fixture, methods[i], NUMBER("1"), 2, "INCORRECT_PARAMETERS");
    }
}

static void tells_about_all_in_order_of_names(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *body = call(fixture, "supervisor.getAllProcessInfo", "");
    const char *a = strstr(body, R_MEMBER("name", R_TEXT("a")) R_MEMBER("group", R_TEXT("g")));
    const char *b = strstr(body, R_MEMBER("name", R_TEXT("b")));
    const char *web = strstr(body, R_MEMBER("name", R_TEXT("web")));

    assert_true(a && b && web && a < b && b < web);
    assert_non_null(strstr(body, R_MEMBER("description", R_TEXT("Not started"))));
}

/* --- logs --- */

static void reads_process_logs(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *no_file = g_strdup_printf("NO_FILE: %s", fixture->log_path);

    assert_fault(fixture, "supervisor.readProcessStdoutLog", TEXT("web") NIL NIL, 20, no_file);
    assert_fault(fixture, "supervisor.readProcessStderrLog", TEXT("web") NUMBER("0") NUMBER("0"), 20,
                 "NO_FILE");
    assert_value(fixture, "supervisor.tailProcessStdoutLog", TEXT("web") NIL NIL,
                 R_ARRAY(R_TEXT("") R_NUMBER("0") R_FALSE));
    assert_true(g_file_set_contents(fixture->log_path, "0123\x1b<\xff\n", -1, NULL));
    assert_value(fixture, "supervisor.readProcessStdoutLog", TEXT("web") NUMBER("2") NUMBER("0"),
                 R_TEXT("23\uFFFD&lt;\uFFFD\n"));
    assert_value(fixture, "supervisor.readProcessLog", TEXT("web") NUMBER("0") NUMBER("3"), R_TEXT("012"));
    assert_fault(fixture, "supervisor.readProcessLog", TEXT("web") NUMBER("0") NUMBER("-3"), 3,
                 "BAD_ARGUMENTS");
    assert_fault(fixture, "supervisor.readProcessLog", TEXT("web") TEXT("x") NUMBER("0"), 2,
                 "INCORRECT_PARAMETERS");
    assert_value(fixture, "supervisor.tailProcessStdoutLog", TEXT("web") NUMBER("0") NUMBER("2"),
                 R_ARRAY(R_TEXT("\uFFFD\n") R_NUMBER("8") "<value><boolean>1</boolean></value>\n"));
    assert_value(fixture, "supervisor.tailProcessLog", TEXT("web") NUMBER("8") NUMBER("100"),
                 R_ARRAY(R_TEXT("") R_NUMBER("8") R_FALSE));
    assert_value(fixture, "supervisor.tailProcessStderrLog", TEXT("web") NUMBER("0") NUMBER("100"),
                 R_ARRAY(R_TEXT("") R_NUMBER("0") R_FALSE));
    assert_fault(fixture, "supervisor.tailProcessStderrLog", TEXT("g:*") NUMBER("0") NUMBER("100"), 10,
                 "BAD_NAME: g:*");
}

static void clears_process_logs(void **state)
{
    Fixture *fixture = *state;

    assert_value(fixture, "supervisor.clearProcessLogs", TEXT("g:a"), R_TRUE);
    assert_value(fixture, "supervisor.clearProcessLog", TEXT("web"), R_TRUE);
    fixture->a->clear_result = -EACCES;
    assert_fault(fixture, "supervisor.clearProcessLogs", TEXT("g:a"), 30, "FAILED: g:a");
    assert_value(fixture, "supervisor.clearAllProcessLogs", "",
                 R_ARRAY(R_STATUS("web", "web", "80", "OK") R_STATUS("b", "g", "80", "OK")
                             R_STATUS("a", "g", "30", "FAILED: g:a") R_STATUS("c", "g", "80", "OK")));
}

/* --- requests --- */

static void takes_requests_as_clients_write_them(void **state)
{
    static const char *const bodies[] = {
        "<methodCall><methodName>supervisor.getAPIVersion</methodName></methodCall>",
        "<methodCall><methodName>supervisor.getAPIVersion</methodName><params/></methodCall>",
        "<?xml version='1.0' "
        "encoding='UTF-8'?>\r\n<methodCall>\r\n<methodName>supervisor.getAPIVersion</methodName>\r\n</"
        "methodCall>",
        "\xEF\xBB\xBF<methodCall><methodName>supervisor.getAPIVersion</methodName></methodCall>",
        "<x><y/><methodName>supervisor.getAPI<!-- c -->Version</methodName></x>",
        "<x><methodName>supervisor.getAPI<![CDATA[Version]]></methodName></x>",
    };
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        post(fixture->client, bodies[i]);
        assert_received_value(fixture->client, R_TEXT("3.0"));
    }
}

static void refuses_what_a_foreign_page_sends(void **state)
{
    static const struct {
        int status;
        const char *headers;
    } rows[] = {
        {200, "Host: localhost\r\n"},
        {200, "Host: anything.example:9001\r\n"},
        {200, "Content-Type: text/plain\r\n"},
        {200, "Content-Type: application/x-www-form-urlencoded\r\nUser-Agent: Mozilla/5.0\r\n"},
        {200, "Host: a:9001\r\nOrigin: http://a:9001\r\n"},
        {200, "Host: A\r\nOrigin: http://a:80\r\n"},
        {200, "Host: a\r\nOrigin: https://a\r\n"},
        {200, "Host: behind-a-proxy\r\nOrigin: https://a\r\nSec-Fetch-Site: same-origin\r\n"},
        {200, "Host: a\r\nOrigin: chrome-extension://abcdef\r\n"},
        {200, "Host: a\r\nSec-Fetch-Site: none\r\n"},
        {403, "Host: a\r\nOrigin: http://b\r\n"},
        {403, "Host: a:9001\r\nOrigin: http://a:9002\r\n"},
        {403, "Host: a\r\nOrigin: http://a.b\r\n"},
        {403, "Host: a\r\nOrigin: http://\r\n"},
        {403, "Host: a\r\nOrigin: null\r\n"},
        {403, "Host: a\r\nSec-Fetch-Site: cross-site\r\n"},
        {403, "Host: a\r\nOrigin: http://a\r\nSec-Fetch-Site: same-site\r\n"},
        {403, "Host: a\r\nContent-Type: text/plain; charset=x\r\nUser-Agent: Mozilla/5.0 (X11)\r\n"},
    };
    static const char body[] = "<methodCall><methodName>supervisor.getPID</methodName></methodCall>";
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *request = g_strdup_printf(
            "POST /RPC2 HTTP/1.0\r\nConnection: keep-alive\r\n%sContent-Length: %zu\r\n\r\n%s",
            rows[i].headers, strlen(body), body);
        http_client_send(fixture->client, request, -1);
        g_auto(HttpAnswer) answer = http_client_receive(fixture->client);
        if (answer.status != rows[i].status)
            fail_msg("%d to\n%s", answer.status, rows[i].headers);
    }
}

static void knows_names_that_cannot_be_made_to_point_here(void **state)
{
    static const char *const ours[] = {"localhost",     "localhost:9001", "127.0.0.1:80", "10.1.2.3",
                                       "[::1]:9001",    "[fe80::1]",      "box",          "printer.local",
                                       "a.localhost:1", "x.home.arpa",    "LOCALHOST"};
    static const char *const foreign[] = {
        "evil.example", "evil.example:9001",  "127.0.0.1.evil.example", "localhost.evil.example",
        "1.2.3",        "[::1].evil.example", "a.local.example",        "evil.example."};

    for (size_t i = 0; i < G_N_ELEMENTS(ours); i++)
        assert_true(http_origin_is_local_name(ours[i]));
    for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++)
        assert_false(http_origin_is_local_name(foreign[i]));
}

static void answers_400_to_what_is_no_call(void **state)
{
    static const char *const bodies[] = {
        "",
        "x",
        "<a",
        "<a/>",
        "<methodCall><methodName></methodName></methodCall>",
        "<methodCall><methodName>supervisor.getAPIVersion</methodName></methodCall><a/>",
        "<!DOCTYPE a [<!ENTITY x "
        "'y'>]><methodCall><methodName>supervisor.getAPIVersion</methodName></methodCall>",
        "<a><methodName>supervisor.getPID</methodName><params>" NUMBER("x") "</params></a>",
        "<a><methodName>supervisor.getPID</methodName><params><param/></params></a>",
    };
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        post(fixture->client, bodies[i]);
        g_auto(HttpAnswer) answer = http_client_receive(fixture->client);
        assert_int_equal(answer.status, 400);
        assert_non_null(strstr(answer.head, "Content-Type: text/html"));
    }
    http_client_send(fixture->client, "GET /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n", -1);
    g_auto(HttpAnswer) answer = http_client_receive(fixture->client);
    assert_int_equal(answer.status, 400);
    g_autofree char *log = NULL;
    assert_true(g_file_get_contents(fixture->main_log_path, &log, NULL, NULL));
    assert_non_null(strstr(log, "ERRO XML-RPC request data '<a' is invalid: unmarshallable"));
    assert_non_null(strstr(log, "ERRO XML-RPC request data '<a/>' is invalid: no method name"));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, rpc_fixture_set_up, rpc_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(lists_methods_sorted),
        TEST(explains_methods),
        TEST(refuses_unknown_methods),
        TEST(counts_arguments_of_every_method),
        TEST(answers_shutdown_state),
        TEST(multicall_mixes_results_and_faults),
        TEST(multicall_refuses_what_is_no_array_of_structs),
        TEST(multicall_runs_one_after_the_other),
        TEST(multicall_goes_on_from_the_loop),
        TEST(tells_about_the_daemon),
        TEST(shuts_down_and_restarts),
        TEST(reads_and_clears_the_main_log),
        TEST(rereads),
        TEST(adds_and_removes_groups),
        TEST(shows_the_configuration),
        TEST(tells_about_a_process),
        TEST(refuses_names_of_no_process),
        TEST(tells_about_all_in_order_of_names),
        TEST(reads_process_logs),
        TEST(clears_process_logs),
        TEST(takes_requests_as_clients_write_them),
        TEST(refuses_what_a_foreign_page_sends),
        TEST(knows_names_that_cannot_be_made_to_point_here),
        TEST(answers_400_to_what_is_no_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
