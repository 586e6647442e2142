#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "bridge/auth.h"
#include "bridge/base64.h"
#include "bridge/http.h"
#include "tests/unit/http-client.h"

typedef struct Fixture {
    char *directory;
    char *path;
    sd_event *event;
    Http *http;
    ServerConfig config;
    HttpRequest *waiting; /* /wait: answered by the test */
    unsigned requests;
    unsigned abandoned;
    char *seen; /* method, path, query and body of the last request */
} Fixture;

static void on_echo(HttpRequest *request, void *userdata)
{
    Fixture *fixture = userdata;
    size_t size;
    const char *body = http_request_body(request, &size);
    const char *query = http_request_query(request, "q");

    fixture->requests++;
    g_free(fixture->seen);
    fixture->seen = g_strdup_printf("%s %s %s %s", http_request_method(request), http_request_path(request),
                                    query ? query : "-", body);
    assert_int_equal(strlen(body), size);
    http_request_reply(request, 200, "text/plain", body, size);
}

static void on_deep(HttpRequest *request, void *userdata)
{
    http_request_reply(request, 200, "text/plain", "deep", 4);
}

static void on_abandoned(void *userdata)
{
    Fixture *fixture = userdata;

    fixture->abandoned++;
    fixture->waiting = NULL;
}

static void on_wait(HttpRequest *request, void *userdata)
{
    Fixture *fixture = userdata;

    fixture->requests++;
    fixture->waiting = request;
    http_request_on_abandon(request, on_abandoned, fixture);
}

static const HttpRoute routes[] = {
    {"/echo", on_echo, true},
    {"/echo/deep", on_deep, true},
    {"/wait", on_wait, true},
    {NULL, NULL, false},
};

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);

    fixture->directory = g_dir_make_tmp("http-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->directory, "s.sock", NULL);
    assert_true(sd_event_new(&fixture->event) >= 0);
    assert_int_equal(http_new(fixture->event, NULL, routes, fixture, &fixture->http), 0);
    fixture->config =
        (ServerConfig){.is_unix = true, .section = "unix_http_server", .file = fixture->path, .chmod = 0700};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;

    http_free(fixture->http);
    sd_event_unref(fixture->event);
    /* Nothing of ours is left in the directory. */
    assert_int_equal(g_access(fixture->path, F_OK), -1);
    assert_int_equal(g_rmdir(fixture->directory), 0);
    g_free(fixture->seen);
    g_free(fixture->path);
    g_free(fixture->directory);
    g_free(fixture);
    return 0;
}

static HttpClient *listen_and_connect(Fixture *fixture)
{
    assert_int_equal(http_listen(fixture->http, &fixture->config, -1), 0);
    return http_client_new(fixture->event, fixture->path);
}

static HttpAnswer ask(HttpClient *client, const char *request)
{
    http_client_send(client, request, -1);
    return http_client_receive(client);
}

static void assert_error_page(const HttpAnswer *answer, int status, const char *message)
{
    g_autofree char *page =
        g_strdup_printf("<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n"
                        "<h1>Error response</h1>\r\n<p>Error code %d.\r\n<p>Message: %s.\r\n</body>\r\n",
                        status, message);
    assert_int_equal(answer->status, status);
    assert_string_equal(answer->body, page);
    assert_non_null(strstr(answer->head, "Content-Type: text/html\r\n"));
}

static void answers_and_keeps_the_connection(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) client = listen_and_connect(fixture);

    for (int i = 0; i < 3; i++) {
        g_auto(HttpAnswer) answer =
            ask(client, "POST /echo%20x?q=1%262 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, "hello");
        assert_non_null(strstr(answer.head, "Content-Type: text/plain\r\n"));
        assert_non_null(strstr(answer.head, "Content-Length: 5\r\n"));
        assert_false(answer.closed);
        assert_string_equal(fixture->seen, "POST /echo x 1&2 hello");
    }
}

