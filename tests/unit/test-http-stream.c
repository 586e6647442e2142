#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "bridge/http_stream.h"
#include "tests/unit/http-client.h"

typedef struct Fixture {
    char *directory;
    char *path;
    sd_event *event;
    Http *http;
    HttpClient *client;
    HttpStream *stream; /* of the last request */
    unsigned streams;
    unsigned drained;
    unsigned abandoned;
    size_t flood; /* bytes that are appended whenever the client has taken what there was */
    size_t produced;
} Fixture;

static void on_drained(HttpStream *stream, void *userdata)
{
    Fixture *fixture = userdata;
    g_autofree char *piece = g_strnfill(fixture->flood, 'x');

    fixture->drained++;
    assert_int_equal(http_stream_room(stream), HTTP_STREAM_LIMIT);
    if (fixture->flood == 0 || stream != fixture->stream)
        return;
    assert_int_equal(http_stream_append(stream, piece, fixture->flood), 0);
    fixture->produced += fixture->flood;
}

static void on_abandoned(void *userdata)
{
    Fixture *fixture = userdata;

    fixture->abandoned++;
    fixture->stream = NULL;
}

static const HttpStreamCallbacks callbacks = {.drained = on_drained, .abandoned = on_abandoned};

static void on_stream(HttpRequest *request, void *userdata)
{
    static const HttpHeader headers[] = {{"X-Test", "yes"}, {NULL, NULL}};
    Fixture *fixture = userdata;

    fixture->streams++;
    fixture->stream = http_request_stream(request, 200, "text/plain", headers, &callbacks, fixture);
    assert_non_null(fixture->stream);
}

static void on_brief(HttpRequest *request, void *userdata)
{
    on_stream(request, userdata);
    Fixture *fixture = userdata;

    assert_int_equal(http_stream_append(fixture->stream, "brief", 5), 0);
    http_stream_end(fixture->stream);
}

static void on_plain(HttpRequest *request, void *userdata)
{
    http_request_reply(request, 200, "text/plain", "plain", 5);
}

static const HttpRoute routes[] = {
    {"/stream", on_stream, false},
    {"/brief", on_brief, false},
    {"/plain", on_plain, false},
    {NULL, NULL, false},
};

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);

    fixture->directory = g_dir_make_tmp("stream-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->directory, "s.sock", NULL);
    ServerConfig config = {
        .is_unix = true, .section = "unix_http_server", .file = fixture->path, .chmod = 0700};
    assert_true(sd_event_new(&fixture->event) >= 0);
    assert_int_equal(http_new(fixture->event, NULL, routes, fixture, &fixture->http), 0);
    assert_int_equal(http_listen(fixture->http, &config, -1), 0);
    fixture->client = http_client_new(fixture->event, fixture->path);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;

    http_client_free(fixture->client);
    http_free(fixture->http);
    sd_event_unref(fixture->event);
    assert_int_equal(g_rmdir(fixture->directory), 0);
    g_free(fixture->path);
    g_free(fixture->directory);
    g_free(fixture);
    return 0;
}

static void ask(HttpClient *client, const char *path, const char *version)
{
    g_autofree char *text = g_strdup_printf("GET %s HTTP/%s\r\nHost: x\r\n\r\n", path, version);

    http_client_send(client, text, -1);
}

/* The head has come and nothing else is going on. */
static char *begin(Fixture *fixture, const char *version)
{
    ask(fixture->client, "/stream", version);
    char *head = http_client_receive_until(fixture->client, "\r\n\r\n");
    assert_false(http_client_has_answer(fixture->client, 20));
    assert_non_null(fixture->stream);
    return head;
}

static void append(Fixture *fixture, const char *text)
{
    assert_int_equal(http_stream_append(fixture->stream, text, strlen(text)), 0);
}

static void expect(HttpClient *client, const char *text)
{
    g_autofree char *received = http_client_receive_until(client, text);

    assert_string_equal(received, text);
}

static void run_until(Fixture *fixture, const unsigned *count, unsigned wanted)
{
    gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;

    while (*count < wanted && g_get_monotonic_time() < deadline)
        assert_true(sd_event_run(fixture->event, 1000) >= 0);
    assert_int_equal(*count, wanted);
}

