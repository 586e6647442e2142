#include "tests/unit/http-client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_USEC ((gint64)20 * 1000 * 1000)

struct HttpClient {
    sd_event *event;
    int fd;
    GString *input;
    bool closed;
};

HttpClient *http_client_new(sd_event *event, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    HttpClient *client = g_new0(HttpClient, 1);

    client->event = event;
    client->input = g_string_new(NULL);
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(client->fd >= 0);
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof address), 0);
    return client;
}

void http_client_free(HttpClient *client)
{
    if (!client)
        return;
    close(client->fd);
    g_string_free(client->input, TRUE);
    g_free(client);
}

static void turn(HttpClient *client)
{
    assert_true(sd_event_run(client->event, 2000) >= 0);
}

void http_client_send(HttpClient *client, const char *bytes, gssize size)
{
    size_t left = size < 0 ? strlen(bytes) : (size_t)size;
    gint64 deadline = g_get_monotonic_time() + DEADLINE_USEC;

    while (left > 0) {
        ssize_t n = send(client->fd, bytes, left, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return;
        if (n > 0) {
            bytes += n;
            left -= (size_t)n;
        }
        turn(client);
        assert_true(g_get_monotonic_time() < deadline);
    }
}

void http_client_shut_down(HttpClient *client)
{
    assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
}

/* Takes in what is there; never waits. */
static void take(HttpClient *client)
{
    char buffer[65536];

    while (!client->closed) {
        ssize_t n = recv(client->fd, buffer, sizeof buffer, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            client->closed = true;
        else
            g_string_append_len(client->input, buffer, n);
    }
}

void http_answer_clear(HttpAnswer *answer)
{
    g_clear_pointer(&answer->head, g_free);
    g_clear_pointer(&answer->body, g_free);
}

/* Cuts one whole answer off the input. */
static bool cut(HttpClient *client, HttpAnswer *ret)
{
    char *end = strstr(client->input->str, "\r\n\r\n");
    size_t size = 0;

    if (!end)
        return false;
    size_t head_size = (size_t)(end - client->input->str) + 4;
    g_autofree char *head = g_strndup(client->input->str, head_size);
    char *length = strcasestr(head, "\r\nContent-Length:");
    if (length)
        size = (size_t)g_ascii_strtoull(length + strlen("\r\nContent-Length:"), NULL, 10);
    if (client->input->len < head_size + size)
        return false;
    ret->status = (int)g_ascii_strtoull(head + strlen("HTTP/1.1 "), NULL, 10);
    ret->head = g_steal_pointer(&head);
    ret->body = g_strndup(client->input->str + head_size, size);
    g_string_erase(client->input, 0, (gssize)(head_size + size));
    return true;
}

HttpAnswer http_client_receive(HttpClient *client)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_USEC;
    HttpAnswer answer = {0};

    for (;;) {
        take(client);
        if (cut(client, &answer) || client->closed)
            break;
        turn(client);
        assert_true(g_get_monotonic_time() < deadline);
    }
    answer.closed = client->closed;
    return answer;
}

char *http_client_receive_until(HttpClient *client, const char *text)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_USEC;
    char *found;

    for (;;) {
        take(client);
        found = memmem(client->input->str, client->input->len, text, strlen(text));
        if (found)
            break;
        assert_false(client->closed);
        turn(client);
        assert_true(g_get_monotonic_time() < deadline);
    }
    gssize size = found - client->input->str + (gssize)strlen(text);
    char *received = g_strndup(client->input->str, (gsize)size);
    g_string_erase(client->input, 0, size);
    return received;
}

char *http_client_receive_all(HttpClient *client)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_USEC;

    take(client);
    while (!client->closed) {
        turn(client);
        take(client);
        assert_true(g_get_monotonic_time() < deadline);
    }
    char *received = g_string_free(client->input, FALSE);
    client->input = g_string_new(NULL);
    return received;
}

void http_client_expect_close(HttpClient *client)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_USEC;

    while (!client->closed) {
        turn(client);
        take(client);
        assert_true(g_get_monotonic_time() < deadline);
    }
    assert_string_equal(client->input->str, "");
}

bool http_client_has_answer(HttpClient *client, unsigned milliseconds)
{
    gint64 end = g_get_monotonic_time() + (gint64)milliseconds * 1000;

    do {
        turn(client);
        take(client);
    } while (client->input->len == 0 && g_get_monotonic_time() < end);
    return client->input->len > 0;
}