static void closes_after_http_1_0(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) client = listen_and_connect(fixture);
    g_auto(HttpAnswer) answer = ask(client, "GET /echo HTTP/1.0\r\n\r\n");

    assert_int_equal(answer.status, 200);
    http_client_expect_close(client);
}

static void keeps_http_1_0_when_asked(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) client = listen_and_connect(fixture);

    for (int i = 0; i < 2; i++) {
        g_auto(HttpAnswer) answer = ask(client, "GET /echo HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        assert_int_equal(answer.status, 200);
        assert_non_null(strcasestr(answer.head, "Connection: Keep-Alive"));
    }
}

static void takes_the_longest_route(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) client = listen_and_connect(fixture);
    g_auto(HttpAnswer) answer = ask(client, "GET /echo/deeper HTTP/1.1\r\nHost: x\r\n\r\n");

    assert_string_equal(answer.body, "deep");
}

static void refuses_unknown_paths(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) client = listen_and_connect(fixture);
    g_auto(HttpAnswer) get = ask(client, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n");
    g_auto(HttpAnswer) post = ask(client, "POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");

    assert_error_page(&get, 404, "Not Found");
    assert_error_page(&post, 400, "Bad Request");
}

static void demands_a_length(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) client = listen_and_connect(fixture);
    g_auto(HttpAnswer) none = ask(client, "POST /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    g_autoptr(HttpClient) other = http_client_new(fixture->event, fixture->path);
    g_auto(HttpAnswer) chunked =
        ask(other, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");

    assert_error_page(&none, 411, "Length Required");
    assert_error_page(&chunked, 411, "Length Required");
    assert_int_equal(fixture->requests, 0);
}

static void answers_garbage_with_400(void **state)
{
    static const char *const garbage[] = {
        "GARBAGE\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    };
    Fixture *fixture = *state;

    g_autoptr(HttpClient) first = listen_and_connect(fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(garbage); i++) {
        g_autoptr(HttpClient) client = http_client_new(fixture->event, fixture->path);
        g_auto(HttpAnswer) answer = ask(client, garbage[i]);
        assert_true(answer.status == 400 || (answer.status == 0 && answer.closed));
    }
    g_auto(HttpAnswer) answer = ask(first, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(answer.status, 200);
    assert_int_equal(fixture->requests, 1);
}

static void takes_a_request_byte_by_byte(void **state)
{
    static const char request[] = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    Fixture *fixture = *state;
    g_autoptr(HttpClient) client = listen_and_connect(fixture);

    for (size_t i = 0; i < strlen(request); i++)
        http_client_send(client, request + i, 1);
    g_auto(HttpAnswer) answer = http_client_receive(client);
    assert_string_equal(answer.body, "abc");
}

static void takes_a_big_body_and_refuses_a_bigger_one(void **state)
{
    enum { LIMIT = 8 << 20 };
    Fixture *fixture = *state;
    g_autoptr(HttpClient) client = listen_and_connect(fixture);
    g_autofree char *big = g_malloc(LIMIT);
    g_autofree char *head =
        g_strdup_printf("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", LIMIT);

    memset(big, 'x', LIMIT);
    http_client_send(client, head, -1);
    http_client_send(client, big, LIMIT);
    g_auto(HttpAnswer) answer = http_client_receive(client);
    assert_int_equal(answer.status, 200);
    assert_int_equal(strlen(answer.body), LIMIT);
    g_auto(HttpAnswer) refused =
        ask(client, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 8388609\r\n\r\n");
    assert_error_page(&refused, 413, "Request Entity Too Large");
    assert_int_equal(fixture->requests, 1);
}

static void refuses_endless_headers(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) client = listen_and_connect(fixture);
    g_autofree char *header = g_strnfill(64 << 10, 'a');

    http_client_send(client, "GET /echo HTTP/1.1\r\nHost: x\r\nX: ", -1);
    http_client_send(client, header, -1);
    g_auto(HttpAnswer) answer = http_client_receive(client);
    assert_true(answer.status == 431 || (answer.status == 0 && answer.closed));
    assert_int_equal(fixture->requests, 0);
}

static void answers_pipelined_requests_in_order(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) client = listen_and_connect(fixture);

    http_client_send(client,
                     "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"
                     "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"
                     "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n3",
                     -1);
    g_auto(HttpAnswer) one = http_client_receive(client);
    assert_string_equal(one.body, "1");
    while (!fixture->waiting)
        assert_true(sd_event_run(fixture->event, 1000) >= 0);
    assert_false(http_client_has_answer(client, 30));
    http_request_reply(fixture->waiting, 200, "text/plain", "2", 1);
    g_auto(HttpAnswer) two = http_client_receive(client);
    g_auto(HttpAnswer) three = http_client_receive(client);
    assert_string_equal(two.body, "2");
    assert_string_equal(three.body, "3");
}

static void a_waiting_request_holds_up_nobody(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) waiting = listen_and_connect(fixture);
    g_autoptr(HttpClient) other = http_client_new(fixture->event, fixture->path);

    http_client_send(waiting, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", -1);
    assert_false(http_client_has_answer(waiting, 10));
    assert_non_null(fixture->waiting);
    for (int i = 0; i < 50; i++) {
        g_auto(HttpAnswer) answer = ask(other, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(answer.status, 200);
    }
    http_request_reply_error(fixture->waiting, 500);
    g_auto(HttpAnswer) late = http_client_receive(waiting);
    assert_error_page(&late, 500, "Internal Server Error");
    assert_int_equal(fixture->abandoned, 0);
}

static void notices_a_client_that_leaves(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) client = listen_and_connect(fixture);

    for (int i = 0; i < 2; i++) {
        HttpClient *leaving = http_client_new(fixture->event, fixture->path);
        http_client_send(leaving, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", -1);
        assert_false(http_client_has_answer(leaving, 5));
        if (i == 0)
            http_client_shut_down(leaving);
        else
            g_clear_pointer(&leaving, http_client_free);
        gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
        while (fixture->abandoned <= (unsigned)i && g_get_monotonic_time() < deadline)
            assert_true(sd_event_run(fixture->event, 1000) >= 0);
        assert_int_equal(fixture->abandoned, i + 1);
        http_client_free(leaving);
    }
    g_auto(HttpAnswer) answer = ask(client, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(answer.status, 200);
}

static void crowds_wait_and_leave(void **state)
{
    enum { CROWD = 400 };
    Fixture *fixture = *state;
    g_autoptr(HttpClient) other = listen_and_connect(fixture);
    HttpClient *clients[CROWD];

    for (int i = 0; i < CROWD; i++) {
        clients[i] = http_client_new(fixture->event, fixture->path);
        http_client_send(clients[i], "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", -1);
    }
    g_auto(HttpAnswer) meanwhile = ask(other, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(meanwhile.status, 200);
    while (fixture->requests < CROWD + 1)
        assert_true(sd_event_run(fixture->event, 20 * G_USEC_PER_SEC) > 0);
    for (int i = 0; i < CROWD; i++)
        http_client_free(clients[i]);
    gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    while (fixture->abandoned < CROWD && g_get_monotonic_time() < deadline)
        assert_true(sd_event_run(fixture->event, 1000) >= 0);
    assert_int_equal(fixture->abandoned, CROWD);
    g_auto(HttpAnswer) later = ask(other, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(later.status, 200);
}

/* More connections than there may be: the first ones go on, later ones wait for room. */
static void connections_beyond_the_limit_wait(void **state)
{
    enum { LIMIT = 1024, MORE = 20 };
    Fixture *fixture = *state;
    g_autoptr(HttpClient) first = listen_and_connect(fixture);
    HttpClient *clients[LIMIT + MORE];

    for (int i = 0; i < LIMIT + MORE; i++) {
        clients[i] = http_client_new(fixture->event, fixture->path);
        http_client_send(clients[i], "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", -1);
    }
    for (int i = 0; i < LIMIT - 1; i++) {
        g_auto(HttpAnswer) answer = http_client_receive(clients[i]);
        assert_int_equal(answer.status, 200);
    }
    assert_false(http_client_has_answer(clients[LIMIT - 1], 20));
    g_auto(HttpAnswer) answer = ask(first, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(answer.status, 200);
    for (int i = 0; i < LIMIT - 1; i++)
        http_client_free(clients[i]);
    for (int i = LIMIT - 1; i < LIMIT + MORE; i++) {
        g_auto(HttpAnswer) late = http_client_receive(clients[i]);
        assert_int_equal(late.status, 200);
        http_client_free(clients[i]);
    }
}

/* Accepted, and nothing else yet. */
static void ends_with_a_connection_just_taken(void **state)
{
    Fixture *fixture = *state;

    assert_int_equal(http_listen(fixture->http, &fixture->config, -1), 0);
    while (sd_event_run(fixture->event, 0) > 0)
        ;
    g_autoptr(HttpClient) client = http_client_new(fixture->event, fixture->path);
    assert_true(sd_event_run(fixture->event, 0) > 0);
    g_clear_pointer(&fixture->http, http_free);
    http_client_expect_close(client);
}

static void ends_with_requests_waiting(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) client = listen_and_connect(fixture);

    http_client_send(client, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", -1);
    assert_false(http_client_has_answer(client, 5));
    assert_non_null(fixture->waiting);
    g_clear_pointer(&fixture->http, http_free);
    assert_int_equal(fixture->abandoned, 1);
    http_client_expect_close(client);
}

static void sends_the_last_answers(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) client = listen_and_connect(fixture);

    http_client_send(client, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", -1);
    assert_false(http_client_has_answer(client, 5));
    http_request_reply(fixture->waiting, 200, "text/plain", "last", 4);
    g_clear_pointer(&fixture->http, http_free);
    g_auto(HttpAnswer) answer = http_client_receive(client);
    assert_string_equal(answer.body, "last");
    assert_int_equal(fixture->abandoned, 0);
}

static HttpAnswer ask_with(Fixture *fixture, const char *path, const char *authorization)
{
    g_autoptr(HttpClient) client = http_client_new(fixture->event, fixture->path);
    g_autofree char *request =
        g_strdup_printf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n%s%s%s\r\nx", path,
                        authorization ? "Authorization: " : "", authorization ? authorization : "",
                        authorization ? "\r\n" : "");

    return ask(client, request);
}

static void asks_for_the_password(void **state)
{
    static const struct {
        const char *path;
        const char *authorization;
        int status;
    } cases[] = {
        {"/echo", NULL, 401},
        {"/none", NULL, 401},
        {"/echo", "Basic dTpzZWNyZXQ=", 200},
        {"/echo", "bAsIc dTpzZWNyZXQ=", 200},
        {"/none", "Basic dTpzZWNyZXQ=", 400},
        {"/echo", "Basic dTpzZWNyZXR4", 401},
        {"/echo", "Basic eDpzZWNyZXQ=", 401},
        {"/echo", "Digest x", 401},
        {"/echo", "Basic dTpzZWN", 400},
        {"/echo", "Basic YWJj", 500},
        {"/echo", "Basic", 401},
    };
    Fixture *fixture = *state;

    fixture->config.username = "u";
    fixture->config.password = "secret";
    assert_int_equal(http_listen(fixture->http, &fixture->config, -1), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(HttpAnswer) answer = ask_with(fixture, cases[i].path, cases[i].authorization);
        assert_int_equal(answer.status, cases[i].status);
    }
    g_auto(HttpAnswer) denied = ask_with(fixture, "/echo", NULL);
    assert_error_page(&denied, 401, "Unauthorized");
    assert_non_null(strstr(denied.head, "WWW-Authenticate: Basic realm=\"default\"\r\n"));
    assert_non_null(strcasestr(denied.head, "Connection: close\r\n"));
}

static void hears_the_refused_to_the_end(void **state)
{
    Fixture *fixture = *state;

    fixture->config.username = "u";
    fixture->config.password = "secret";
    assert_int_equal(http_listen(fixture->http, &fixture->config, -1), 0);
    g_autoptr(HttpClient) client = http_client_new(fixture->event, fixture->path);

    http_client_send(client, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", -1);
    assert_false(http_client_has_answer(client, 50));
    http_client_send(client, "he", -1);
    assert_false(http_client_has_answer(client, 50));
    http_client_send(client, "llo", -1);
    g_auto(HttpAnswer) late = http_client_receive(client);
    assert_error_page(&late, 401, "Unauthorized");
    g_autoptr(HttpClient) greedy = http_client_new(fixture->event, fixture->path);
    http_client_send(greedy, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", -1);
    g_auto(HttpAnswer) soon = http_client_receive(greedy);
    assert_error_page(&soon, 401, "Unauthorized");
}

static void knows_hashed_passwords(void **state)
{
    static const char sha[] = "{SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d"; /* thepassword */

    assert_int_equal(auth_check("u", sha, "Basic dTp0aGVwYXNzd29yZA=="), AUTH_GRANTED);
    assert_int_equal(auth_check("u", sha, "Basic dTpzZWNyZXQ="), AUTH_DENIED);
    assert_int_equal(auth_check("u", "a:b", "Basic dTphOmI="), AUTH_GRANTED);
    assert_int_equal(auth_check("u", "", "Basic dTo="), AUTH_GRANTED);
    assert_int_equal(auth_check("u", "x", "Basic //8="), AUTH_MALFORMED);
}

static void decodes_base64_as_python_does(void **state)
{
    static const struct {
        const char *text;
        const char *decoded; /* NULL: refused */
    } cases[] = {
        {"", ""},          {"!!!", ""},  {"YQ==", "a"}, {"YWI=", "ab"}, {"YWJj", "abc"}, {"Y W\nJj", "abc"},
        {"YQ==Yg==", "a"}, {"YQ", NULL}, {"YQ=", NULL}, {"Y", NULL},    {"Y===", NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t size = 0;
        g_autofree char *decoded = base64_decode(cases[i].text, &size);
        if (!cases[i].decoded) {
            assert_null(decoded);
            continue;
        }
        assert_string_equal(decoded, cases[i].decoded);
        assert_int_equal(size, strlen(decoded));
    }
}

/* --- sockets --- */

static int bound_socket(const char *path, bool listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    if (listening)
        assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void gives_the_socket_its_mode(void **state)
{
    Fixture *fixture = *state;
    struct stat status;

    fixture->config.chmod = 0640;
    fixture->config.has_chown = true;
    fixture->config.uid = getuid();
    fixture->config.gid = (gid_t)-1;
    assert_int_equal(http_listen(fixture->http, &fixture->config, -1), 0);
    assert_int_equal(lstat(fixture->path, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0640);
}

static void replaces_a_stale_socket(void **state)
{
    Fixture *fixture = *state;

    close(bound_socket(fixture->path, false));
    g_autoptr(HttpClient) client = listen_and_connect(fixture);
    g_auto(HttpAnswer) answer = ask(client, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(answer.status, 200);
}

static void leaves_a_socket_that_answers(void **state)
{
    Fixture *fixture = *state;
    int fd = bound_socket(fixture->path, true);

    assert_int_equal(http_listen(fixture->http, &fixture->config, -1), -EADDRINUSE);
    close(fd);
    assert_int_equal(unlink(fixture->path), 0);
}

static void leaves_a_file_that_is_no_socket(void **state)
{
    Fixture *fixture = *state;

    assert_true(g_file_set_contents(fixture->path, "precious", -1, NULL));
    assert_int_equal(http_listen(fixture->http, &fixture->config, -1), -EEXIST);
    assert_int_equal(g_access(fixture->path, F_OK), 0);
    assert_int_equal(unlink(fixture->path), 0);
}

static void keeps_the_file_of_somebody_else(void **state)
{
    Fixture *fixture = *state;

    assert_int_equal(http_listen(fixture->http, &fixture->config, -1), 0);
    assert_int_equal(unlink(fixture->path), 0);
    int fd = bound_socket(fixture->path, true);
    g_clear_pointer(&fixture->http, http_free);
    assert_int_equal(g_access(fixture->path, F_OK), 0);
    close(fd);
    assert_int_equal(unlink(fixture->path), 0);
}

static void refuses_a_long_path(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *name = g_strnfill(120, 'n');
    g_autofree char *path = g_build_filename(fixture->directory, name, NULL);

    fixture->config.file = path;
    assert_int_equal(http_listen(fixture->http, &fixture->config, -1), -ENAMETOOLONG);
}

static void takes_over_a_socket(void **state)
{
    Fixture *fixture = *state;
    int fd = bound_socket(fixture->path, true);

    assert_int_equal(http_listen(fixture->http, &fixture->config, fd), 0);
    g_autoptr(HttpClient) client = http_client_new(fixture->event, fixture->path);
    g_auto(HttpAnswer) answer = ask(client, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(answer.status, 200);
    g_clear_pointer(&fixture->http, http_free);
    assert_int_equal(unlink(fixture->path), 0); /* it was systemd's */
}

static void listens_on_inet(void **state)
{
    Fixture *fixture = *state;
    ServerConfig config = {.section = "inet_http_server", .host = "127.0.0.1"};
    int blocker = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    assert_int_equal(bind(blocker, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(blocker, 1), 0);
    assert_int_equal(getsockname(blocker, (struct sockaddr *)&address, &size), 0);
    config.port = ntohs(address.sin_port);
    assert_int_equal(http_listen(fixture->http, &config, -1), -EADDRINUSE);
    close(blocker);
    assert_int_equal(http_listen(fixture->http, &config, -1), 0);

    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
    close(fd);
    config.host = "no.such.host.invalid";
    assert_true(http_listen(fixture->http, &config, -1) < 0);
}

/* Each descriptor counts twice here: both ends are in this process. */
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
        TEST(answers_and_keeps_the_connection),
        TEST(closes_after_http_1_0),
        TEST(keeps_http_1_0_when_asked),
        TEST(takes_the_longest_route),
        TEST(refuses_unknown_paths),
        TEST(demands_a_length),
        TEST(answers_garbage_with_400),
        TEST(takes_a_request_byte_by_byte),
        TEST(takes_a_big_body_and_refuses_a_bigger_one),
        TEST(refuses_endless_headers),
        TEST(answers_pipelined_requests_in_order),
        TEST(a_waiting_request_holds_up_nobody),
        TEST(notices_a_client_that_leaves),
        TEST(crowds_wait_and_leave),
        TEST(connections_beyond_the_limit_wait),
        TEST(ends_with_a_connection_just_taken),
        TEST(ends_with_requests_waiting),
        TEST(sends_the_last_answers),
        TEST(asks_for_the_password),
        TEST(gives_the_socket_its_mode),
        TEST(replaces_a_stale_socket),
        TEST(leaves_a_socket_that_answers),
        TEST(leaves_a_file_that_is_no_socket),
        TEST(keeps_the_file_of_somebody_else),
        TEST(refuses_a_long_path),
        TEST(takes_over_a_socket),
        TEST(listens_on_inet),
        TEST(hears_the_refused_to_the_end),
        cmocka_unit_test(knows_hashed_passwords),
        cmocka_unit_test(decodes_base64_as_python_does),
    };

    raise_limit();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
