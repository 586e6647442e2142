#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "bridge/http.h"
#include "bridge/rpc.h"
#include "bridge/rpc_method.h"
#include "build_config.h"
#include "tests/unit/fake-config.h"
#include "tests/unit/fake-manager.h"
#include "tests/unit/http-client.h"

/* Arguments */
#define TEXT(text)    "<param><value><string>" text "</string></value></param>"
#define NUMBER(text)  "<param><value><int>" text "</int></value></param>"
#define BOOL(text)    "<param><value><boolean>" text "</boolean></value></param>"
#define ARRAY(inside) "<param><value><array><data>" inside "</data></array></value></param>"
#define NIL           "<param><value><nil/></value></param>"
/* Results */
#define R_TEXT(text)          "<value><string>" text "</string></value>\n"
#define R_NUMBER(text)        "<value><int>" text "</int></value>\n"
#define R_TRUE                "<value><boolean>1</boolean></value>\n"
#define R_FALSE               "<value><boolean>0</boolean></value>\n"
#define R_ARRAY(inside)       "<value><array><data>\n" inside "</data></array></value>\n"
#define R_STRUCT(inside)      "<value><struct>\n" inside "</struct></value>\n"
#define R_MEMBER(name, value) "<member>\n<name>" name "</name>\n" value "</member>\n"
#define R_STATUS(name_, group_, status_, text_)                                                              \
    R_STRUCT(R_MEMBER("name", R_TEXT(name_)) R_MEMBER("group", R_TEXT(group_))                               \
                 R_MEMBER("status", R_NUMBER(status_)) R_MEMBER("description", R_TEXT(text_)))
#define R_FAULT(code, text)                                                                                  \
    R_STRUCT(R_MEMBER("faultCode", R_NUMBER(code)) R_MEMBER("faultString", R_TEXT(text)))
/* Entries of system.multicall */
#define CALL(name, params)                                                                                   \
    "<value><struct><member><name>methodName</name><value>" name "</value></member>"                         \
    "<member><name>params</name><value><array><data>" params                                                 \
    "</data></array></value></member></struct></value>"

typedef struct Fixture {
    char *directory;
    char *socket;
    char *log_path;
    char *main_log_path;
    sd_event *event;
    MainLog *log;
    ProcessConfig processes[5];
    const ProcessConfig *web_processes[1];
    const ProcessConfig *g_processes[3];
    const ProcessConfig *spare_processes[1];
    GroupConfig groups[3];
    Config *config;
    Manager *manager;
    RpcServer *rpc;
    Http *http;
    HttpClient *client;
    Instance *web, *a, *b, *c;
} Fixture;

static void on_rpc(HttpRequest *request, void *userdata)
{
    rpc_server_handle(((Fixture *)userdata)->rpc, request);
}

static const HttpRoute routes[] = {{"/RPC2", on_rpc}, {NULL, NULL}};

static void make_config(Fixture *fixture)
{
    static const char *const names[] = {"web", "b", "a", "c", "spare"};
    static const int exitcodes[] = {0, 2};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        fixture->processes[i] = fake_process(names[i]);
    fixture->processes[0].exitcodes = exitcodes;
    fixture->processes[0].exitcode_count = 2;
    fixture->processes[0].log[STREAM_STDOUT] =
        (LogConfig){.kind = LOGFILE_AUTO, .maxbytes = INT64_C(5) << 30, .backups = 10};
    fixture->processes[1].autorestart = AUTORESTART_ALWAYS;
    fixture->web_processes[0] = &fixture->processes[0];
    for (size_t i = 0; i < 3; i++)
        fixture->g_processes[i] = &fixture->processes[i + 1];
    fixture->spare_processes[0] = &fixture->processes[4];
    fixture->groups[0] =
        (GroupConfig){.name = "web", .priority = 5, .processes = fixture->web_processes, .process_count = 1};
    fixture->groups[1] =
        (GroupConfig){.name = "g", .priority = 999, .processes = fixture->g_processes, .process_count = 3};
    fixture->groups[2] = (GroupConfig){
        .name = "spare", .priority = 999, .processes = fixture->spare_processes, .process_count = 1};
    fixture->config = fake_config_new(fixture->groups, 3);
}

