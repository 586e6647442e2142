#include "tests/unit/rpc-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

static void on_rpc(HttpRequest *request, void *userdata)
{
    rpc_server_handle(((Fixture *)userdata)->rpc, request);
}

static void on_web(HttpRequest *request, void *userdata)
{
    web_handle(((Fixture *)userdata)->web_pages, request);
}

static const HttpRoute routes[] = {{"/RPC2", on_rpc, true}, {"/", on_web, false}, {NULL, NULL, false}};

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

int rpc_fixture_set_up(void **state)
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
    assert_int_equal(web_new(fixture->manager, &fixture->web_pages), 0);
    assert_int_equal(http_new(fixture->event, NULL, routes, fixture, &fixture->http), 0);
    ServerConfig server = {
        .is_unix = true, .section = "unix_http_server", .file = fixture->socket, .chmod = 0700};
    assert_int_equal(http_listen(fixture->http, &server, -1), 0);
    fixture->client = http_client_new(fixture->event, fixture->socket);
    *state = fixture;
    return 0;
}

int rpc_fixture_tear_down(void **state)
{
    Fixture *fixture = *state;

    http_client_free(fixture->client);
    http_free(fixture->http);
    rpc_server_free(fixture->rpc);
    web_free(fixture->web_pages);
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

void post(HttpClient *client, const char *body)
{
    g_autofree char *head = g_strdup_printf(
        "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: %zu\r\n\r\n",
        strlen(body));

    http_client_send(client, head, -1);
    http_client_send(client, body, -1);
}

void send_call(HttpClient *client, const char *method, const char *params)
{
    g_autofree char *body =
        g_strdup_printf("<?xml version='1.0'?>\n<methodCall>\n<methodName>%s</methodName>\n"
                        "<params>\n%s</params>\n</methodCall>\n",
                        method, params);

    post(client, body);
}

char *receive(HttpClient *client)
{
    g_auto(HttpAnswer) answer = http_client_receive(client);

    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.head, "Content-Type: text/xml\r\n"));
    return g_steal_pointer(&answer.body);
}

char *call(Fixture *fixture, const char *method, const char *params)
{
    send_call(fixture->client, method, params);
    return receive(fixture->client);
}

void assert_received_value(HttpClient *client, const char *value)
{
    g_autofree char *expected =
        g_strdup_printf("<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n%s</param>\n"
                        "</params>\n</methodResponse>\n",
                        value);
    g_autofree char *body = receive(client);

    assert_string_equal(body, expected);
}

void assert_received_fault(HttpClient *client, int code, const char *text)
{
    g_autofree char *expected = g_strdup_printf("<?xml version='1.0'?>\n<methodResponse>\n<fault>\n" R_FAULT(
                                                    "%d", "%s") "</fault>\n</methodResponse>\n",
                                                code, text);
    g_autofree char *body = receive(client);

    assert_string_equal(body, expected);
}

void assert_value(Fixture *fixture, const char *method, const char *params, const char *value)
{
    send_call(fixture->client, method, params);
    assert_received_value(fixture->client, value);
}

void assert_fault(Fixture *fixture, const char *method, const char *params, int code, const char *text)
{
    send_call(fixture->client, method, params);
    assert_received_fault(fixture->client, code, text);
}

void assert_waits(HttpClient *client)
{
    assert_false(http_client_has_answer(client, 10));
}
