#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "bridge/logtail.h"
#include "tests/unit/rpc-fixture.h"

/* HTTP/1.0 in most tests: what is received is what is in the file. */

static void on_logtail(HttpRequest *request, void *userdata)
{
    logtail_handle_process(((Fixture *)userdata)->manager, request);
}

static void on_mainlogtail(HttpRequest *request, void *userdata)
{
    logtail_handle_main(((Fixture *)userdata)->manager, request);
}

static const HttpRoute routes[] = {
    {"/logtail", on_logtail, false}, {"/mainlogtail", on_mainlogtail, false}, {NULL, NULL, false}};

static int set_up(void **state)
{
    if (rpc_fixture_set_up(state) != 0)
        return -1;
    Fixture *fixture = *state;
    ServerConfig server = {
        .is_unix = true, .section = "unix_http_server", .file = fixture->socket, .chmod = 0700};

    g_clear_pointer(&fixture->client, http_client_free);
    g_clear_pointer(&fixture->http, http_free);
    assert_int_equal(http_new(fixture->event, NULL, routes, fixture, &fixture->http), 0);
    assert_int_equal(http_listen(fixture->http, &server, -1), 0);
    fixture->client = http_client_new(fixture->event, fixture->socket);
    return 0;
}

static void write_log(const Fixture *fixture, int flags, const char *text)
{
    int fd = open(fixture->log_path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

static void ask(HttpClient *client, const char *method, const char *path)
{
    g_autofree char *text = g_strdup_printf("%s %s HTTP/1.0\r\nHost: x\r\n\r\n", method, path);

    http_client_send(client, text, -1);
}

static char *follow(Fixture *fixture, const char *path)
{
    ask(fixture->client, "GET", path);
    char *head = http_client_receive_until(fixture->client, "\r\n\r\n");
    assert_true(g_str_has_prefix(head, "HTTP/1.1 200 ") || g_str_has_prefix(head, "HTTP/1.0 200 "));
    return head;
}

static void expect(HttpClient *client, const char *text)
{
    g_autofree char *received = http_client_receive_until(client, text);

    assert_string_equal(received, text);
}

static void assert_status(Fixture *fixture, const char *method, const char *path, int status)
{
    g_autoptr(HttpClient) client = http_client_new(fixture->event, fixture->socket);

    ask(client, method, path);
    g_auto(HttpAnswer) answer = http_client_receive(client);
    if (answer.status != status)
        fail_msg("%s %s: %d instead of %d", method, path, answer.status, status);
}

static void begins_with_the_last_kilobyte(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *first = g_strnfill(3000, 'a');
    g_autofree char *last = g_strnfill(1024, 'b');

    write_log(fixture, 0, first);
    write_log(fixture, O_APPEND, last);
    g_autofree char *head = follow(fixture, "/logtail/web");
    expect(fixture->client, last);
    assert_non_null(strstr(head, "Content-Type: text/plain;charset=utf-8\r\n"));
    assert_non_null(strstr(head, "X-Accel-Buffering: no\r\n"));
    assert_non_null(strstr(head, "\r\nLast-Modified: "));
    assert_non_null(strstr(head, " GMT\r\n"));
}

static void tells_when_it_was_modified(void **state)
{
    Fixture *fixture = *state;
    const struct timespec times[] = {{.tv_sec = 784111777}, {.tv_sec = 784111777}};

    write_log(fixture, 0, "text");
    assert_int_equal(utimensat(AT_FDCWD, fixture->log_path, times, 0), 0);
    g_autofree char *head = follow(fixture, "/logtail/web");
    assert_non_null(strstr(head, "\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
}

static void follows_growth(void **state)
{
    Fixture *fixture = *state;

    write_log(fixture, 0, "");
    g_free(follow(fixture, "/logtail/web/stdout"));
    for (int i = 0; i < 20; i++) {
        g_autofree char *line = g_strdup_printf("line %d\n", i);
        write_log(fixture, O_APPEND, line);
        expect(fixture->client, line);
    }
    g_autofree char *big = g_strnfill(300000, 'x');
    write_log(fixture, O_APPEND, big);
    expect(fixture->client, big);
}

static void tells_truncation(void **state)
{
    Fixture *fixture = *state;

    write_log(fixture, 0, "old text\n");
    g_free(follow(fixture, "/logtail/web"));
    expect(fixture->client, "old text\n");
    write_log(fixture, O_TRUNC, "new\n");
    expect(fixture->client, "==> File truncated <==\nnew\n");
}

static void follows_the_name_after_a_rotation(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *old = g_strconcat(fixture->log_path, ".1", NULL);

    write_log(fixture, 0, "first\n");
    g_free(follow(fixture, "/logtail/web"));
    expect(fixture->client, "first\n");
    /* What comes in just before it is not lost. */
    write_log(fixture, O_APPEND, "second\n");
    assert_int_equal(g_rename(fixture->log_path, old), 0);
    write_log(fixture, O_EXCL, "third\n");
    expect(fixture->client, "second\nthird\n");
    /* A gap without any file. */
    assert_int_equal(g_unlink(fixture->log_path), 0);
    assert_false(http_client_has_answer(fixture->client, 250));
    write_log(fixture, O_EXCL, "fourth\n");
    expect(fixture->client, "fourth\n");
    assert_int_equal(g_unlink(old), 0);
}

static void follows_a_link_that_is_turned(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *one = g_build_filename(fixture->directory, "one", NULL);
    g_autofree char *two = g_build_filename(fixture->directory, "two", NULL);
    g_autofree char *link = g_build_filename(fixture->directory, "link", NULL);

    assert_true(g_file_set_contents(one, "one\n", -1, NULL));
    assert_true(g_file_set_contents(two, "two\n", -1, NULL));
    assert_int_equal(symlink("one", fixture->log_path), 0);
    g_free(follow(fixture, "/logtail/web"));
    expect(fixture->client, "one\n");
    assert_int_equal(symlink("two", link), 0);
    assert_int_equal(g_rename(link, fixture->log_path), 0);
    expect(fixture->client, "two\n");
    g_unlink(one);
    g_unlink(two);
}

static void a_device_is_empty(void **state)
{
    Fixture *fixture = *state;

    fixture->web->logfile[STREAM_STDERR] = "/dev/zero";
    g_free(follow(fixture, "/logtail/web/stderr"));
    assert_false(http_client_has_answer(fixture->client, 50));
}

static void finds_names_as_the_oracle_does(void **state)
{
    Fixture *fixture = *state;

    write_log(fixture, 0, "");
    fixture->a->logfile[STREAM_STDOUT] = fixture->log_path;
    static const struct {
        const char *path;
        int status;
    } paths[] = {
        {"/logtail/web", 200},        {"/logtail/web:web", 200},
        {"/logtail/web%3Aweb", 200},  {"/logtail/%77eb/st%64out", 200},
        {"/logtail%2fweb", 200},      {"/logtailed/web", 200},
        {"/logtail/g:a", 200},        {"/logtail/g:a?x=1", 200},
        {"/logtail/a", 404},          {"/logtail/g:b", 404},
        {"/logtail/g:*", 404},        {"/logtail/g", 404},
        {"/logtail/none", 404},       {"/logtail/", 404},
        {"/logtail//web", 404},       {"/logtail/web/", 404},
        {"/logtail/web/stderr", 404}, {"/logtail/web/stdout/", 404},
        {"/logtail/web/stdin", 404},  {"/logtail", 500},
        {"/logtailing", 500},         {"/mainlogtail", 200},
        {"/mainlogtail/any", 200},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
        assert_status(fixture, "GET", paths[i].path, paths[i].status);
    assert_int_equal(g_unlink(fixture->log_path), 0);
    assert_status(fixture, "GET", "/logtail/web", 404);
}

static void refuses_other_methods(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS"};
    Fixture *fixture = *state;

    write_log(fixture, 0, "");
    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
        assert_status(fixture, methods[i], "/logtail/web", 400);
        assert_status(fixture, methods[i], "/mainlogtail", 400);
    }
    ask(fixture->client, "HEAD", "/logtail/web");
    g_autofree char *head = http_client_receive_until(fixture->client, "\r\n\r\n");
    assert_non_null(strstr(head, " 400 Bad Request\r\n"));
}

static void follows_the_main_log(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *head = follow(fixture, "/mainlogtail");

    assert_null(strstr(head, "X-Accel-Buffering"));
    main_log_write(fixture->log, LOG_LEVEL_INFO, "the message");
    g_free(http_client_receive_until(fixture->client, "INFO the message\n"));
}

static void ends_when_the_group_is_removed(void **state)
{
    Fixture *fixture = *state;

    write_log(fixture, 0, "text");
    g_free(follow(fixture, "/logtail/web"));
    expect(fixture->client, "text");
    fake_manager_remove(fixture->manager, "web");
    g_autofree char *rest = http_client_receive_all(fixture->client);
    assert_string_equal(rest, "");
}

static void forgets_clients_that_left(void **state)
{
    Fixture *fixture = *state;

    write_log(fixture, 0, "text");
    g_free(follow(fixture, "/logtail/web"));
    assert_int_equal(fake_instance_watch_count(fixture->web), 1);
    g_clear_pointer(&fixture->client, http_client_free);
    gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    while (fake_instance_watch_count(fixture->web) > 0 && g_get_monotonic_time() < deadline)
        assert_true(sd_event_run(fixture->event, 1000) >= 0);
    assert_int_equal(fake_instance_watch_count(fixture->web), 0);
}

/* A crowd of followers shuts nobody out, and leaves when told. */
static void followers_beyond_the_limit_are_refused(void **state)
{
    enum { LIMIT = 256 };
    Fixture *fixture = *state;
    HttpClient *clients[LIMIT];

    write_log(fixture, 0, "text");
    for (int i = 0; i < LIMIT; i++) {
        clients[i] = http_client_new(fixture->event, fixture->socket);
        ask(clients[i], "GET", "/logtail/web");
        g_free(http_client_receive_until(clients[i], "\r\n\r\ntext"));
    }
    assert_status(fixture, "GET", "/logtail/web", 503);
    assert_status(fixture, "GET", "/logtail/nobody", 404);
    write_log(fixture, O_APPEND, " and more");
    for (int i = 0; i < LIMIT; i++)
        expect(clients[i], " and more");
    for (int i = 0; i < LIMIT; i++)
        http_client_free(clients[i]);
    gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    while (fake_instance_watch_count(fixture->web) > 0 && g_get_monotonic_time() < deadline)
        assert_true(sd_event_run(fixture->event, 1000) >= 0);
    assert_status(fixture, "GET", "/logtail/web", 200);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, rpc_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(begins_with_the_last_kilobyte),
        TEST(tells_when_it_was_modified),
        TEST(follows_growth),
        TEST(tells_truncation),
        TEST(follows_the_name_after_a_rotation),
        TEST(follows_a_link_that_is_turned),
        TEST(a_device_is_empty),
        TEST(finds_names_as_the_oracle_does),
        TEST(refuses_other_methods),
        TEST(follows_the_main_log),
        TEST(ends_when_the_group_is_removed),
        TEST(forgets_clients_that_left),
        TEST(followers_beyond_the_limit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
