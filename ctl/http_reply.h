/* One answer of HTTP/1.0 or 1.1, taken apart as its bytes come. No sockets. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct HttpReply HttpReply;

/* Who takes the answer. Returning false ends it. */
typedef struct HttpSink {
    /* Once, when the headers are complete; `reason` may be "". */
    bool (*head)(int status, const char *reason, void *userdata);
    bool (*body)(const char *data, size_t size, void *userdata);
} HttpSink;

HttpReply *http_reply_new(const HttpSink *sink, void *userdata);
void http_reply_free(HttpReply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpReply, http_reply_free)

/* Takes what has come. Returns 1 when the answer is complete, 0 when more must come, -ECANCELED when the sink
 * wants no more, -EMSGSIZE when the headers are too large, -EBADMSG when this is no HTTP. */
int http_reply_feed(HttpReply *reply, const char *data, size_t size);
/* The connection has ended. Returns 1 when that was the end of the answer, -ENODATA when there was none at
 * all, -EBADMSG when it is cut short. */
int http_reply_finish(HttpReply *reply);

/* Whether nothing has come yet. */
bool http_reply_is_empty(const HttpReply *reply);
/* Whether another request may follow on the same connection, once the answer is complete. */
bool http_reply_keeps_connection(const HttpReply *reply);
