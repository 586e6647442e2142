/* Servers that lie, babble, hang up and break off: each must end in one clear line, and never in a crash. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/body.h"
#include "ctl/client.h"
#include "ctl/interrupt.h"
#include "ctl/record.h"
#include "ctl/wire.h"
#include "tests/unit/fake-daemon.h"

#define RESPONSE(value)                                                                                      \
    "<?xml version='1.0'?><methodResponse><params><param><value>" value                                      \
    "</value></param></params></methodResponse>"
#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"

typedef struct Fixture {
    FakeDaemon *daemon;
    Transport *transport;
    Client *client;
} Fixture;

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);

    fixture->daemon = fake_daemon_new();
    fixture->transport = transport_new();
    fixture->client = client_new(fixture->transport);
    transport_set_server(fixture->transport, fake_daemon_url(fixture->daemon));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;

    client_free(fixture->client);
    transport_free(fixture->transport);
    fake_daemon_free(fixture->daemon);
    g_free(fixture);
    return 0;
}

static void assert_described(const Reply *reply, ReplyKind kind, const char *text)
{
    g_autofree char *described = reply_describe(reply);

    assert_int_equal(reply->kind, kind);
    assert_string_equal(described, text);
}

static void a_value_comes_through(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *text = NULL, *problem = NULL, *calls = NULL;
    g_auto(Reply) reply = {0};

    fake_daemon_value(fixture->daemon, "x", "<string>a &lt;b&gt; \xc3\xa9</string>");
    client_call(fixture->client, &reply, "supervisor.x", "(ssi)", "one", "<&>", 3);
    assert_int_equal(reply.kind, REPLY_VALUE);
    assert_int_equal(wire_read_text(reply.value, &text, &problem), 0);
    assert_string_equal(text, "a <b> \xc3\xa9");
    calls = fake_daemon_take_calls(fixture->daemon);
    assert_string_equal(calls, "x(one,&lt;&amp;&gt;)");
}

static void many_calls_use_one_client(void **state)
{
    Fixture *fixture = *state;

    fake_daemon_value(fixture->daemon, "x", "<int>5</int>");
    fake_daemon_raw(fixture->daemon, "gone", "", 0);
    for (int i = 0; i < 20; i++) {
        g_auto(Reply) reply = {0}, lost = {0};

        client_call(fixture->client, &reply, "supervisor.x", "()");
        assert_int_equal(reply.kind, REPLY_VALUE);
        client_call(fixture->client, &lost, "supervisor.gone", "()");
        assert_described(&lost, REPLY_BROKEN, "Remote end closed connection without response");
    }
}

static void a_fault_is_a_value(void **state)
{
    Fixture *fixture = *state;
    g_auto(Reply) reply = {0};

    fake_daemon_fault(fixture->daemon, "x", 10, "BAD_NAME: it's");
    client_call(fixture->client, &reply, "supervisor.x", "()");
    assert_described(&reply, REPLY_FAULT, "<Fault 10: \"BAD_NAME: it's\">");
    assert_int_equal(reply.code, 10);
}

static void nobody_there_is_told_by_errno(void **state)
{
    Fixture *fixture = *state;
    g_auto(Reply) missing = {0}, directory = {0}, nonsense = {0};

    transport_set_server(fixture->transport, "unix:///nowhere/at/all");
    client_call(fixture->client, &missing, "supervisor.x", "()");
    assert_described(&missing, REPLY_SYSTEM, "[Errno 2] No such file or directory");
    transport_set_server(fixture->transport, "unix:///dev/null");
    client_call(fixture->client, &directory, "supervisor.x", "()");
    assert_described(&directory, REPLY_SYSTEM, "[Errno 111] Connection refused");
    transport_set_server(fixture->transport, "nonsense");
    client_call(fixture->client, &nonsense, "supervisor.x", "()");
    assert_described(&nonsense, REPLY_BROKEN, "Unknown protocol for serverurl nonsense");
}

static void answers_over_http_that_are_none(void **state)
{
    static const struct {
        const char *bytes;
        ReplyKind kind;
        const char *text; /* NULL: whatever it is called */
    } rows[] = {
        {"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", REPLY_HTTP,
         "<ProtocolError for 127.0.0.1/RPC2: 401 Unauthorized>"},
        {"HTTP/1.0 500 Internal Server Error\r\n\r\nbody", REPLY_HTTP,
         "<ProtocolError for 127.0.0.1/RPC2: 500 Internal Server Error>"},
        {"HTTP/1.1 204\r\nConnection: close\r\n\r\n", REPLY_HTTP, "<ProtocolError for 127.0.0.1/RPC2: 204 >"},
        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\nContent-Length: "
         "0\r\n\r\n",
         REPLY_HTTP, "<ProtocolError for 127.0.0.1/RPC2: 302 Found>"},
        {"", REPLY_BROKEN, "Remote end closed connection without response"},
        {"SSH-2.0-OpenSSH_9.2\r\n", REPLY_BROKEN, NULL},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<?xml", REPLY_BROKEN, NULL},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", REPLY_BROKEN, NULL},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc", REPLY_BROKEN, NULL},
        {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", REPLY_BROKEN, NULL},
        {"HTTP/1.1 200 OK\r\nContent-Le", REPLY_BROKEN, NULL},
    };
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *described = NULL;
        g_auto(Reply) reply = {0};

        fake_daemon_raw(fixture->daemon, "x", rows[i].bytes, strlen(rows[i].bytes));
        client_call(fixture->client, &reply, "supervisor.x", "()");
        if (reply.kind != rows[i].kind)
            fail_msg("%s: %d %d", rows[i].bytes, reply.kind, reply.code);
        described = reply_describe(&reply);
        assert_true(*described != '\0');
        assert_null(strchr(described, '\n'));
        if (rows[i].text)
            assert_string_equal(described, rows[i].text);
    }
}