static void make_manager(Fixture *fixture)
{
    fixture->manager = fake_manager_new(fixture->event, fixture->log, fixture->config);
    fake_manager_add(fixture->manager, &fixture->groups[0]);
    fake_manager_add(fixture->manager, &fixture->groups[1]);
    fixture->web = fake_manager_instance(fixture->manager, "web", "web");
    fixture->a = fake_manager_instance(fixture->manager, "g", "a");
    fixture->b = fake_manager_instance(fixture->manager, "g", "b");
    fixture->c = fake_manager_instance(fixture->manager, "g", "c");
    fixture->web->logfile[STREAM_STDOUT] = fixture->log_path;
}

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);

    fixture->directory = g_dir_make_tmp("rpc-XXXXXX", NULL);
    fixture->socket = g_build_filename(fixture->directory, "s.sock", NULL);
    fixture->log_path = g_build_filename(fixture->directory, "web.log", NULL);
    fixture->main_log_path = g_build_filename(fixture->directory, "main.log", NULL);
    assert_true(sd_event_new(&fixture->event) >= 0);
    assert_int_equal(main_log_open(&(MainLogConfig){.path = fixture->main_log_path, .level = LOG_LEVEL_INFO},
                                   &fixture->log),
                     0);
    make_config(fixture);
    make_manager(fixture);
    assert_int_equal(rpc_server_new(fixture->manager, &fixture->rpc), 0);
    assert_int_equal(http_new(fixture->event, NULL, routes, fixture, &fixture->http), 0);
    ServerConfig server = {
        .is_unix = true, .section = "unix_http_server", .file = fixture->socket, .chmod = 0700};
    assert_int_equal(http_listen(fixture->http, &server, -1), 0);
    fixture->client = http_client_new(fixture->event, fixture->socket);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;

    http_client_free(fixture->client);
    http_free(fixture->http);
    rpc_server_free(fixture->rpc);
    fake_manager_free(fixture->manager);
    config_unref(fixture->config);
    main_log_free(fixture->log);
    sd_event_unref(fixture->event);
    g_unlink(fixture->log_path);
    g_unlink(fixture->main_log_path);
    assert_int_equal(g_rmdir(fixture->directory), 0);
    g_free(fixture->directory);
    g_free(fixture->socket);
    g_free(fixture->log_path);
    g_free(fixture->main_log_path);
    g_free(fixture);
    return 0;
}

/* --- asking --- */

static void post(HttpClient *client, const char *body)
{
    g_autofree char *head = g_strdup_printf(
        "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: %zu\r\n\r\n",
        strlen(body));

    http_client_send(client, head, -1);
    http_client_send(client, body, -1);
}

static void send_call(HttpClient *client, const char *method, const char *params)
{
    g_autofree char *body =
        g_strdup_printf("<?xml version='1.0'?>\n<methodCall>\n<methodName>%s</methodName>\n"
                        "<params>\n%s</params>\n</methodCall>\n",
                        method, params);

    post(client, body);
}

static char *receive(HttpClient *client)
{
    g_auto(HttpAnswer) answer = http_client_receive(client);

    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.head, "Content-Type: text/xml\r\n"));
    return g_steal_pointer(&answer.body);
}

static char *call(Fixture *fixture, const char *method, const char *params)
{
    send_call(fixture->client, method, params);
    return receive(fixture->client);
}

static void assert_received_value(HttpClient *client, const char *value)
{
    g_autofree char *expected =
        g_strdup_printf("<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n%s</param>\n"
                        "</params>\n</methodResponse>\n",
                        value);
    g_autofree char *body = receive(client);

    assert_string_equal(body, expected);
}

static void assert_received_fault(HttpClient *client, int code, const char *text)
{
    g_autofree char *expected = g_strdup_printf("<?xml version='1.0'?>\n<methodResponse>\n<fault>\n" R_FAULT(
                                                    "%d", "%s") "</fault>\n</methodResponse>\n",
                                                code, text);
    g_autofree char *body = receive(client);

    assert_string_equal(body, expected);
}

