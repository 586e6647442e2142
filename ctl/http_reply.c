#include "ctl/http_reply.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/* Far more than any daemon sends, for one line and for all together. */
#define HEADERS_SIZE_MAX ((size_t)256 << 10)
#define CHUNK_DIGITS_MAX 15

typedef enum Part {
    PART_STATUS,
    PART_HEADERS,
    PART_BODY,       /* `left` bytes */
    PART_REST,       /* until the connection ends */
    PART_CHUNK_SIZE, /* a line */
    PART_CHUNK,      /* `left` bytes */
    PART_CHUNK_END,  /* an empty line */
    PART_TRAILERS,   /* lines, up to an empty one */
    PART_END,
} Part;

struct HttpReply {
    const HttpSink *sink;
    void *userdata;
    Part part;
    GString *line; /* what has come of the line that is being read */
    size_t headers_size;
    bool empty;
    int status;
    char *reason;
    uint64_t left;
    bool has_length;
    bool is_chunked;
    bool keeps_connection;
};

HttpReply *http_reply_new(const HttpSink *sink, void *userdata)
{
    HttpReply *reply = g_new0(HttpReply, 1);

    reply->sink = sink;
    reply->userdata = userdata;
    reply->line = g_string_new(NULL);
    reply->empty = true;
    return reply;
}

void http_reply_free(HttpReply *reply)
{
    if (!reply)
        return;
    g_string_free(reply->line, TRUE);
    g_free(reply->reason);
    g_free(reply);
}

bool http_reply_is_empty(const HttpReply *reply)
{
    return reply->empty;
}

bool http_reply_keeps_connection(const HttpReply *reply)
{
    return reply->part == PART_END && reply->keeps_connection;
}

/* "HTTP/1.1 404 Not Found"; the reason may be missing, the space before it, too. */
static int take_status_line(HttpReply *reply, const char *line)
{
    if (!g_str_has_prefix(line, "HTTP/1.") || !g_ascii_isdigit(line[7]) || line[8] != ' ')
        return -EBADMSG;
    const char *digits = line + 9;
    if (strspn(digits, "0123456789") != 3 || (digits[3] != ' ' && digits[3] != '\0'))
        return -EBADMSG;
    reply->status = (int)g_ascii_strtoull(digits, NULL, 10);
    g_free(reply->reason);
    reply->reason = g_strstrip(g_strdup(digits + 3));
    reply->keeps_connection = line[7] != '0';
    reply->has_length = false;
    reply->is_chunked = false;
    reply->left = 0;
    reply->part = PART_HEADERS;
    return 0;
}

static int take_length(HttpReply *reply, const char *value)
{
    guint64 length;

    if (!g_ascii_string_to_unsigned(value, 10, 0, INT64_MAX, &length, NULL) ||
        (reply->has_length && reply->left != length))
        return -EBADMSG;
    reply->has_length = true;
    reply->left = length;
    return 0;
}

static int take_encoding(HttpReply *reply, const char *value)
{
    if (g_ascii_strcasecmp(value, "identity") == 0)
        return 0;
    if (g_ascii_strcasecmp(value, "chunked") != 0)
        return -EBADMSG;
    reply->is_chunked = true;
    return 0;
}

static int take_connection(HttpReply *reply, const char *value)
{
    if (g_ascii_strcasecmp(value, "close") == 0)
        reply->keeps_connection = false;
    return 0;
}

static const struct {
    const char *name;
    int (*take)(HttpReply *reply, const char *value);
} headers[] = {
    {"Content-Length", take_length},
    {"Transfer-Encoding", take_encoding},
    {"Connection", take_connection},
};

static Part part_of_body(const HttpReply *reply)
{
    if (reply->status == 204 || reply->status == 304)
        return PART_END;
    if (reply->is_chunked)
        return PART_CHUNK_SIZE;
    if (!reply->has_length)
        return PART_REST;
    return reply->left > 0 ? PART_BODY : PART_END;
}

static int end_headers(HttpReply *reply)
{
    /* "100 Continue" and its like come before the answer. */
    if (reply->status < 200) {
        reply->part = PART_STATUS;
        return 0;
    }
    reply->part = part_of_body(reply);
    if (reply->part == PART_REST)
        reply->keeps_connection = false;
    return reply->sink->head(reply->status, reply->reason, reply->userdata) ? 0 : -ECANCELED;
}