static void an_endless_answer_is_cut(void **state)
{
    Fixture *fixture = *state;
    g_auto(Reply) body = {0}, header = {0};

    fake_daemon_flood(fixture->daemon, "x", HEAD "\r\n", BODY_SIZE_MAX + (16 << 20));
    client_call(fixture->client, &body, "supervisor.x", "()");
    assert_described(&body, REPLY_BROKEN, "the server's answer is too large");
    fake_daemon_flood(fixture->daemon, "x", HEAD "X: ", 64 << 20);
    client_call(fixture->client, &header, "supervisor.x", "()");
    assert_int_equal(header.kind, REPLY_BROKEN);
}

static void many_headers_are_cut(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GString) bytes = g_string_new(HEAD);
    g_auto(Reply) reply = {0};

    for (int i = 0; i < 50000; i++)
        g_string_append(bytes, "X-Header: abcdefgh\r\n");
    g_string_append(bytes, "\r\n" RESPONSE("<int>1</int>"));
    fake_daemon_raw(fixture->daemon, "x", bytes->str, bytes->len);
    client_call(fixture->client, &reply, "supervisor.x", "()");
    assert_described(&reply, REPLY_BROKEN, "the server's answer is too large");
}

static void bodies_that_are_no_answer(void **state)
{
    static const char *const bodies[] = {
        "",
        " ",
        "nonsense",
        "<",
        "<a",
        "<a>",
        "<a/>",
        "<?xml version='1.0'?>",
        "<?xml version='1.0'?><methodResponse/>",
        "<?xml version='1.0'?><methodResponse></methodResponse><methodResponse/>",
        "<methodResponse><params/></methodResponse>",
        "<methodResponse><params><param/></params></methodResponse>",
        "<methodResponse><params><param><value/><value/></param></params></methodResponse>",
        "<methodResponse><fault/></methodResponse>",
        "<methodResponse><fault><value><int>1</int></value></fault></methodResponse>",
        "<methodResponse><fault><value><struct/></value></fault></methodResponse>",
        "<methodCall><methodName>x</methodName></methodCall>",
        RESPONSE("<int>x</int>"),
        RESPONSE("<int>99999999999999999999</int>"),
        RESPONSE("<boolean>2</boolean>"),
        RESPONSE("<nonsense>1</nonsense>"),
        RESPONSE("<array/>"),
        RESPONSE("<array><data><int>1</int></data></array>"),
        RESPONSE("<struct><member/></struct>"),
        RESPONSE("<struct><member><name>a</name></member></struct>"),
        RESPONSE("<struct><member><value><int>1</int></value></member></struct>"),
        RESPONSE("<string>&nosuch;</string>"),
        RESPONSE("<string>&#0;</string>"),
        RESPONSE("<string>&#x110000;</string>"),
        "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b \"c\">]>" RESPONSE("<string>&b;</string>"),
        "<!-- x -->" RESPONSE("<int>1</int>"),
        RESPONSE("<string><![CDATA[x]]></string>"),
        RESPONSE("<?php x ?>"),
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        g_auto(Reply) reply = {0};

        client_decode(bodies[i], strlen(bodies[i]), &reply);
        if (reply.kind != REPLY_BROKEN)
            fail_msg("taken for an answer: %s", bodies[i]);
        assert_true(*reply.text != '\0');
    }
}

