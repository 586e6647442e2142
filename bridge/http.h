/* HTTP inside the event loop: unix and inet servers, requests whole, answers now or later. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "bridge/http_listen.h"
#include "bridge/main_log.h"
#include "translator/config.h"

typedef struct Http Http;
typedef struct HttpRequest HttpRequest;

typedef struct HttpHeader {
    const char *name; /* NULL ends a list */
    const char *value;
} HttpHeader;

/* Called once per complete request that passed authentication. The handler answers with http_request_reply()
 * now or later; until then the connection waits and everybody else goes on. */
typedef void (*HttpHandler)(HttpRequest *request, void *userdata);

/* One row per path; the longest matching prefix wins, as a handler's match() does in the oracle. What no row
 * matches is answered as the oracle's default handler does: 404 to GET and HEAD, 400 to the rest. */
typedef struct HttpRoute {
    const char *prefix; /* "/RPC2" */
    HttpHandler handler;
    bool needs_length; /* POST without a Content-Length is answered with 411 */
} HttpRoute;

/* `routes` ends in a row with NULL and must stay. */
int http_new(sd_event *event, MainLog *log, const HttpRoute *routes, void *userdata, Http **ret);
/* Closes listening sockets and connections; requests without an answer are dropped, their handlers told by
 * on_abandon. Files of unix sockets that were made here are removed. Not to be called from within a handler.
 */
void http_free(Http *http);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Http, http_free)

/* Opens one server; logs the oracle's warning when it has no authentication. Returns 0 or negative errno;
 * -EADDRINUSE when another program listens there (also on a unix socket that answers), -EEXIST when `file` is
 * something else than a socket. A stale unix socket is replaced. `listen_fd` >= 0: a socket that systemd
 * made, taken over (on success only). */
int http_listen(Http *http, const ServerConfig *server, int listen_fd);

/* The same with a socket that listens already, taken over on success. `made`: the file of a unix socket, to
 * be removed at the end; NULL: nothing is. */
int http_serve(Http *http, const ServerConfig *server, int listen_fd, const HttpSocketFile *made);
/* Nothing is removed at the end: the next bridge serves the same sockets. */
void http_leave_files(Http *http);

const char *http_request_method(const HttpRequest *request); /* "POST" */
const char *http_request_path(const HttpRequest *request);   /* without the query, percent escapes resolved */
const char *http_request_query(const HttpRequest *request, const char *name); /* NULL when absent */
const char *http_request_header(const HttpRequest *request, const char *name);
/* Whether its server asks for a password: whoever is here has it. */
bool http_request_is_authenticated(const HttpRequest *request);
/* Came over a unix socket: from this machine. */
bool http_request_is_local(const HttpRequest *request);
/* The body; NUL-terminated beyond `ret_size`. */
const char *http_request_body(const HttpRequest *request, size_t *ret_size);

/* Answers; `body` is copied. The request is gone afterwards. */
void http_request_reply(HttpRequest *request, unsigned status, const char *content_type, const char *body,
                        size_t size);
/* The same; takes `body`. */
void http_request_reply_string(HttpRequest *request, unsigned status, const char *content_type,
                               GString *body);
/* http_request_reply() with more headers. */
void http_request_reply_with(HttpRequest *request, unsigned status, const char *content_type,
                             const HttpHeader *headers, const char *body, size_t size);
/* The oracle's page for an error status. */
void http_request_reply_error(HttpRequest *request, unsigned status);

/* The client has gone before the answer: `abandoned` is called once, then the request is gone. A client that
 * only closes its sending side counts as gone, as in the oracle. */
void http_request_on_abandon(HttpRequest *request, void (*abandoned)(void *userdata), void *userdata);