static void assert_value(Fixture *fixture, const char *method, const char *params, const char *value)
{
    send_call(fixture->client, method, params);
    assert_received_value(fixture->client, value);
}

static void assert_fault(Fixture *fixture, const char *method, const char *params, int code, const char *text)
{
    send_call(fixture->client, method, params);
    assert_received_fault(fixture->client, code, text);
}

static void assert_waits(HttpClient *client)
{
    assert_false(http_client_has_answer(client, 10));
}

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

/* --- start --- */

static void start_waits_for_running(void **state)
{
    Fixture *fixture = *state;

    send_call(fixture->client, "supervisor.startProcess", TEXT("web"));
    assert_waits(fixture->client);
    assert_int_equal(fake_instance_watch_count(fixture->web), 1);
    fake_instance_set_state(fixture->web, PROCESS_RUNNING);
    assert_received_value(fixture->client, R_TRUE);
    assert_int_equal(fake_instance_watch_count(fixture->web), 0);
    assert_fault(fixture, "supervisor.startProcess", TEXT("web"), 60, "ALREADY_STARTED: web");
}

static void start_without_waiting(void **state)
{
    static const char *const untrue[] = {
        BOOL("0"), NUMBER("0"), TEXT(""), NIL, ARRAY(""), "<param><value><double>0</double></value></param>"};
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(untrue); i++) {
        g_autofree char *params = g_strconcat(TEXT("g:a"), untrue[i], NULL);
        fixture->a->state = PROCESS_STOPPED;
        assert_value(fixture, "supervisor.startProcess", params, R_TRUE);
        assert_int_equal(fixture->a->starts, i + 1);
    }
    fixture->a->state = PROCESS_STOPPED;
    send_call(fixture->client, "supervisor.startProcess",
              TEXT("g:a") TEXT("false")); /* a string that is not empty */
    assert_waits(fixture->client);
    fake_instance_set_state(fixture->a, PROCESS_RUNNING);
    assert_received_value(fixture->client, R_TRUE);
}

static void start_of_what_runs_at_once(void **state)
{
    Fixture *fixture = *state;

    fixture->web->after_start = PROCESS_RUNNING;
    assert_value(fixture, "supervisor.startProcess", TEXT("web") NUMBER("1"), R_TRUE);
}

static void start_checks_the_command_first(void **state)
{
    static const struct {
        int problem;
        int fault;
        const char *text;
    } cases[] = {
        {1, 21, "NOT_EXECUTABLE: message"},
        {2, 20, "NO_FILE: message"},
        {3, 21, "NOT_EXECUTABLE: message"},
        {-ENOMEM, 30, "FAILED: Cannot allocate memory"},
    };
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_RUNNING;
    fixture->web->command_message = "message";
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        fixture->web->command_problem = cases[i].problem;
        assert_fault(fixture, "supervisor.startProcess", TEXT("web"), cases[i].fault, cases[i].text);
    }
    assert_int_equal(fixture->web->starts, 0);
}

static void start_tells_spawn_errors(void **state)
{
    Fixture *fixture = *state;

    fixture->web->spawnerr_after_start = "no pipes";
    assert_fault(fixture, "supervisor.startProcess", TEXT("web") BOOL("0"), 50, "SPAWN_ERROR: web");
    fixture->web->state = PROCESS_STOPPED;
    fixture->web->spawnerr_after_start = NULL;
    send_call(fixture->client, "supervisor.startProcess", TEXT("web:web"));
    assert_waits(fixture->client);
    fixture->web->spawnerr = "Exited too quickly (process log may have details)";
    fake_instance_set_state(fixture->web, PROCESS_BACKOFF);
    assert_received_fault(fixture->client, 50, "SPAWN_ERROR: web:web");
}

static void start_tells_abnormal_terminations(void **state)
{
    static const ProcessState states[] = {PROCESS_EXITED, PROCESS_STOPPING, PROCESS_FATAL, PROCESS_BACKOFF,
                                          PROCESS_UNKNOWN};
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
        fixture->web->state = PROCESS_STOPPED;
        send_call(fixture->client, "supervisor.startProcess", TEXT("web"));
        assert_waits(fixture->client);
        fake_instance_set_state(fixture->web, states[i]);
        assert_received_fault(fixture->client, 40, "ABNORMAL_TERMINATION: web");
    }
    fixture->web->state = PROCESS_STOPPING;
    assert_fault(fixture, "supervisor.startProcess", TEXT("web"), 40, "ABNORMAL_TERMINATION: web");
    assert_value(fixture, "supervisor.startProcess", TEXT("web") BOOL("0"), R_TRUE);
}

