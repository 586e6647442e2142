#include "ctl/stream.h"

struct LogStream {
    Transfer *transfer;
    FILE *output;
    char *url;  /* for messages */
    int status; /* 0: no answer yet */
    bool told;
};

static void tell(LogStream *stream, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void tell(LogStream *stream, const char *format, ...)
{
    va_list arguments;

    fflush(stream->output);
    fprintf(stderr, "%s ", stream->url);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    stream->told = true;
}

static bool take_head(int status, const char *reason, void *userdata)
{
    LogStream *stream = userdata;

    stream->status = status;
    if (status == 200)
        return true;
    tell(stream, "Cannot read, status code %d", status);
    /* Ends the transfer: the page behind the status is of no use. */
    return false;
}

/* A program's output goes out as it is, colours and all: that is what one follows it for. */
static bool take_output(const char *data, size_t size, void *userdata)
{
    LogStream *stream = userdata;

    fwrite(data, 1, size, stream->output);
    fflush(stream->output);
    return true;
}

static const HttpSink stream_sink = {.head = take_head, .body = take_output};

/* Names may hold anything; the server undoes it. */
static char *escape_path(const char *path)
{
    return g_uri_escape_string(path, "/:*@", FALSE);
}

LogStream *stream_open(Transport *transport, const char *serverurl, const char *path, FILE *output)
{
    LogStream *stream = g_new0(LogStream, 1);
    g_autofree char *escaped = escape_path(path), *problem = NULL;

    stream->output = output;
    stream->url = g_strconcat(serverurl, path, NULL);
    if (transfer_new(transport, escaped, NULL, 0, &stream_sink, stream, &stream->transfer, &problem) < 0)
        tell(stream, "Cannot connect, error: %s", problem);
    return stream;
}

void stream_free(LogStream *stream)
{
    if (!stream)
        return;
    transfer_free(stream->transfer);
    g_free(stream->url);
    g_free(stream);
}

bool stream_ended(LogStream *stream)
{
    if (!stream->transfer)
        return true;
    if (transfer_state(stream->transfer) == TRANSFER_RUNNING)
        return false;
    /* A daemon that goes away ends the log without a word. */
    if (stream->status == 0 && !stream->told && transfer_state(stream->transfer) == TRANSFER_FAILED) {
        g_autofree char *reason = transfer_describe(stream->transfer);
        tell(stream, "Cannot connect, error: %s", reason);
    }
    return true;
}
