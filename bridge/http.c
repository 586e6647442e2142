#include "bridge/http.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bridge/auth.h"
#include "bridge/http_internal.h"
#include "bridge/http_peer.h"

enum {
    BODY_LIMIT = 8 << 20,
    BODY_TOTAL_LIMIT = 64 << 20,    /* of all requests together */
    ANSWER_TOTAL_LIMIT = 128 << 20, /* of answers that clients have not taken yet; small ones always go */
    SMALL_ANSWER = 4 << 10,
    HEADER_LIMIT = 32 << 10,
    CONNECTION_LIMIT = 1024, /* for each server */
    CLOSING_RESERVE = 64,    /* MHD tells that a connection has ended a little before it stops counting it */
    /* Seconds. Within a request a client has to keep going; between requests supervisorctl's shell may rest
     * on its connection, and its transport does not connect again, so that limit is the oracle's half hour.
     */
    REQUEST_TIMEOUT = 60,
    KEEPALIVE_TIMEOUT = 30 * 60,
    /* MHD_run() calls in a row, and microseconds, before other event sources get their turn: with endless
     * answers there may always be something to send. */
    RUN_LIMIT = 64,
    RUN_TIME_LIMIT = 2000,
    FAREWELL_TIME_LIMIT = 200 * 1000,
};