static void start_of_an_unknown_state_fails(void **state)
{
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_UNKNOWN;
    assert_fault(fixture, "supervisor.startProcess", TEXT("web"), 30,
                 "FAILED: web is in an unknown process state");
}

/* b, a, c is the order of priority. What is decided at once comes first, then what finishes, in order within
 * 50 ms. */
static void start_of_a_group_collects(void **state)
{
    Fixture *fixture = *state;

    fixture->b->state = PROCESS_RUNNING;
    fixture->c->command_problem = 2;
    fixture->c->command_message = "can't find command 'c'";
    send_call(fixture->client, "supervisor.startProcess", TEXT("g:*"));
    assert_waits(fixture->client);
    assert_int_equal(fixture->b->starts, 0);
    fake_instance_set_state(fixture->a, PROCESS_RUNNING);
    assert_received_value(fixture->client, R_ARRAY(R_STATUS("c", "g", "20", "NO_FILE: can't find command 'c'")
                                                       R_STATUS("a", "g", "80", "OK")));
    assert_fault(fixture, "supervisor.startProcessGroup", TEXT("none"), 10, "BAD_NAME: none");
    assert_fault(fixture, "supervisor.startProcessGroup", NUMBER("5"), 10, "BAD_NAME: 5");
    assert_fault(fixture, "supervisor.startProcessGroup", ARRAY(""), 2, "INCORRECT_PARAMETERS");
    assert_fault(fixture, "supervisor.startProcess", TEXT("none:*"), 10, "BAD_NAME: none:*");
}

static void start_of_a_group_keeps_the_order_of_what_ends_together(void **state)
{
    Fixture *fixture = *state;

    send_call(fixture->client, "supervisor.startProcessGroup", TEXT("g"));
    assert_waits(fixture->client);
    fake_instance_set_state(fixture->c, PROCESS_RUNNING);
    fake_instance_set_state(fixture->a, PROCESS_EXITED);
    fake_instance_set_state(fixture->b, PROCESS_RUNNING);
    assert_received_value(fixture->client, R_ARRAY(R_STATUS("b", "g", "80", "OK")
                                                       R_STATUS("a", "g", "40", "ABNORMAL_TERMINATION: g:a")
                                                           R_STATUS("c", "g", "80", "OK")));
}

static void start_of_a_group_shows_who_was_much_faster(void **state)
{
    Fixture *fixture = *state;

    send_call(fixture->client, "supervisor.startProcessGroup", TEXT("g"));
    assert_waits(fixture->client);
    fake_instance_set_state(fixture->c, PROCESS_RUNNING);
    assert_false(http_client_has_answer(fixture->client, 700));
    fake_instance_set_state(fixture->a, PROCESS_RUNNING);
    fake_instance_set_state(fixture->b, PROCESS_RUNNING);
    assert_received_value(fixture->client, R_ARRAY(R_STATUS("c", "g", "80", "OK") R_STATUS(
                                               "b", "g", "80", "OK") R_STATUS("a", "g", "80", "OK")));
}

static void start_of_all(void **state)
{
    Fixture *fixture = *state;

    assert_value(fixture, "supervisor.startAllProcesses", BOOL("0"),
                 R_ARRAY(R_STATUS("web", "web", "80", "OK") R_STATUS("b", "g", "80", "OK")
                             R_STATUS("a", "g", "80", "OK") R_STATUS("c", "g", "80", "OK")));
    assert_value(fixture, "supervisor.startAllProcesses", "", R_ARRAY(""));
}

/* --- stop --- */

