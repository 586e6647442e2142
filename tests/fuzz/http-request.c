/* Bytes on a connection, in pieces, to a real server in its event loop: the first byte of the input says how
 * they are cut. One server is open, one wants a password that the fuzzer does not have, so its handler must
 * never run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridge/http.h"
#include "bridge/rpc_decode.h"
#include "tests/fuzz/fuzz.h"

enum { TURNS = 64, ANSWER_BLOCK = 64 << 10 };

typedef struct Server {
    struct sockaddr_un address;
    socklen_t address_size;
    Http *http;
} Server;

static sd_event *event;

static void on_open(HttpRequest *request, void *userdata)
{
    g_auto(RpcRequest) decoded = {0};
    size_t size;
    const char *body = http_request_body(request, &size);
    const char *query = http_request_query(request, "processname");

    if (body[size] != '\0')
        abort();
    if (rpc_decode(body, size, &decoded) < 0)
        http_request_reply_error(request, 400);
    else
        http_request_reply(request, 200, "text/plain", query ? query : "", query ? strlen(query) : 0);
}

static void on_guarded(HttpRequest *request, void *userdata)
{
    fprintf(stderr, "a request without the password has reached the handler\n");
    abort();
}

static const HttpRoute open_routes[] = {{"/RPC2", on_open, true}, {"/", on_open, false}, {NULL, NULL, false}};
static const HttpRoute guarded_routes[] = {
    {"/RPC2", on_guarded, true}, {"/", on_guarded, false}, {NULL, NULL, false}};

/* A socket without a file: its name is the kernel's choice. */
static int listen_anywhere(Server *server)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    server->address_size = sizeof server->address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address.sun_family) < 0 || listen(fd, 8) < 0 ||
        getsockname(fd, (struct sockaddr *)&server->address, &server->address_size) < 0)
        abort();
    return fd;
}

static void start(Server *server, const HttpRoute *routes, const char *username)
{
    const ServerConfig config = {.is_unix = true,
                                 .section = "unix_http_server",
                                 .file = "unused",
                                 .username = username,
                                 .password = username ? "a password that no mutation hits" : NULL};

    if (!event && sd_event_new(&event) < 0)
        abort();
    if (http_new(event, NULL, routes, NULL, &server->http) < 0 ||
        http_listen(server->http, &config, listen_anywhere(server)) < 0)
        abort();
}

/* Until nothing is left to do, or an answer is on its way that somebody must read. */
static void turn(void)
{
    for (int i = 0; i < TURNS; i++) {
        if (sd_event_run(event, 0) <= 0)
            return;
    }
}

static void read_answers(int fd)
{
    static char answer[ANSWER_BLOCK];

    while (recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0)
        turn();
}

static void converse(const Server *server, const uint8_t *data, size_t size, size_t piece)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&server->address, server->address_size) < 0)
        abort();
    for (size_t at = 0; at < size; at += piece) {
        ssize_t n = send(fd, data + at, MIN(piece, size - at), MSG_NOSIGNAL | MSG_DONTWAIT);
        turn();
        read_answers(fd);
        if (n < 0)
            break;
    }
    (void)shutdown(fd, SHUT_WR);
    turn();
    read_answers(fd);
    close(fd);
    turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Server open_server, guarded_server;

    if (!open_server.http) {
        start(&open_server, open_routes, NULL);
        start(&guarded_server, guarded_routes, "user");
    }
    if (size == 0)
        return 0;
    /* Small pieces of small inputs only: each costs a turn of the loop. */
    size_t piece = data[0] < 128 ? size : 1 + (size_t)(data[0] - 128) * 8 + size / 64;
    converse(&open_server, data + 1, size - 1, piece);
    converse(&guarded_server, data + 1, size - 1, piece);
    return 0;
}
