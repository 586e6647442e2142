/* Answers that come in pieces and may never end: chunked for HTTP/1.1, until the connection closes for
 * HTTP/1.0. What the client does not take stays here, up to HTTP_STREAM_LIMIT; a client that takes nothing
 * for a minute while there is something is dropped. */
#pragma once

#include <stddef.h>

#include "bridge/http.h"

enum { HTTP_STREAM_LIMIT = 64 << 10 };

typedef struct HttpStream HttpStream;

typedef struct HttpStreamCallbacks {
    /* Everything that was appended has been handed to the socket (and once at the beginning): append more,
     * now or later, or end it. */
    void (*drained)(HttpStream *stream, void *userdata);
    /* The client has gone, or the server is being freed. Called once, the stream is gone then; not after
     * http_stream_end(). */
    void (*abandoned)(void *userdata);
} HttpStreamCallbacks;

/* Begins the answer; takes the place of http_request_reply(), and of an earlier http_request_on_abandon().
 * `headers` ends in a row with NULL. `callbacks` must stay. They are called from the event loop, never before
 * this returns. NULL when there is no memory: the client is dropped, nothing is called. */
HttpStream *http_request_stream(HttpRequest *request, unsigned status, const char *content_type,
                                const HttpHeader *headers, const HttpStreamCallbacks *callbacks,
                                void *userdata);
/* How many bytes may be appended now. */
size_t http_stream_room(const HttpStream *stream);
/* Copies. Returns 0, or -ENOBUFS without taking anything when there is no room for all of it. */
int http_stream_append(HttpStream *stream, const void *bytes, size_t size);
/* What was appended still goes out, then the answer is complete. The stream is gone for the caller. */
void http_stream_end(HttpStream *stream);