static void stop_waits_for_the_end(void **state)
{
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_RUNNING;
    send_call(fixture->client, "supervisor.stopProcess", TEXT("web"));
    assert_waits(fixture->client);
    assert_int_equal(fixture->web->reports, 1);
    fake_instance_set_state(fixture->web, PROCESS_STOPPING); /* SIGKILL is on its way */
    assert_waits(fixture->client);
    assert_false(http_client_has_answer(fixture->client, 1200));
    assert_int_equal(fixture->web->reports, 2);
    fake_instance_set_state(fixture->web, PROCESS_STOPPED);
    assert_received_value(fixture->client, R_TRUE);
    assert_fault(fixture, "supervisor.stopProcess", TEXT("web"), 70, "NOT_RUNNING: web");
    fixture->web->state = PROCESS_STOPPING;
    assert_fault(fixture, "supervisor.stopProcess", TEXT("web"), 70, "NOT_RUNNING: web");
}

static void stop_without_waiting_and_from_backoff(void **state)
{
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_STARTING;
    assert_value(fixture, "supervisor.stopProcess", TEXT("web") BOOL("0"), R_TRUE);
    fixture->a->state = PROCESS_BACKOFF;
    assert_value(fixture, "supervisor.stopProcess", TEXT("g:a"), R_TRUE);
    assert_int_equal(fixture->a->state, PROCESS_STOPPED);
}

static void stop_of_group_and_all(void **state)
{
    Fixture *fixture = *state;

    fixture->a->state = fixture->b->state = fixture->web->state = PROCESS_RUNNING;
    send_call(fixture->client, "supervisor.stopProcessGroup", TEXT("g"));
    assert_waits(fixture->client);
    fake_instance_set_state(fixture->a, PROCESS_STOPPED);
    fake_instance_set_state(fixture->b, PROCESS_EXITED);
    assert_received_value(fixture->client,
                          R_ARRAY(R_STATUS("b", "g", "80", "OK") R_STATUS("a", "g", "80", "OK")));
    assert_value(fixture, "supervisor.stopProcess", TEXT("g:"), R_ARRAY(""));
    assert_value(fixture, "supervisor.stopAllProcesses", BOOL("0"),
                 R_ARRAY(R_STATUS("web", "web", "80", "OK")));
}

/* --- deferred calls and what may happen meanwhile --- */

static void waiting_calls_hold_up_nobody(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) other = http_client_new(fixture->event, fixture->socket);

    send_call(fixture->client, "supervisor.startProcess", TEXT("web"));
    assert_waits(fixture->client);
    send_call(other, "supervisor.startProcess", TEXT("web"));
    assert_received_fault(other, 60, "ALREADY_STARTED: web");
    send_call(other, "supervisor.stopProcess", TEXT("web"));
    assert_received_fault(fixture->client, 40, "ABNORMAL_TERMINATION: web");
    assert_waits(other);
    fake_instance_set_state(fixture->web, PROCESS_STOPPED);
    assert_received_value(other, R_TRUE);
}

static void a_client_that_leaves_takes_its_wait_with_it(void **state)
{
    static const char *const methods[][2] = {
        {"supervisor.startProcess", TEXT("g:a")},
        {"supervisor.startProcessGroup", TEXT("g")},
        {"supervisor.startAllProcesses", ""},
        {"system.multicall", ARRAY(CALL("supervisor.startProcess", "<value>g:a</value>"))},
        {"system.multicall", ARRAY(CALL("supervisor.startAllProcesses", ""))},
    };
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
        HttpClient *leaving = http_client_new(fixture->event, fixture->socket);
        fixture->web->state = fixture->a->state = fixture->b->state = fixture->c->state = PROCESS_STOPPED;
        send_call(leaving, methods[i][0], methods[i][1]);
        assert_waits(leaving);
        assert_int_equal(fake_instance_watch_count(fixture->a), 1);
        http_client_free(leaving);
        gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
        while (fake_instance_watch_count(fixture->a) > 0 && g_get_monotonic_time() < deadline)
            assert_true(sd_event_run(fixture->event, 1000) >= 0);
        assert_int_equal(fake_instance_watch_count(fixture->a), 0);
        assert_int_equal(fake_instance_watch_count(fixture->c), 0);
    }
    assert_value(fixture, "supervisor.getAPIVersion", "", R_TEXT("3.0"));
}