static const struct {
    unsigned status;
    const char *message;
} error_messages[] = {
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {411, "Length Required"},
    {413, "Request Entity Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

/* --- event loop --- */

static void arm_timer(HttpServer *server, MHD_UNSIGNED_LONG_LONG milliseconds)
{
    uint64_t now;

    sd_event_now(server->http->event, CLOCK_MONOTONIC, &now);
    sd_event_source_set_time(server->timer, now + (uint64_t)milliseconds * 1000);
    sd_event_source_set_enabled(server->timer, SD_EVENT_ONESHOT);
}

/* MHD reports work that it could do at once as a timeout of 0, and its epoll descriptor stays silent about
 * it: whoever does not call MHD_run() again then leaves keep-alive connections hanging. */
static enum MHD_Result run_daemon(HttpServer *server, gint64 time_limit, MHD_UNSIGNED_LONG_LONG *ret_timeout)
{
    gint64 end = g_get_monotonic_time() + time_limit;

    for (int i = 0; i < RUN_LIMIT; i++) {
        MHD_run(server->daemon);
        if (MHD_get_timeout(server->daemon, ret_timeout) != MHD_YES)
            return MHD_NO;
        if (*ret_timeout > 0 || g_get_monotonic_time() >= end)
            break;
    }
    return MHD_YES;
}

static void server_run(HttpServer *server)
{
    MHD_UNSIGNED_LONG_LONG timeout = 0;
    enum MHD_Result pending = run_daemon(server, RUN_TIME_LIMIT, &timeout);

    http_acceptor_settle(server->acceptor);
    if (pending != MHD_YES)
        sd_event_source_set_enabled(server->timer, SD_EVENT_OFF);
    else if (timeout > 0)
        arm_timer(server, timeout);
    else
        sd_event_source_set_enabled(server->kick, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    server_run(userdata);
    return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    server_run(userdata);
    return 0;
}

static int on_kick(sd_event_source *source, void *userdata)
{
    server_run(userdata);
    return 0;
}

/* --- a request's life --- */

static void request_free(HttpRequest *request)
{
    request->server->http->body_bytes -= request->body->len;
    request->server->http->answer_bytes -= request->answer_size;
    g_clear_pointer(&request->response, MHD_destroy_response);
    http_stream_free(request->stream);
    g_byte_array_unref(request->body);
    g_free(request->method);
    g_free(request->path);
    g_free(request);
}

void http_request_resume(HttpRequest *request)
{
    if (!request->suspended)
        return;
    request->suspended = false;
    g_hash_table_remove(request->server->suspended, request);
    MHD_resume_connection(request->connection);
    sd_event_source_set_enabled(request->server->kick, SD_EVENT_ONESHOT);
}

/* Tells the handler, once, that there is nobody to answer to. */
static void request_abandon(HttpRequest *request)
{
    void (*abandoned)(void *userdata) = g_steal_pointer(&request->abandoned);

    request->dropped = true;
    if (abandoned)
        abandoned(request->abandoned_userdata);
}

void http_request_hang_up(HttpRequest *request)
{
    request_abandon(request);
    http_request_resume(request);
}

int http_request_suspend(HttpRequest *request)
{
    /* Nobody would notice a client that gives up. */
    if (!request->peer)
        return -ENOMEM;
    request->suspended = true;
    g_hash_table_add(request->server->suspended, request);
    MHD_suspend_connection(request->connection);
    http_peer_look_again(request->peer);
    return 0;
}

static const HttpRoute *find_route(const HttpRoute *routes, const char *path)
{
    const HttpRoute *best = NULL;

    for (const HttpRoute *route = routes; route->prefix; route++) {
        if (g_str_has_prefix(path, route->prefix) && (!best || strlen(route->prefix) > strlen(best->prefix)))
            best = route;
    }
    return best;
}

static void request_dispatch(HttpRequest *request)
{
    Http *http = request->server->http;
    const HttpRoute *route = find_route(http->routes, request->path);

    request->dispatched = true;
    if (request->refusal != 0)
        http_request_reply_error(request, request->refusal);
    else if (route)
        route->handler(request, http->userdata);
    else if (g_str_equal(request->method, "GET") || g_str_equal(request->method, "HEAD"))
        http_request_reply_error(request, MHD_HTTP_NOT_FOUND);
    else
        http_request_reply_error(request, MHD_HTTP_BAD_REQUEST);
}

static unsigned check_authentication(const HttpRequest *request)
{
    static const unsigned statuses[] = {
        [AUTH_GRANTED] = 0,
        [AUTH_DENIED] = MHD_HTTP_UNAUTHORIZED,
        [AUTH_MALFORMED] = MHD_HTTP_BAD_REQUEST,
        [AUTH_BROKEN] = MHD_HTTP_INTERNAL_SERVER_ERROR,
    };
    const HttpServer *server = request->server;

    if (!server->username)
        return 0;
    return statuses[auth_check(server->username, server->password,
                               http_request_header(request, "Authorization"))];
}

static bool is_too_long(const char *length)
{
    return length && g_ascii_strtoull(length, NULL, 10) > BODY_LIMIT;
}

static enum MHD_Result count_framing(void *userdata, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    unsigned *count = userdata;

    *count += g_ascii_strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0 ||
              g_ascii_strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
    return MHD_YES;
}

/* Two words about where the body ends: a proxy in front may have taken the other one, and what it let through
 * as a body would be a request here. */
static bool is_ambiguous(const HttpRequest *request)
{
    unsigned count = 0;

    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_framing, &count);
    return count > 1;
}

/* What can be said about a request from its head alone. Returns 0 or the status of the refusal. */
static unsigned check_head(const HttpRequest *request)
{
    const char *length = http_request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    unsigned status = check_authentication(request);

    if (status != 0)
        return status;
    if (is_ambiguous(request))
        return MHD_HTTP_BAD_REQUEST;
    const HttpRoute *route = find_route(request->server->http->routes, request->path);
    if (g_str_equal(request->method, "POST") && route && route->needs_length && !length)
        return MHD_HTTP_LENGTH_REQUIRED;
    return is_too_long(length) ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
}

/* Python's clients send head and body apart: a connection closed in between is a broken pipe for them, and
 * they do not come to read the answer. Whoever says how much will come, and says no more than anybody may
 * send, is heard to the end. */
static bool may_finish(const HttpRequest *request)
{
    const char *length = http_request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

    return length && !is_too_long(length) && !is_ambiguous(request);
}

static enum MHD_Result request_queue(HttpRequest *request)
{
    if (request->dropped || request->status == 0)
        return MHD_NO;
    return MHD_queue_response(request->connection, request->status, request->response);
}

/* The whole request is here, or the answer to a suspended one is. */
static enum MHD_Result request_advance(HttpRequest *request)
{
    if (!request->dispatched && request->server->http->closing)
        return MHD_NO;
    if (!request->dispatched)
        request_dispatch(request);
    if (request->status != 0 || request->dropped)
        return request_queue(request);
    if (http_request_suspend(request) < 0) {
        request_abandon(request);
        return MHD_NO;
    }
    return MHD_YES;
}

static HttpRequest *request_new(HttpServer *server, struct MHD_Connection *connection, const char *url,
                                const char *method)
{
    HttpRequest *request = g_new0(HttpRequest, 1);

    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    request->server = server;
    request->connection = connection;
    request->peer = info ? info->socket_context : NULL;
    request->method = g_strdup(method);
    request->path = g_strdup(url);
    request->body = g_byte_array_new();
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)REQUEST_TIMEOUT);
    http_peer_set_request(request->peer, request);
    return request;
}