static void sends_pieces_as_chunks(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *head = begin(fixture, "1.1");

    assert_non_null(strstr(head, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(head, "Transfer-Encoding: chunked\r\n"));
    assert_non_null(strstr(head, "Content-Type: text/plain\r\n"));
    assert_non_null(strstr(head, "X-Test: yes\r\n"));
    assert_null(strstr(head, "Content-Length"));
    append(fixture, "one");
    expect(fixture->client, "3\r\none\r\n");
    append(fixture, "two");
    append(fixture, " and three");
    expect(fixture->client, "D\r\ntwo and three\r\n");
    assert_false(http_client_has_answer(fixture->client, 20));
    append(fixture, "last");
    http_stream_end(fixture->stream);
    expect(fixture->client, "4\r\nlast\r\n0\r\n\r\n");
    assert_int_equal(fixture->abandoned, 0);
}

static void the_connection_goes_on_after_the_end(void **state)
{
    Fixture *fixture = *state;

    for (int i = 0; i < 2; i++) {
        ask(fixture->client, "/brief", "1.1");
        g_free(http_client_receive_until(fixture->client, "\r\n\r\n"));
        expect(fixture->client, "5\r\nbrief\r\n0\r\n\r\n");
    }
    ask(fixture->client, "/plain", "1.1");
    g_auto(HttpAnswer) answer = http_client_receive(fixture->client);
    assert_string_equal(answer.body, "plain");
    assert_int_equal(fixture->abandoned, 0);
}

static void http_1_0_ends_with_the_connection(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *head = begin(fixture, "1.0");

    assert_null(strstr(head, "Transfer-Encoding"));
    append(fixture, "plain bytes");
    expect(fixture->client, "plain bytes");
    append(fixture, "the end");
    http_stream_end(fixture->stream);
    g_autofree char *rest = http_client_receive_all(fixture->client);
    assert_string_equal(rest, "the end");
}

static void takes_no_more_than_its_limit(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *big = g_strnfill(HTTP_STREAM_LIMIT + 1, 'x');
    g_free(begin(fixture, "1.0"));

    assert_int_equal(http_stream_append(fixture->stream, big, HTTP_STREAM_LIMIT + 1), -ENOBUFS);
    assert_int_equal(http_stream_room(fixture->stream), HTTP_STREAM_LIMIT);
    assert_int_equal(http_stream_append(fixture->stream, big, HTTP_STREAM_LIMIT), 0);
    assert_int_equal(http_stream_room(fixture->stream), 0);
    assert_int_equal(http_stream_append(fixture->stream, "x", 1), -ENOBUFS);
    unsigned drained = fixture->drained;
    g_free(http_client_receive_until(fixture->client, big + 1));
    run_until(fixture, &fixture->drained, drained + 1);
    assert_int_equal(http_stream_room(fixture->stream), HTTP_STREAM_LIMIT);
}

/* Only as much is asked for as the socket takes: a few hundred kilobytes, however long it lasts. */
static void a_client_that_reads_nothing_stops_the_flood(void **state)
{
    Fixture *fixture = *state;

    fixture->flood = HTTP_STREAM_LIMIT;
    ask(fixture->client, "/stream", "1.1");
    g_autoptr(HttpClient) other = http_client_new(fixture->event, fixture->path);
    size_t before;
    do {
        before = fixture->produced;
        for (int i = 0; i < 20; i++) {
            ask(other, "/plain", "1.1");
            g_auto(HttpAnswer) answer = http_client_receive(other);
            assert_string_equal(answer.body, "plain");
        }
    } while (fixture->produced != before);
    assert_true(fixture->produced > 0);
    assert_true(fixture->produced < 4 << 20);
    /* And goes on when it reads again. */
    g_autofree char *big = g_strnfill(2000, 'x');
    while (fixture->produced < before + (1 << 20)) {
        g_free(http_client_receive_until(fixture->client, big));
    }
    /* What is in its way when it leaves hides nothing. */
    g_clear_pointer(&fixture->client, http_client_free);
    run_until(fixture, &fixture->abandoned, 1);
}

static void endless_bytes_leave_room_for_others(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) other = http_client_new(fixture->event, fixture->path);

    fixture->flood = 1000;
    ask(fixture->client, "/stream", "1.1");
    for (int i = 0; i < 50; i++) {
        ask(other, "/plain", "1.1");
        g_free(http_client_receive_until(fixture->client, "xxx"));
        g_auto(HttpAnswer) answer = http_client_receive(other);
        assert_string_equal(answer.body, "plain");
    }
}