static void a_removed_group_ends_the_wait(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) other = http_client_new(fixture->event, fixture->socket);

    send_call(fixture->client, "supervisor.startProcess", TEXT("g:a"));
    assert_waits(fixture->client);
    send_call(other, "supervisor.startAllProcesses", "");
    assert_waits(other);
    fake_manager_remove(fixture->manager, "g");
    assert_received_fault(fixture->client, 10, "BAD_NAME: g:a");
    fake_instance_set_state(fixture->web, PROCESS_RUNNING);
    assert_received_value(other,
                          R_ARRAY(R_STATUS("web", "web", "80", "OK") R_STATUS("b", "g", "10", "BAD_NAME: g:b")
                                      R_STATUS("c", "g", "10", "BAD_NAME: g:c")));
}

static void the_servers_end_with_calls_waiting(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) other = http_client_new(fixture->event, fixture->socket);

    send_call(fixture->client, "supervisor.startAllProcesses", "");
    assert_waits(fixture->client);
    fixture->web->state = PROCESS_STOPPED;
    g_clear_pointer(&fixture->rpc, rpc_server_free);
    g_auto(HttpAnswer) answer = http_client_receive(fixture->client);
    assert_int_equal(answer.status, 500);
    assert_int_equal(rpc_server_new(fixture->manager, &fixture->rpc), 0);
    send_call(other, "supervisor.startProcess", TEXT("web"));
    assert_waits(other);
    g_clear_pointer(&fixture->http, http_free);
    http_client_expect_close(other);
    assert_int_equal(fake_instance_watch_count(fixture->web), 0);
}

/* --- signals --- */

static void signals_a_process(void **state)
{
    static const char *const names[] = {TEXT("HUP"), TEXT("sighup"),
                                        TEXT(" 1 "), NUMBER("1"),
                                        BOOL("1"),   "<param><value><double>1.9</double></value></param>"};
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_STOPPING;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *params = g_strconcat(TEXT("web"), names[i], NULL);
        fixture->web->last_signal = 0;
        assert_value(fixture, "supervisor.signalProcess", params, R_TRUE);
        assert_int_equal(fixture->web->last_signal, SIGHUP);
    }
    assert_value(fixture, "supervisor.signalProcess", TEXT("web") TEXT("0"), R_TRUE);
    assert_int_equal(fixture->web->last_signal, SIGHUP); /* nothing was sent */
    assert_fault(fixture, "supervisor.signalProcess", TEXT("web") TEXT("NOPE"), 11, "BAD_SIGNAL: NOPE");
    assert_fault(fixture, "supervisor.signalProcess", TEXT("web") NUMBER("999"), 11, "BAD_SIGNAL: 999");
    assert_fault(fixture, "supervisor.signalProcess", TEXT("web") NIL, 2, "INCORRECT_PARAMETERS");
    assert_fault(fixture, "supervisor.signalProcess", TEXT("none") NIL, 10, "BAD_NAME: none");
    fixture->web->state = PROCESS_BACKOFF;
    assert_fault(fixture, "supervisor.signalProcess", TEXT("web") TEXT("HUP"), 70, "NOT_RUNNING: web");
    assert_fault(fixture, "supervisor.signalProcess", TEXT("web") TEXT("x"), 11, "BAD_SIGNAL: x");
}

static void signals_take_their_time(void **state)
{
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_RUNNING;
    fixture->web->signal_later = true;
    send_call(fixture->client, "supervisor.signalProcess", TEXT("web") TEXT("USR1"));
    assert_waits(fixture->client);
    fixture->web->signal_result = -ESRCH;
    fake_instance_deliver(fixture->web);
    assert_received_value(fixture->client, R_TRUE);
    send_call(fixture->client, "supervisor.signalProcess", TEXT("web") TEXT("USR1"));
    assert_waits(fixture->client);
    fixture->web->signal_result = -EPERM;
    fake_instance_deliver(fixture->web);
    g_autofree char *body = receive(fixture->client);
    assert_non_null(strstr(body, "FAILED: unknown problem sending sig web (SIGUSR1)"));
}