static int take_header(HttpReply *reply, char *line)
{
    char *colon = strchr(line, ':');

    if (!*line)
        return end_headers(reply);
    /* Whatever it is, it is none that matters. */
    if (!colon)
        return 0;
    *colon = '\0';
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        if (g_ascii_strcasecmp(line, headers[i].name) == 0)
            return headers[i].take(reply, g_strstrip(colon + 1));
    }
    return 0;
}

/* "1a; an extension" */
static int take_chunk_size(HttpReply *reply, const char *line)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");

    if (digits == 0 || digits > CHUNK_DIGITS_MAX || !strchr("; \t", line[digits]))
        return -EBADMSG;
    reply->left = g_ascii_strtoull(line, NULL, 16);
    reply->part = reply->left > 0 ? PART_CHUNK : PART_TRAILERS;
    return 0;
}

static int take_line(HttpReply *reply, char *line)
{
    switch (reply->part) {
    case PART_STATUS:
        return take_status_line(reply, line);
    case PART_HEADERS:
        return take_header(reply, line);
    case PART_CHUNK_SIZE:
        return take_chunk_size(reply, line);
    case PART_CHUNK_END:
        reply->part = PART_CHUNK_SIZE;
        return *line ? -EBADMSG : 0;
    case PART_TRAILERS:
        if (!*line)
            reply->part = PART_END;
        return 0;
    default:
        g_assert_not_reached();
    }
}

/* Chunks may be many: their lines count for nothing once they are over. */
static bool is_too_large(HttpReply *reply, size_t size)
{
    if (reply->part == PART_CHUNK_SIZE || reply->part == PART_CHUNK_END)
        return reply->line->len + size > HEADERS_SIZE_MAX;
    reply->headers_size += size;
    return reply->headers_size > HEADERS_SIZE_MAX;
}

/* Returns how many bytes it took, or negative errno. */
static ssize_t feed_line(HttpReply *reply, const char *data, size_t size)
{
    const char *end = memchr(data, '\n', size);
    size_t length = end ? (size_t)(end - data) : size;
    int r;

    if (is_too_large(reply, length + 1))
        return -EMSGSIZE;
    g_string_append_len(reply->line, data, (gssize)length);
    if (!end)
        return (ssize_t)length;
    if (reply->line->len > 0 && reply->line->str[reply->line->len - 1] == '\r')
        g_string_truncate(reply->line, reply->line->len - 1);
    r = take_line(reply, reply->line->str);
    g_string_truncate(reply->line, 0);
    return r < 0 ? r : (ssize_t)length + 1;
}

static ssize_t feed_body(HttpReply *reply, const char *data, size_t size)
{
    if (reply->part != PART_REST) {
        size = MIN(size, reply->left);
        reply->left -= size;
    }
    if (!reply->sink->body(data, size, reply->userdata))
        return -ECANCELED;
    if (reply->left == 0 && reply->part != PART_REST)
        reply->part = reply->part == PART_CHUNK ? PART_CHUNK_END : PART_END;
    return (ssize_t)size;
}

int http_reply_feed(HttpReply *reply, const char *data, size_t size)
{
    reply->empty = reply->empty && size == 0;
    while (size > 0 && reply->part != PART_END) {
        bool is_body = reply->part == PART_BODY || reply->part == PART_CHUNK || reply->part == PART_REST;
        ssize_t taken = is_body ? feed_body(reply, data, size) : feed_line(reply, data, size);

        if (taken < 0)
            return (int)taken;
        data += taken;
        size -= (size_t)taken;
    }
    /* Nobody asked for what comes behind it: the next answer could not be told from it. */
    if (size > 0)
        reply->keeps_connection = false;
    return reply->part == PART_END;
}

int http_reply_finish(HttpReply *reply)
{
    if (reply->empty)
        return -ENODATA;
    if (reply->part != PART_REST && reply->part != PART_END)
        return -EBADMSG;
    reply->part = PART_END;
    return 1;
}
