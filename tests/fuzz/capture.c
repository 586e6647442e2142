/* A program's output on its way to listeners: strip_ansi, then capture mode, then the events of both, once
 * whole and once in pieces whose size the first byte says. What comes out must not depend on that. The second
 * byte says how much is captured at most. */
#include <stdlib.h>
#include <string.h>

#include "bridge/capture.h"
#include "bridge/output_events.h"
#include "bridge/strip_ansi.h"
#include "tests/fuzz/fuzz.h"

typedef struct Side {
    StripAnsi strip;
    Capture *capture;
    OutputEvents *events;
    EventBus *bus;
    GByteArray *outside; /* what is no communication */
    GByteArray *ends;    /* all communications, a mark behind each */
    size_t longest;      /* of the pieces that were captured */
    size_t maxbytes;
    unsigned published;
} Side;

static void on_event(EventType type, const char *payload, size_t size, void *userdata)
{
    if (size < strlen("processname:p groupname:g pid:1") || memcmp(payload, "processname:p", 13) != 0)
        abort();
    ((Side *)userdata)->published++;
}

static void on_captured(CaptureKind kind, const char *data, size_t size, void *userdata)
{
    Side *side = userdata;

    switch (kind) {
    case CAPTURE_OUTSIDE:
        g_byte_array_append(side->outside, (const guint8 *)data, (guint)size);
        output_events_log(side->events, 1, data, size);
        break;
    case CAPTURE_INSIDE:
        side->longest = MAX(side->longest, size);
        capture_keep(side->capture, data, size);
        break;
    case CAPTURE_END:
        if (size > MAX(side->longest, side->maxbytes))
            abort();
        g_byte_array_append(side->ends, (const guint8 *)data, (guint)size);
        g_byte_array_append(side->ends, (const guint8 *)"\377", 1);
        output_events_communication(side->events, 1, data, size);
        break;
    }
}

static void begin(Side *side, size_t maxbytes)
{
    *side = (Side){.maxbytes = maxbytes,
                   .bus = event_bus_new(),
                   .outside = g_byte_array_new(),
                   .ends = g_byte_array_new()};
    side->capture = capture_new((int64_t)maxbytes, on_captured, side);
    side->events = output_events_new(side->bus, "p", "g", STREAM_STDOUT, true);
    (void)event_bus_subscribe(side->bus, EVENT_EVENT, on_event, side);
}

static void feed(Side *side, const uint8_t *data, size_t size, size_t piece)
{
    g_autofree char *text = g_malloc(piece + 1);

    for (size_t at = 0; at < size; at += piece) {
        size_t left = strip_ansi(&side->strip, (const char *)data + at, MIN(piece, size - at), text);
        if (left > piece + 1)
            abort();
        capture_feed(side->capture, text, left);
    }
    if (strip_ansi_finish(&side->strip) > 0)
        capture_feed(side->capture, "\033", 1);
    capture_finish(side->capture);
    output_events_finish_log(side->events, 1);
}

static void end(Side *side)
{
    output_events_free(side->events);
    capture_free(side->capture);
    event_bus_free(side->bus);
    g_byte_array_unref(side->outside);
    g_byte_array_unref(side->ends);
}

static bool is_same(const GByteArray *a, const GByteArray *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Side whole, cut;

    if (size < 2)
        return 0;
    /* What is too long loses as many bytes as come at once, so only what fits is the same in both. */
    size_t maxbytes = data[1] < 128 ? size : data[1] - 127u;
    begin(&whole, maxbytes);
    begin(&cut, maxbytes);
    feed(&whole, data + 2, size - 2, size);
    feed(&cut, data + 2, size - 2, 1 + data[0] % 40);
    if (!is_same(whole.outside, cut.outside) || (maxbytes >= size && !is_same(whole.ends, cut.ends)))
        abort();
    end(&whole);
    end(&cut);
    return 0;
}