static void nobody_waits_for_a_signal_any_more(void **state)
{
    static const char *const methods[][2] = {
        {"supervisor.signalProcess", TEXT("web") TEXT("1")},
        {"supervisor.signalAllProcesses", TEXT("1")},
    };
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_RUNNING;
    fixture->web->signal_later = true;
    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
        HttpClient *leaving = http_client_new(fixture->event, fixture->socket);
        send_call(leaving, methods[i][0], methods[i][1]);
        assert_waits(leaving);
        http_client_free(leaving);
        for (int turn = 0; turn < 20; turn++)
            assert_true(sd_event_run(fixture->event, 1000) >= 0);
        fake_instance_deliver(fixture->web); /* whoever asked is gone: ASan would tell */
    }
    assert_value(fixture, "supervisor.getAPIVersion", "", R_TEXT("3.0"));
}

static void signals_group_and_all(void **state)
{
    Fixture *fixture = *state;

    assert_value(fixture, "supervisor.signalAllProcesses", TEXT("NOPE"), R_ARRAY(""));
    assert_value(fixture, "supervisor.signalAllProcesses", NIL, R_ARRAY(""));
    fixture->a->state = fixture->b->state = PROCESS_RUNNING;
    assert_value(
        fixture, "supervisor.signalProcessGroup", TEXT("g") TEXT("NOPE"),
        R_ARRAY(R_STATUS("b", "g", "11", "BAD_SIGNAL: NOPE") R_STATUS("a", "g", "11", "BAD_SIGNAL: NOPE")));
    assert_fault(fixture, "supervisor.signalProcessGroup", TEXT("g") NIL, 2, "INCORRECT_PARAMETERS");
    fixture->b->signal_later = true;
    send_call(fixture->client, "supervisor.signalProcess", TEXT("g:*") TEXT("HUP"));
    assert_waits(fixture->client);
    fake_instance_deliver(fixture->b);
    assert_received_value(fixture->client,
                          R_ARRAY(R_STATUS("b", "g", "80", "OK") R_STATUS("a", "g", "80", "OK")));
    assert_fault(fixture, "supervisor.signalProcessGroup", TEXT("none") TEXT("HUP"), 10, "BAD_NAME: none");
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
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(lists_methods_sorted),
        TEST(explains_methods),
        TEST(refuses_unknown_methods),
        TEST(counts_arguments_of_every_method),
        TEST(answers_shutdown_state),
        TEST(multicall_mixes_results_and_faults),
        TEST(multicall_refuses_what_is_no_array_of_structs),
        TEST(multicall_runs_one_after_the_other),
        TEST(tells_about_the_daemon),
        TEST(shuts_down_and_restarts),
        TEST(reads_and_clears_the_main_log),
        TEST(rereads),
        TEST(adds_and_removes_groups),
        TEST(shows_the_configuration),
        TEST(tells_about_a_process),
        TEST(refuses_names_of_no_process),
        TEST(tells_about_all_in_order_of_names),
        TEST(start_waits_for_running),
        TEST(start_without_waiting),
        TEST(start_of_what_runs_at_once),
        TEST(start_checks_the_command_first),
        TEST(start_tells_spawn_errors),
        TEST(start_tells_abnormal_terminations),
        TEST(start_of_an_unknown_state_fails),
        TEST(start_of_a_group_collects),
        TEST(start_of_a_group_keeps_the_order_of_what_ends_together),
        TEST(start_of_a_group_shows_who_was_much_faster),
        TEST(start_of_all),
        TEST(stop_waits_for_the_end),
        TEST(stop_without_waiting_and_from_backoff),
        TEST(stop_of_group_and_all),
        TEST(waiting_calls_hold_up_nobody),
        TEST(a_client_that_leaves_takes_its_wait_with_it),
        TEST(a_removed_group_ends_the_wait),
        TEST(the_servers_end_with_calls_waiting),
        TEST(signals_a_process),
        TEST(signals_take_their_time),
        TEST(nobody_waits_for_a_signal_any_more),
        TEST(signals_group_and_all),
        TEST(reads_process_logs),
        TEST(clears_process_logs),
        TEST(takes_requests_as_clients_write_them),
        TEST(answers_400_to_what_is_no_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