/* Every prefix of a good answer, and every one with a byte changed: no crash, no hang. */
static void damaged_answers_are_survived(void **state)
{
    static const char good[] =
        RESPONSE("<array><data><value><struct><member><name>name</name><value><string>a&amp;b</string>"
                 "</value></member><member><name>pid</name><value><int>12</int></value></member></struct>"
                 "</value></data></array>");
    unsigned broken = 0;

    for (size_t i = 0; i < sizeof(good) - 1; i++) {
        g_autofree char *changed = g_strdup(good);
        g_auto(Reply) cut = {0}, reply = {0};

        client_decode(good, i, &cut);
        assert_int_equal(cut.kind, REPLY_BROKEN);
        changed[i] ^= 0x15;
        client_decode(changed, sizeof(good) - 1, &reply);
        broken += reply.kind == REPLY_BROKEN;
    }
    assert_true(broken > sizeof(good) / 2);
}

static void nesting_is_bounded(void **state)
{
    g_autoptr(GString) deep = g_string_new("<?xml version='1.0'?><methodResponse><params><param>");
    g_autoptr(GString) tags = g_string_new(NULL), many = g_string_new(NULL);
    g_auto(Reply) nested = {0}, raw = {0}, crowded = {0};

    for (int i = 0; i < 60; i++)
        g_string_append(deep, "<value><array><data>");
    for (int i = 0; i < 60; i++)
        g_string_append(deep, "</data></array></value>");
    g_string_append(deep, "</param></params></methodResponse>");
    client_decode(deep->str, deep->len, &nested);
    assert_int_equal(nested.kind, REPLY_BROKEN);

    for (int i = 0; i < 2000000; i++)
        g_string_append(tags, "<a>");
    client_decode(tags->str, tags->len, &raw);
    assert_described(&raw, REPLY_BROKEN, "the server's answer is nested too deeply");

    for (int i = 0; i < 3000000; i++)
        g_string_append(many, "<a/>");
    client_decode(many->str, many->len, &crowded);
    assert_described(&crowded, REPLY_BROKEN, "the server's answer has too many parts");
}

static void assert_clean(const char *body, size_t size, const char *expected)
{
    g_autofree char *clean = NULL, *problem = NULL;

    assert_int_equal(body_clean(body, size, &clean, &problem), 0);
    assert_string_equal(clean, expected);
}

static void what_xml_cannot_carry_is_replaced(void **state)
{
    assert_clean("a\tb\r\nc", 6, "a\tb\r\nc");
    assert_clean("\x1b[31mred\x1b[0m", 12, "\xef\xbf\xbd[31mred\xef\xbf\xbd[0m");
    assert_clean("a\0b", 3,
                 "a\xef\xbf\xbd"
                 "b");
    assert_clean("\xff\xc3", 2, "\xef\xbf\xbd\xef\xbf\xbd");
    assert_clean("\xc3\xa9", 2, "\xc3\xa9");
}

static xmlrpc_value *decode(const char *body)
{
    Reply reply = {0};

    client_decode(body, strlen(body), &reply);
    assert_int_equal(reply.kind, REPLY_VALUE);
    return reply.value;
}

#define MEMBER(name, value) "<member><name>" name "</name><value>" value "</value></member>"
#define INFO(pid)                                                                                            \
    "<struct>" MEMBER("group", "<string>g</string>") MEMBER("name", "x") MEMBER("state", "<i4>20</i4>")      \
        MEMBER("statename", "RUNNING") MEMBER("description", "") pid "</struct>"