/* MHD calls this once with the head, then with each piece of the body, then with size 0, and again after a
 * resume. */
static enum MHD_Result on_access(void *userdata, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data, size_t *data_size,
                                 void **context)
{
    HttpRequest *request = *context;

    if (!request) {
        *context = request = request_new(userdata, connection, url, method);
        unsigned status = check_head(request);
        if (status == 0)
            return MHD_YES;
        if (may_finish(request)) {
            request->refusal = status;
            return MHD_YES;
        }
        request->dispatched = true;
        http_request_reply_error(request, status);
        return request_queue(request);
    }
    if (*data_size == 0)
        return request_advance(request);
    if (request->refusal != 0) {
        *data_size = 0;
        return MHD_YES;
    }
    Http *http = request->server->http;
    if (*data_size > BODY_LIMIT - request->body->len || *data_size > BODY_TOTAL_LIMIT - http->body_bytes)
        return MHD_NO;
    http->body_bytes += *data_size;
    g_byte_array_append(request->body, (const guint8 *)data, (guint)*data_size);
    *data_size = 0;
    return MHD_YES;
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    HttpRequest *request = g_steal_pointer(context);

    if (!request)
        return;
    /* Of no effect once the whole answer has been given. */
    request_abandon(request);
    http_peer_set_request(request->peer, NULL);
    request_free(request);
    if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)KEEPALIVE_TIMEOUT);
}

static void connection_started(HttpServer *server, struct MHD_Connection *connection, HttpPeer **ret_peer)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    *ret_peer = info ? http_peer_new(server, info->connect_fd) : NULL;
    if (server->acceptor)
        http_acceptor_count(server->acceptor);
}

/* There is no acceptor any more when the server ends: what was accepted just before becomes a connection in
 * the last MHD_run() only. */
static void on_connection(void *userdata, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    HttpServer *server = userdata;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_started(server, connection, (HttpPeer **)context);
        return;
    }
    http_peer_free(*context);
    if (server->acceptor)
        http_acceptor_discount(server->acceptor);
}

static void on_accepted(int fd, const struct sockaddr *address, socklen_t address_size, void *userdata)
{
    HttpServer *server = userdata;

    /* Closes it when it fails. */
    (void)MHD_add_connection(server->daemon, fd, address, address_size);
    sd_event_source_set_enabled(server->kick, SD_EVENT_ONESHOT);
}

/* --- what handlers use --- */

const char *http_request_method(const HttpRequest *request)
{
    return request->method;
}

const char *http_request_path(const HttpRequest *request)
{
    return request->path;
}

