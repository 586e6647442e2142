#include "bridge/http_stream.h"

#include <errno.h>
#include <string.h>

#include "bridge/http_internal.h"

enum { BLOCK_SIZE = 16 << 10 };

struct HttpStream {
    HttpRequest *request;
    const HttpStreamCallbacks *callbacks;
    void *userdata;
    GByteArray *bytes;
    size_t taken; /* of `bytes`, by the socket */
    bool closed;
};

static size_t stream_left(const HttpStream *stream)
{
    return stream->bytes->len - stream->taken;
}

static ssize_t stream_take(HttpStream *stream, char *buffer, size_t size)
{
    size_t count = MIN(size, stream_left(stream));

    memcpy(buffer, stream->bytes->data + stream->taken, count);
    stream->taken += count;
    if (stream_left(stream) == 0) {
        g_byte_array_set_size(stream->bytes, 0);
        stream->taken = 0;
    }
    return (ssize_t)count;
}

/* MHD wants the next bytes. Answering 0 alone would make it ask again at once, for ever: the connection is
 * suspended until there is something. */
static ssize_t on_read(void *userdata, uint64_t position, char *buffer, size_t size)
{
    HttpStream *stream = userdata;

    if (stream->request->dropped)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (stream_left(stream) == 0 && !stream->closed)
        stream->callbacks->drained(stream, stream->userdata);
    if (stream_left(stream) > 0)
        return stream_take(stream, buffer, size);
    /* Everybody has had the chance to add last words. */
    if (stream->closed || stream->request->server->http->closing)
        return MHD_CONTENT_READER_END_OF_STREAM;
    return http_request_suspend(stream->request) < 0 ? MHD_CONTENT_READER_END_WITH_ERROR : 0;
}

HttpStream *http_request_stream(HttpRequest *request, unsigned status, const char *content_type,
                                const HttpHeader *headers, const HttpStreamCallbacks *callbacks,
                                void *userdata)
{
    HttpStream *stream = g_new0(HttpStream, 1);

    stream->request = request;
    stream->callbacks = callbacks;
    stream->userdata = userdata;
    stream->bytes = g_byte_array_new();
    request->stream = stream;
    request->abandoned = NULL;
    request->response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_read, stream, NULL);
    if (request->response) {
        MHD_add_response_header(request->response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
        for (const HttpHeader *header = headers; header->name; header++)
            MHD_add_response_header(request->response, header->name, header->value);
        request->status = status;
        http_request_on_abandon(request, callbacks->abandoned, userdata);
    } else {
        request->dropped = true;
        stream = NULL;
    }
    http_request_resume(request);
    return stream;
}

size_t http_stream_room(const HttpStream *stream)
{
    return HTTP_STREAM_LIMIT - stream_left(stream);
}

int http_stream_append(HttpStream *stream, const void *bytes, size_t size)
{
    if (size > http_stream_room(stream))
        return -ENOBUFS;
    g_byte_array_remove_range(stream->bytes, 0, (guint)stream->taken);
    stream->taken = 0;
    g_byte_array_append(stream->bytes, bytes, (guint)size);
    http_request_resume(stream->request);
    return 0;
}

void http_stream_end(HttpStream *stream)
{
    http_request_on_abandon(stream->request, NULL, NULL);
    stream->closed = true;
    http_request_resume(stream->request);
}

void http_stream_free(HttpStream *stream)
{
    if (!stream)
        return;
    g_byte_array_unref(stream->bytes);
    g_free(stream);
}