static void wrong_types_are_named(void **state)
{
    static const struct {
        const char *body;
        const char *problem;
    } rows[] = {
        {RESPONSE("<int>1</int>"), "the server's answer holds something else than a struct"},
        {RESPONSE(INFO("")), "the server's answer lacks 'pid'"},
        {RESPONSE(INFO(MEMBER("pid", "x"))),
         "the server's answer holds something else than an integer in 'pid'"},
        {RESPONSE("<struct>" MEMBER("group", "<int>1</int>") "</struct>"),
         "the server's answer holds something else than a string in 'group'"},
        {RESPONSE("<struct>" MEMBER("group", "<nil/>") "</struct>"),
         "the server's answer holds something else than a string in 'group'"},
        {RESPONSE("<struct/>"), "the server's answer lacks 'group'"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(xmlrpc_value) value = decode(rows[i].body);
        g_autofree char *problem = NULL;
        g_auto(ProcessInfo) info = {0};

        assert_int_equal(record_read_process_info(value, &info, &problem), -EBADMSG);
        assert_string_equal(problem, rows[i].problem);
        assert_null(info.group);
    }
}

static void arrays_of_structs_are_checked_each(void **state)
{
    g_autoptr(xmlrpc_value) good =
        decode(RESPONSE("<array><data><value>" INFO(MEMBER("pid", "<i8>7</i8>")) "</value></data></array>"));
    g_autoptr(xmlrpc_value) bad = decode(RESPONSE("<array><data><value>" INFO(
        MEMBER("pid", "<int>7</int>")) "</value><value><int>1</int></value></data></array>"));
    g_autofree char *problem = NULL;
    g_autoptr(GArray) infos = NULL, none = NULL;

    assert_int_equal(record_read_process_infos(good, &infos, &problem), 0);
    assert_int_equal(infos->len, 1);
    assert_int_equal(g_array_index(infos, ProcessInfo, 0).pid, 7);
    assert_int_equal(record_read_process_infos(bad, &none, &problem), -EBADMSG);
    assert_null(none);
}

static void changes_are_three_lists_in_a_list(void **state)
{
    static const char *const bad[] = {
        RESPONSE("<array><data/></array>"),
        RESPONSE("<array><data><value><array><data/></array></value></data></array>"),
        RESPONSE("<array><data><value><array><data><value>a</value><value>b</value><value>c</value></data></"
                 "array></value></data>"
                 "</array>"),
        RESPONSE("<int>1</int>"),
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(xmlrpc_value) value = decode(bad[i]);
        g_autofree char *problem = NULL;
        g_auto(ConfigChanges) changes = {0};

        assert_int_equal(record_read_changes(value, &changes, &problem), -EBADMSG);
        assert_null(changes.added);
    }
}

static void bytes_that_are_no_text_cannot_be_sent(void **state)
{
    Fixture *fixture = *state;
    g_auto(Reply) reply = {0};

    client_call(fixture->client, &reply, "supervisor.x", "(s)", "\xff\xfe");
    assert_int_equal(reply.kind, REPLY_BROKEN);
}

static void an_interrupt_ends_the_wait(void **state)
{
    Fixture *fixture = *state;
    g_auto(Reply) reply = {0};

    /* Promises more than it sends, and keeps the connection. */
    fake_daemon_body(fixture->daemon, "x", "", 0);
    assert_int_equal(interrupt_enable(), 0);
    raise(SIGINT);
    client_call(fixture->client, &reply, "supervisor.x", "()");
    interrupt_disable();
    assert_int_equal(reply.kind, REPLY_INTERRUPTED);
}

#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_value_comes_through),
        FIXTURE_TEST(many_calls_use_one_client),
        FIXTURE_TEST(a_fault_is_a_value),
        FIXTURE_TEST(nobody_there_is_told_by_errno),
        FIXTURE_TEST(answers_over_http_that_are_none),
        FIXTURE_TEST(an_endless_answer_is_cut),
        FIXTURE_TEST(many_headers_are_cut),
        cmocka_unit_test(bodies_that_are_no_answer),
        cmocka_unit_test(damaged_answers_are_survived),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(what_xml_cannot_carry_is_replaced),
        cmocka_unit_test(wrong_types_are_named),
        cmocka_unit_test(arrays_of_structs_are_checked_each),
        cmocka_unit_test(changes_are_three_lists_in_a_list),
        FIXTURE_TEST(bytes_that_are_no_text_cannot_be_sent),
        FIXTURE_TEST(an_interrupt_ends_the_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