const char *http_request_query(const HttpRequest *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_request_header(const HttpRequest *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

bool http_request_is_authenticated(const HttpRequest *request)
{
    return request->server->username != NULL;
}

bool http_request_is_local(const HttpRequest *request)
{
    return request->server->is_unix;
}

const char *http_request_body(const HttpRequest *request, size_t *ret_size)
{
    guint8 zero = 0;

    *ret_size = request->body->len;
    g_byte_array_append(request->body, &zero, 1);
    g_byte_array_set_size(request->body, (guint)*ret_size);
    return (const char *)request->body->data;
}

/* A big answer beside others that wait for their clients to read them. One alone may be as big as it is. */
static bool is_too_much(const Http *http, size_t size)
{
    return size > SMALL_ANSWER && http->answer_bytes > 0 &&
           (size > ANSWER_TOTAL_LIMIT || http->answer_bytes > ANSWER_TOTAL_LIMIT - size);
}

void http_request_reply_string(HttpRequest *request, unsigned status, const char *content_type, GString *body)
{
    Http *http = request->server->http;
    size_t size = body->len;

    if (is_too_much(http, size)) {
        g_string_free(body, TRUE);
        http_request_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE);
        return;
    }
    request->abandoned = NULL;
    request->answer_size = size;
    http->answer_bytes += size;
    /* MHD calls free() on it, which is what g_free() is. */
    request->response =
        MHD_create_response_from_buffer(size, g_string_free(body, FALSE), MHD_RESPMEM_MUST_FREE);
    if (request->response) {
        MHD_add_response_header(request->response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
        request->status = status;
    } else {
        request->dropped = true;
    }
    http_request_resume(request);
}

void http_request_reply(HttpRequest *request, unsigned status, const char *content_type, const char *body,
                        size_t size)
{
    http_request_reply_string(request, status, content_type, g_string_new_len(body, (gssize)size));
}

void http_request_reply_with(HttpRequest *request, unsigned status, const char *content_type,
                             const HttpHeader *headers, const char *body, size_t size)
{
    http_request_reply(request, status, content_type, body, size);
    for (const HttpHeader *header = headers; request->response && header->name; header++)
        MHD_add_response_header(request->response, header->name, header->value);
}

static const char *error_message(unsigned status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(error_messages); i++) {
        if (error_messages[i].status == status)
            return error_messages[i].message;
    }
    return "Error";
}

void http_request_reply_error(HttpRequest *request, unsigned status)
{
    g_autofree char *page = g_strdup_printf("<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n"
                                            "<h1>Error response</h1>\r\n<p>Error code %u.\r\n"
                                            "<p>Message: %s.\r\n</body>\r\n",
                                            status, error_message(status));
    bool unauthorized = status == MHD_HTTP_UNAUTHORIZED;

    http_request_reply(request, status, "text/html", page, strlen(page));
    if (unauthorized && request->response) {
        MHD_add_response_header(request->response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                                "Basic realm=\"default\"");
        MHD_add_response_header(request->response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
}

void http_request_on_abandon(HttpRequest *request, void (*abandoned)(void *userdata), void *userdata)
{
    request->abandoned = abandoned;
    request->abandoned_userdata = userdata;
}

/* --- servers --- */

/* MHD will not stop while a connection is suspended. Endless answers go on to their end, which is now; their
 * handlers are told when MHD is done with them. */
static void drop_suspended(HttpServer *server)
{
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, server->suspended);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        HttpRequest *request = key;
        g_hash_table_iter_remove(&iter);
        if (!request->stream)
            request_abandon(request);
        http_request_resume(request);
    }
}

static void server_free(HttpServer *server)
{
    MHD_UNSIGNED_LONG_LONG timeout = 0;

    g_clear_pointer(&server->acceptor, http_acceptor_free);
    if (server->daemon) {
        /* The answer to the call that ended everything may have been given in this very turn of the loop. */
        MHD_run(server->daemon);
        drop_suspended(server);
        (void)run_daemon(server, FAREWELL_TIME_LIMIT, &timeout);
        drop_suspended(server);
        MHD_stop_daemon(server->daemon);
    }
    sd_event_source_disable_unref(server->io);
    sd_event_source_disable_unref(server->timer);
    sd_event_source_disable_unref(server->kick);
    if (server->file)
        http_listen_unlink(server->file, &server->made);
    g_free(server->file);
    g_free(server->username);
    g_free(server->password);
    g_hash_table_unref(server->suspended);
    g_free(server);
}

static int add_event_sources(HttpServer *server)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    sd_event *event = server->http->event;

    if (!info)
        return -EBADF;
    int r = sd_event_add_io(event, &server->io, info->epoll_fd, EPOLLIN, on_io, server);
    if (r >= 0)
        r = sd_event_add_time(event, &server->timer, CLOCK_MONOTONIC, 0, 0, on_timer, server);
    if (r >= 0)
        r = sd_event_source_set_enabled(server->timer, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_add_defer(event, &server->kick, on_kick, server);
    if (r >= 0)
        r = sd_event_source_set_enabled(server->kick, SD_EVENT_ONESHOT);
    return r;
}

/* Takes `fd` on success. */
static int server_start(HttpServer *server, int fd)
{
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, server,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        server, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTION_LIMIT + CLOSING_RESERVE,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)REQUEST_TIMEOUT, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEADER_LIMIT, MHD_OPTION_END);
    if (!server->daemon)
        return -EIO;
    int r = add_event_sources(server);
    if (r < 0)
        return r;
    return http_acceptor_new(server->http->event, fd, CONNECTION_LIMIT, on_accepted, server,
                             &server->acceptor);
}

