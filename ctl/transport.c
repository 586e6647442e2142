#include "ctl/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/interrupt.h"
#include "ctl/server_url.h"

#define WAIT_MS 1000
/* A socket holds that much at once. */
#define BUFFER_SIZE ((size_t)256 << 10)

struct Transport {
    char *url;
    char *username;
    char *password;
    GPtrArray *running; /* Transfer, not owned */
    char *buffer;
    int kept;       /* a connection without a transfer; -1: none */
    char *kept_url; /* to whom */
};

typedef enum Phase {
    PHASE_CONNECT, /* `addresses`, or the socket's path */
    PHASE_CONNECTING,
    PHASE_SEND,
    PHASE_RECEIVE,
} Phase;

struct Transfer {
    Transport *transport;
    TransferState state;
    Phase phase;
    ServerUrl server;
    char *url;
    GString *request;
    size_t sent;
    const HttpSink *sink;
    void *userdata;
    HttpReply *reply;
    int fd;
    bool is_kept; /* the connection has served another transfer: the daemon may have closed it meanwhile */
    struct addrinfo *addresses, *next_address;
    int error;    /* negative errno of a failure */
    int resolver; /* getaddrinfo()'s own, when that failed */
};

Transport *transport_new(void)
{
    Transport *transport = g_new0(Transport, 1);

    transport->running = g_ptr_array_new();
    transport->buffer = g_malloc(BUFFER_SIZE);
    transport->kept = -1;
    return transport;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void transport_free(Transport *transport)
{
    if (!transport)
        return;
    g_ptr_array_unref(transport->running);
    close_fd(&transport->kept);
    g_free(transport->kept_url);
    g_free(transport->buffer);
    g_free(transport->url);
    g_free(transport->username);
    g_free(transport->password);
    g_free(transport);
}

void transport_set_server(Transport *transport, const char *url)
{
    g_free(transport->url);
    transport->url = g_strdup(url);
}

void transport_set_credentials(Transport *transport, const char *username, const char *password)
{
    g_free(transport->username);
    g_free(transport->password);
    transport->username = g_strdup(username);
    transport->password = g_strdup(password);
}

/* Making a request
 * ----------------------------------------------------------------------------------------------- */

static void append_credentials(GString *request, const Transport *transport)
{
    if (!transport->username || !transport->password)
        return;
    g_autofree char *plain = g_strconcat(transport->username, ":", transport->password, NULL);
    g_autofree char *encoded = g_base64_encode((const guchar *)plain, strlen(plain));
    g_string_append_printf(request, "Authorization: Basic %s\r\n", encoded);
}

static GString *make_request(const Transport *transport, const ServerUrl *server, const char *path,
                             const char *body, size_t size)
{
    g_autofree char *host = server_url_host(server);
    GString *request = g_string_sized_new(512 + size);

    g_string_append_printf(request, "%s %s HTTP/1.1\r\nHost: %s\r\n", body ? "POST" : "GET", path, host);
    append_credentials(request, transport);
    if (body)
        g_string_append_printf(request,
                               "Accept: text/xml\r\nContent-Type: text/xml\r\nContent-Length: %zu\r\n", size);
    else
        g_string_append(request, "Accept: */*\r\n");
    g_string_append(request, "\r\n");
    if (body)
        g_string_append_len(request, body, (gssize)size);
    return request;
}

/* What waits to be read on a connection that serves nobody is its end. */
static bool is_alive(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    return poll(&poll_fd, 1, 0) == 0;
}

static void take_kept(Transport *transport, Transfer *transfer)
{
    if (transport->kept < 0)
        return;
    if (strcmp(transport->kept_url, transfer->url) != 0 || !is_alive(transport->kept)) {
        close_fd(&transport->kept);
        return;
    }
    transfer->fd = transport->kept;
    transfer->is_kept = true;
    transfer->phase = PHASE_SEND;
    transport->kept = -1;
}

int transfer_new(Transport *transport, const char *path, const char *body, size_t size, const HttpSink *sink,
                 void *userdata, Transfer **ret, char **ret_problem)
{
    g_auto(ServerUrl) server = {0};
    const char *url = transport->url ? transport->url : "";
    Transfer *transfer;
    int r = server_url_parse(url, &server, ret_problem);

    if (r < 0)
        return r;
    transfer = g_new0(Transfer, 1);
    transfer->transport = transport;
    transfer->server = server;
    server = (ServerUrl){0};
    transfer->url = g_strdup(url);
    transfer->request = make_request(transport, &transfer->server, path, body, size);
    transfer->sink = sink;
    transfer->userdata = userdata;
    transfer->reply = http_reply_new(sink, userdata);
    transfer->fd = -1;
    take_kept(transport, transfer);
    g_ptr_array_add(transport->running, transfer);
    *ret = transfer;
    return 0;
}

void transfer_free(Transfer *transfer)
{
    if (!transfer)
        return;
    g_ptr_array_remove(transfer->transport->running, transfer);
    if (transfer->addresses)
        freeaddrinfo(transfer->addresses);
    close_fd(&transfer->fd);
    server_url_clear(&transfer->server);
    http_reply_free(transfer->reply);
    g_string_free(transfer->request, TRUE);
    g_free(transfer->url);
    g_free(transfer);
}

/* How it ends
 * ---------------------------------------------------------------------------------------------------- */

TransferState transfer_state(const Transfer *transfer)
{
    return transfer->state;
}

int transfer_errno(const Transfer *transfer)
{
    bool is_system = transfer->error != -ENODATA && transfer->error != -EBADMSG;

    return transfer->state == TRANSFER_FAILED && transfer->resolver == 0 && is_system ? -transfer->error : 0;
}

char *transfer_describe(const Transfer *transfer)
{
    if (transfer->resolver != 0)
        return g_strdup_printf("[Errno %d] %s", transfer->resolver, gai_strerror(transfer->resolver));
    if (transfer->error == -ENODATA)
        return g_strdup("Remote end closed connection without response");
    if (transfer->error == -EBADMSG)
        return g_strdup("the server's answer is cut short or is not HTTP");
    return g_strdup_printf("[Errno %d] %s", -transfer->error, g_strerror(-transfer->error));
}

static void keep_connection(Transport *transport, Transfer *transfer)
{
    if (transport->kept >= 0 || !http_reply_keeps_connection(transfer->reply))
        return;
    transport->kept = transfer->fd;
    transfer->fd = -1;
    g_free(transport->kept_url);
    transport->kept_url = g_strdup(transfer->url);
}

static void end(Transfer *transfer, TransferState state, int error)
{
    transfer->state = state;
    transfer->error = error;
    if (state == TRANSFER_COMPLETE)
        keep_connection(transfer->transport, transfer);
    close_fd(&transfer->fd);
    g_ptr_array_remove(transfer->transport->running, transfer);
}

/* `r` is what the parser said. Returns whether the transfer has ended. */
static bool judge(Transfer *transfer, int r)
{
    if (r == 0)
        return false;
    if (r > 0)
        end(transfer, TRANSFER_COMPLETE, 0);
    else if (r == -ECANCELED)
        end(transfer, TRANSFER_CANCELLED, 0);
    else if (r == -EMSGSIZE)
        end(transfer, TRANSFER_TOO_LARGE, 0);
    else
        end(transfer, TRANSFER_FAILED, r);
    return true;
}

/* The daemon may have closed a kept connection while the request was on its way: it has not seen it then. */
static bool begin_again(Transfer *transfer)
{
    if (!transfer->is_kept || !http_reply_is_empty(transfer->reply))
        return false;
    close_fd(&transfer->fd);
    transfer->is_kept = false;
    transfer->sent = 0;
    transfer->phase = PHASE_CONNECT;
    return true;
}

static void lose(Transfer *transfer, int error)
{
    if (!begin_again(transfer))
        end(transfer, TRANSFER_FAILED, error);
}

/* Connecting
 * ----------------------------------------------------------------------------------------------------- */

/* Waits for room in the daemon's queue, which a socket that does not block could not. */
static void connect_unix(Transfer *transfer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, transfer->server.socket_path, strlen(transfer->server.socket_path) + 1);
    transfer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (transfer->fd < 0 || connect(transfer->fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        fcntl(transfer->fd, F_SETFL, O_NONBLOCK) < 0) {
        int error = errno;
        close_fd(&transfer->fd);
        /* Ctrl-C, which the next step sees; or else it is tried again. */
        if (error != EINTR)
            end(transfer, TRANSFER_FAILED, -error);
        return;
    }
    transfer->phase = PHASE_SEND;
}

static bool resolve(Transfer *transfer)
{
    g_autofree char *port = g_strdup_printf("%u", transfer->server.port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

    if (transfer->addresses)
        return true;
    transfer->resolver = getaddrinfo(transfer->server.host, port, &hints, &transfer->addresses);
    if (transfer->resolver != 0) {
        transfer->addresses = NULL;
        end(transfer, TRANSFER_FAILED, -EIO);
        return false;
    }
    transfer->next_address = transfer->addresses;
    return true;
}

/* One address after the other; what the last one said is told. */
static void connect_next(Transfer *transfer)
{
    while (transfer->next_address) {
        const struct addrinfo *address = transfer->next_address;

        transfer->next_address = address->ai_next;
        transfer->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (transfer->fd >= 0 && connect(transfer->fd, address->ai_addr, address->ai_addrlen) == 0) {
            transfer->phase = PHASE_SEND;
            return;
        }
        if (transfer->fd >= 0 && errno == EINPROGRESS) {
            transfer->phase = PHASE_CONNECTING;
            return;
        }
        transfer->error = -errno;
        close_fd(&transfer->fd);
    }
    end(transfer, TRANSFER_FAILED, transfer->error);
}

static void begin_connecting(Transfer *transfer)
{
    if (transfer->server.socket_path) {
        connect_unix(transfer);
    } else if (resolve(transfer)) {
        transfer->next_address = transfer->addresses;
        connect_next(transfer);
    }
}

static void finish_connecting(Transfer *transfer)
{
    struct pollfd poll_fd = {.fd = transfer->fd, .events = POLLOUT};
    socklen_t size = sizeof(int);
    int error = 0;

    if (poll(&poll_fd, 1, 0) <= 0)
        return;
    if (getsockopt(transfer->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    if (error == 0) {
        transfer->phase = PHASE_SEND;
        return;
    }
    transfer->error = -error;
    close_fd(&transfer->fd);
    connect_next(transfer);
}

/* Talking
 * ---------------------------------------------------------------------------------------------------------
 */

static void send_request(Transfer *transfer)
{
    while (transfer->sent < transfer->request->len) {
        ssize_t sent = send(transfer->fd, transfer->request->str + transfer->sent,
                            transfer->request->len - transfer->sent, MSG_NOSIGNAL);

        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        /* The answer may be there all the same, and says why. */
        if (sent < 0)
            break;
        transfer->sent += (size_t)sent;
    }
    transfer->phase = PHASE_RECEIVE;
}

/* No more than one buffer at a time, so that other transfers have their turn. */
static void receive_reply(Transfer *transfer)
{
    char *buffer = transfer->transport->buffer;
    ssize_t size = recv(transfer->fd, buffer, BUFFER_SIZE, 0);
    int r;

    if (size < 0) {
        if (errno != EAGAIN && errno != EINTR)
            lose(transfer, -errno);
        return;
    }
    if (size > 0) {
        (void)judge(transfer, http_reply_feed(transfer->reply, buffer, (size_t)size));
        return;
    }
    r = http_reply_finish(transfer->reply);
    if (r == -ENODATA)
        lose(transfer, r);
    else
        (void)judge(transfer, r);
}

/* Each phase may be over at once, and then the next one begins. */
static void advance(Transfer *transfer)
{
    if (transfer->state == TRANSFER_RUNNING && transfer->phase == PHASE_CONNECT)
        begin_connecting(transfer);
    if (transfer->state == TRANSFER_RUNNING && transfer->phase == PHASE_CONNECTING)
        finish_connecting(transfer);
    if (transfer->state == TRANSFER_RUNNING && transfer->phase == PHASE_SEND)
        send_request(transfer);
    if (transfer->state == TRANSFER_RUNNING && transfer->phase == PHASE_RECEIVE)
        receive_reply(transfer);
}

/* Returns whether one has ended, or begins again and need not wait for anything. */
static bool advance_all(Transport *transport)
{
    bool any = false;

    for (guint i = transport->running->len; i > 0; i--) {
        Transfer *transfer = transport->running->pdata[i - 1];

        advance(transfer);
        any |= transfer->state != TRANSFER_RUNNING || transfer->phase == PHASE_CONNECT;
    }
    return any;
}

static struct pollfd wait_for(const Transfer *transfer)
{
    return (struct pollfd){.fd = transfer->fd, .events = transfer->phase == PHASE_RECEIVE ? POLLIN : POLLOUT};
}

int transport_step(Transport *transport, int input_fd)
{
    g_autofree struct pollfd *waits = NULL;
    guint count = 0;

    /* Also when the answer would be quicker than the one who pressed the key. */
    if (interrupt_take())
        return -EINTR;
    if (advance_all(transport))
        return 0;
    waits = g_new(struct pollfd, transport->running->len + 2);
    /* Below 0 they are passed over. */
    waits[count++] = (struct pollfd){.fd = input_fd, .events = POLLIN};
    waits[count++] = (struct pollfd){.fd = interrupt_fd(), .events = POLLIN};
    for (guint i = 0; i < transport->running->len; i++)
        waits[count++] = wait_for(transport->running->pdata[i]);
    if (poll(waits, count, WAIT_MS) < 0 && errno != EINTR)
        return -errno;
    if (interrupt_take())
        return -EINTR;
    return input_fd >= 0 && waits[0].revents != 0;
}
