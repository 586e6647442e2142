#include "ctl/stream.h"

#include <errno.h>
#include <string.h>

struct LogStream {
    Transport *transport;
    Transfer transfer;
    FILE *output;
    char *url; /* for messages */
    bool connected;
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

static long http_status(const LogStream *stream)
{
    long status = 0;

    curl_easy_getinfo(stream->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* A program's output goes out as it is, colours and all: that is what one follows it for. */
static size_t take_output(char *data, size_t size, size_t count, void *userdata)
{
    LogStream *stream = userdata;

    if (http_status(stream) == 200) {
        fwrite(data, size, count, stream->output);
        fflush(stream->output);
    }
    return size * count;
}

static size_t take_header(char *data, size_t size, size_t count, void *userdata)
{
    LogStream *stream = userdata;
    long status = http_status(stream);

    stream->connected = true;
    if (status == 200 || status < 200 || stream->told)
        return size * count;
    tell(stream, "Cannot read, status code %ld", status);
    /* Ends the transfer: the page behind the status is of no use. */
    return 0;
}

/* Names may hold anything; the server undoes it. */
static char *escape_path(const char *path)
{
    return g_uri_escape_string(path, "/:*@", FALSE);
}

static int aim(LogStream *stream, const char *path)
{
    g_autofree char *escaped = escape_path(path), *problem = NULL;
    CURL *easy = stream->transfer.easy;

    if (transport_aim(stream->transport, easy, escaped, &problem) < 0) {
        tell(stream, "Cannot connect, error: %s", problem);
        return 0;
    }
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_output);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, stream);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, stream);
    return transport_start(stream->transport, &stream->transfer);
}

int stream_open(Transport *transport, const char *serverurl, const char *path, FILE *output, LogStream **ret)
{
    g_autoptr(LogStream) stream = g_new0(LogStream, 1);
    int r;

    stream->transport = transport;
    stream->output = output;
    stream->url = g_strconcat(serverurl, path, NULL);
    stream->transfer.easy = curl_easy_init();
    if (!stream->transfer.easy)
        return -ENOMEM;
    r = aim(stream, path);
    if (r < 0)
        return r;
    *ret = g_steal_pointer(&stream);
    return 0;
}

void stream_free(LogStream *stream)
{
    if (!stream)
        return;
    if (stream->transfer.easy) {
        transport_stop(stream->transport, &stream->transfer);
        curl_easy_cleanup(stream->transfer.easy);
    }
    g_free(stream->url);
    g_free(stream);
}

bool stream_ended(LogStream *stream)
{
    if (stream->transfer.running)
        return false;
    /* A daemon that goes away ends the log without a word. */
    if (!stream->connected && !stream->told && stream->transfer.result != CURLE_OK) {
        g_autofree char *reason = transport_describe(stream->transport, &stream->transfer);
        tell(stream, "Cannot connect, error: %s", reason);
    }
    return true;
}