static HttpServer *server_new(Http *http, const ServerConfig *config)
{
    HttpServer *server = g_new0(HttpServer, 1);

    server->http = http;
    server->is_unix = config->is_unix;
    server->suspended = g_hash_table_new(NULL, NULL);
    if (config->username && *config->username) {
        server->username = g_strdup(config->username);
        server->password = g_strdup(config->password);
    }
    return server;
}

int http_new(sd_event *event, MainLog *log, const HttpRoute *routes, void *userdata, Http **ret)
{
    Http *http = g_new0(Http, 1);

    http->event = sd_event_ref(event);
    http->log = log;
    http->routes = routes;
    http->userdata = userdata;
    http->servers = g_ptr_array_new_with_free_func((GDestroyNotify)server_free);
    *ret = http;
    return 0;
}

void http_free(Http *http)
{
    if (!http)
        return;
    http->closing = true;
    g_ptr_array_unref(http->servers);
    sd_event_unref(http->event);
    g_free(http);
}

static int take_socket(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    return fd;
}

int http_serve(Http *http, const ServerConfig *config, int listen_fd, const HttpSocketFile *made)
{
    int fd = take_socket(listen_fd);

    if (fd < 0)
        return fd;
    HttpServer *server = server_new(http, config);
    if (made) {
        server->file = g_strdup(config->file);
        server->made = *made;
    }
    int r = server_start(server, fd);
    if (r < 0) {
        server_free(server);
        return r;
    }
    g_ptr_array_add(http->servers, server);
    if (!server->username)
        main_log_write(http->log, LOG_LEVEL_CRITICAL,
                       "Server '%s' running without any HTTP authentication checking", config->section);
    return 0;
}

int http_listen(Http *http, const ServerConfig *config, int listen_fd)
{
    HttpSocketFile made = {0};
    int fd = listen_fd >= 0 ? listen_fd : http_listen_open(config, &made);

    if (fd < 0)
        return fd;
    int r = http_serve(http, config, fd, listen_fd < 0 && config->is_unix ? &made : NULL);
    if (r < 0 && listen_fd < 0)
        close(fd);
    return r;
}

void http_leave_files(Http *http)
{
    for (unsigned i = 0; i < http->servers->len; i++) {
        HttpServer *server = g_ptr_array_index(http->servers, i);
        g_clear_pointer(&server->file, g_free);
    }
}
