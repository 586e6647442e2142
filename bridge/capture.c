#include "bridge/capture.h"

#include <stdbool.h>
#include <string.h>

static const char *const marks[] = {
    [false] = "<!--XSUPERVISOR:BEGIN-->",
    [true] = "<!--XSUPERVISOR:END-->",
};

struct Capture {
    size_t maxbytes;
    CaptureSink sink;
    void *userdata;
    bool inside;
    size_t matched; /* so many bytes of the next mark have come, and nobody has been told of them */
    GByteArray *pending;
    GByteArray *kept;
};

Capture *capture_new(int64_t maxbytes, CaptureSink sink, void *userdata)
{
    Capture *capture = g_new0(Capture, 1);

    capture->maxbytes = (size_t)maxbytes;
    capture->sink = sink;
    capture->userdata = userdata;
    capture->pending = g_byte_array_new();
    capture->kept = g_byte_array_new();
    return capture;
}

void capture_free(Capture *capture)
{
    if (!capture)
        return;
    g_byte_array_unref(capture->pending);
    g_byte_array_unref(capture->kept);
    g_free(capture);
}

static void capture_tell(Capture *capture, const char *data, size_t size)
{
    if (size > 0)
        capture->sink(capture->inside ? CAPTURE_INSIDE : CAPTURE_OUTSIDE, data, size, capture->userdata);
}

static void capture_toggle(Capture *capture)
{
    capture->inside = !capture->inside;
    if (capture->inside)
        return;
    capture->sink(CAPTURE_END, (const char *)capture->kept->data, capture->kept->len, capture->userdata);
    g_byte_array_set_size(capture->kept, 0);
}

/* How many bytes at the end of the data are the beginning of the mark. */
static size_t find_beginning_at_end(const char *data, size_t size, const char *mark)
{
    size_t length = MIN(strlen(mark) - 1, size);

    while (length > 0 && memcmp(data + size - length, mark, length) != 0)
        length--;
    return length;
}

/* Tells everything but what may still become a mark; returns how many bytes at the end that is. */
static size_t capture_scan(Capture *capture, const char *data, size_t size)
{
    const char *mark = marks[capture->inside];
    const char *found;
    size_t left;

    while ((found = memmem(data, size, mark, strlen(mark)))) {
        size_t before = (size_t)(found - data);

        capture_tell(capture, data, before);
        data += before + strlen(mark);
        size -= before + strlen(mark);
        capture_toggle(capture);
        mark = marks[capture->inside];
    }
    left = find_beginning_at_end(data, size, mark);
    capture_tell(capture, data, size - left);
    return left;
}

void capture_feed(Capture *capture, const char *data, size_t size)
{
    if (capture->matched == 0) {
        capture->matched = capture_scan(capture, data, size);
        return;
    }
    g_byte_array_set_size(capture->pending, 0);
    g_byte_array_append(capture->pending, (const guint8 *)marks[capture->inside], (guint)capture->matched);
    g_byte_array_append(capture->pending, (const guint8 *)data, (guint)size);
    capture->matched = capture_scan(capture, (const char *)capture->pending->data, capture->pending->len);
}

void capture_keep(Capture *capture, const char *data, size_t size)
{
    GByteArray *kept = capture->kept;

    if (kept->len + size > capture->maxbytes)
        g_byte_array_remove_range(kept, 0, MIN(kept->len, (guint)size));
    g_byte_array_append(kept, (const guint8 *)data, (guint)size);
}

void capture_finish(Capture *capture)
{
    if (!capture->inside)
        capture_tell(capture, marks[false], capture->matched);
    capture->inside = false;
    capture->matched = 0;
    g_byte_array_set_size(capture->kept, 0);
}