static void notices_a_client_that_leaves(void **state)
{
    Fixture *fixture = *state;

    for (unsigned i = 0; i < 3; i++) {
        HttpClient *leaving = http_client_new(fixture->event, fixture->path);
        ask(leaving, "/stream", "1.1");
        g_free(http_client_receive_until(leaving, "\r\n\r\n"));
        if (i == 1)
            append(fixture, "on the way");
        if (i == 2)
            http_client_shut_down(leaving);
        else
            g_clear_pointer(&leaving, http_client_free);
        run_until(fixture, &fixture->abandoned, i + 1);
        http_client_free(leaving);
    }
    ask(fixture->client, "/plain", "1.1");
    g_auto(HttpAnswer) answer = http_client_receive(fixture->client);
    assert_string_equal(answer.body, "plain");
}

static void head_gets_no_body(void **state)
{
    Fixture *fixture = *state;

    http_client_send(fixture->client, "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n", -1);
    g_free(http_client_receive_until(fixture->client, "\r\n\r\n"));
    run_until(fixture, &fixture->abandoned, 1);
    assert_int_equal(fixture->drained, 0);
}

static void many_at_once(void **state)
{
    enum { CROWD = 100 };
    Fixture *fixture = *state;
    HttpClient *clients[CROWD];
    HttpStream *streams[CROWD];

    for (unsigned i = 0; i < CROWD; i++) {
        clients[i] = http_client_new(fixture->event, fixture->path);
        ask(clients[i], "/stream", "1.1");
        g_free(http_client_receive_until(clients[i], "\r\n\r\n"));
        streams[i] = fixture->stream;
    }
    for (unsigned i = 0; i < CROWD; i++) {
        g_autofree char *text = g_strdup_printf("%04u", i);
        assert_int_equal(http_stream_append(streams[i], text, 4), 0);
    }
    for (unsigned i = 0; i < CROWD; i++) {
        g_autofree char *text = g_strdup_printf("4\r\n%04u\r\n", i);
        expect(clients[i], text);
    }
    for (unsigned i = 0; i < CROWD; i += 2)
        http_stream_end(streams[i]);
    for (unsigned i = 0; i < CROWD; i += 2)
        expect(clients[i], "0\r\n\r\n");
    for (unsigned i = 0; i < CROWD; i++)
        http_client_free(clients[i]);
    run_until(fixture, &fixture->abandoned, CROWD / 2);
}

static void the_end_of_the_server_ends_them_properly(void **state)
{
    Fixture *fixture = *state;
    g_free(begin(fixture, "1.1"));
    g_autoptr(HttpClient) stuck = http_client_new(fixture->event, fixture->path);

    HttpStream *first = fixture->stream;
    fixture->flood = HTTP_STREAM_LIMIT;
    ask(stuck, "/stream", "1.1");
    run_until(fixture, &fixture->streams, 2);
    while (sd_event_run(fixture->event, 1000) > 0)
        ;
    assert_int_equal(http_stream_append(first, "last words", 10), 0);
    gint64 began = g_get_monotonic_time();
    g_clear_pointer(&fixture->http, http_free);
    assert_true(g_get_monotonic_time() - began < 2 * G_USEC_PER_SEC);
    assert_int_equal(fixture->abandoned, 2);
    g_autofree char *rest = http_client_receive_all(fixture->client);
    assert_string_equal(rest, "A\r\nlast words\r\n0\r\n\r\n");
}

static void raise_limit(void)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = MIN(limit.rlim_max, 4096);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(sends_pieces_as_chunks),
        TEST(the_connection_goes_on_after_the_end),
        TEST(http_1_0_ends_with_the_connection),
        TEST(takes_no_more_than_its_limit),
        TEST(a_client_that_reads_nothing_stops_the_flood),
        TEST(endless_bytes_leave_room_for_others),
        TEST(notices_a_client_that_leaves),
        TEST(head_gets_no_body),
        TEST(many_at_once),
        TEST(the_end_of_the_server_ends_them_properly),
    };

    raise_limit();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
