/* Asks one question over and over: rpc-load SOCKET SECONDS CONNECTIONS BODY
 *
 * Each connection is kept and has one request on its way at any time, so that the daemon always has something
 * to do. An answer is read by its Content-Length; one that is not a 200 with a method's result ends the
 * program. Prints the answers per second. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTION_LIMIT = 64, HEAD_LIMIT = 4096, BLOCK = 256 << 10 };

typedef struct Connection {
    int fd;
    char head[HEAD_LIMIT]; /* what has come so far, as long as it is the head */
    size_t head_size;
    bool in_body;
    size_t left; /* of the body */
} Connection;

static void fail(const char *what)
{
    fprintf(stderr, "rpc-load: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
    exit(1);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof address.sun_path)
        fail("socket");
    memcpy(address.sun_path, path, strlen(path));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail(path);
    return fd;
}

static void send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);
        if (n < 0)
            fail("send");
        bytes += n;
        size -= (size_t)n;
    }
}

static size_t content_length(const char *head)
{
    static const char name[] = "\r\nContent-Length:";
    const char *found = strcasestr(head, name);

    if (!found)
        fail("an answer without a length");
    return strtoul(found + strlen(name), NULL, 10);
}

/* Adds to the head until it is whole. Returns what of `bytes` belongs to the body. */
static size_t take_head(Connection *connection, const char *bytes, size_t size)
{
    size_t before = connection->head_size;
    size_t count = size < HEAD_LIMIT - 1 - before ? size : HEAD_LIMIT - 1 - before;

    memcpy(connection->head + before, bytes, count);
    connection->head[before + count] = '\0';
    connection->head_size += count;
    char *end = strstr(connection->head, "\r\n\r\n");
    if (!end) {
        if (connection->head_size == HEAD_LIMIT - 1)
            fail("an endless head");
        return 0;
    }
    if (strncmp(connection->head, "HTTP/1.1 200 ", 13) != 0)
        fail(connection->head);
    end[2] = '\0';
    connection->left = content_length(connection->head);
    connection->in_body = true;
    return size - ((size_t)(end + 4 - connection->head) - before);
}

/* Returns true when the answer is complete. */
static bool take(Connection *connection, const char *bytes, size_t size)
{
    size_t body = connection->in_body ? size : take_head(connection, bytes, size);

    if (!connection->in_body)
        return false;
    if (body > connection->left)
        fail("more than the answer");
    if (memmem(bytes + (size - body), body, "<fault>", 7))
        fail("the answer is a fault");
    connection->left -= body;
    if (connection->left > 0)
        return false;
    connection->in_body = false;
    connection->head_size = 0;
    return true;
}

static unsigned long load(Connection *connections, int poll, const char *request, double end)
{
    static char block[BLOCK];
    struct epoll_event events[CONNECTION_LIMIT];
    unsigned long answers = 0;

    while (now() < end) {
        int count = epoll_wait(poll, events, CONNECTION_LIMIT, 10000);
        if (count <= 0)
            fail("waiting for an answer");
        for (int i = 0; i < count; i++) {
            Connection *connection = &connections[events[i].data.u32];
            ssize_t n = recv(connection->fd, block, sizeof block, 0);
            if (n <= 0)
                fail("recv");
            if (!take(connection, block, (size_t)n))
                continue;
            answers++;
            send_all(connection->fd, request, strlen(request));
        }
    }
    return answers;
}

int main(int argc, char **argv)
{
    static Connection connections[CONNECTION_LIMIT];
    int count = argc == 5 ? (int)strtol(argv[3], NULL, 10) : 0;
    int poll = epoll_create1(EPOLL_CLOEXEC);
    char *request;

    if (count < 1 || count > CONNECTION_LIMIT || poll < 0) {
        fprintf(stderr, "usage: rpc-load SOCKET SECONDS CONNECTIONS BODY\n");
        return 2;
    }
    if (asprintf(&request,
                 "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: "
                 "%zu\r\n\r\n%s",
                 strlen(argv[4]), argv[4]) < 0)
        fail("memory");
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (unsigned)i};
        connections[i].fd = connect_to(argv[1]);
        if (epoll_ctl(poll, EPOLL_CTL_ADD, connections[i].fd, &event) < 0)
            fail("epoll");
        send_all(connections[i].fd, request, strlen(request));
    }
    double start = now();
    unsigned long answers = load(connections, poll, request, start + strtod(argv[2], NULL));
    printf("%.1f\n", (double)answers / (now() - start));
    free(request);
    return 0;
}
