/* Output on its way out of a FIFO: captured, stripped, shown, written, copied. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bridge/backlog.h"
#include "bridge/pump_stream.h"
#include "translator/text.h"

/* Where events are raised or output is captured: as much as the oracle gets out of its pipe at once. */
#define EVENT_READ_BYTES ((size_t)64 * 1024)
/* Of output that is in no file and that journald has not taken yet. */
#define MEMORY_LIMIT ((size_t)1024 * 1024)
/* What journald lets one service say by default: 10,000 lines in 30 s, times 3 to 4 where there is room on
 * the disk. */
#define RATE_BURST         30000
#define RATE_INTERVAL_USEC ((uint64_t)30 * 1000 * 1000)

static uint64_t monotonic_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Made when there is something to copy: most streams of most programs never have anything, and this is most
 * of what a stream costs. NULL without a journal and syslog. */
JournalCopy *pump_output_copy(PumpStream *stream)
{
    if (stream->copy || (!stream->to_journal && !stream->to_syslog))
        return stream->copy;
    stream->copy = journal_copy_new(&(JournalCopyConfig){
        .process = stream->name,
        .group = stream->group,
        .unit = stream->unit,
        .user_manager = stream->user_manager,
        .stream = stream->stream,
        .journal = stream->to_journal,
        .syslog = stream->to_syslog,
        .mark = stream->mark,
        .was_sent = stream->pump->was_sent,
        .was_sent_userdata = stream->pump->lookup,
        .log = stream->journal_log,
        .memory_limit = MEMORY_LIMIT,
        .rate_burst = RATE_BURST,
        .rate_interval = RATE_INTERVAL_USEC,
    });
    copy_queue_add(stream->pump->copies, stream->copy);
    return stream->copy;
}

void pump_output_push_extent(PumpStream *stream, const LogExtent *extent)
{
    JournalCopy *copy = pump_output_copy(stream);

    if (copy)
        backlog_push_extent(journal_copy_backlog(copy), extent, stream->pid, monotonic_now());
}

static void push_bytes(PumpStream *stream, const char *data, size_t size)
{
    JournalCopy *copy = pump_output_copy(stream);

    if (copy)
        backlog_push_bytes(journal_copy_backlog(copy), data, size, stream->pid, monotonic_now());
}

/* The oracle copies all output to the main log at level debug; with logfile=/dev/stdout that is how
 * containers show it. */
static void tell_data(const PumpStream *stream, const char *data, size_t size)
{
    if (size == 0 || stream->fd < 0 || !main_log_wants(stream->pump->log, LOG_LEVEL_DEBUG))
        return;
    g_autofree char *name = text_repr(stream->name);
    g_autofree char *text = g_utf8_make_valid(data, (gssize)size);
    main_log_write(stream->pump->log, LOG_LEVEL_DEBUG, "%s %s output:\n%s", name,
                   stream->stream == STREAM_STDERR ? "stderr" : "stdout", text);
}

/* To those who look at output as it comes: the main log and event listeners. */
static void show_data(PumpStream *stream, const char *data, size_t size)
{
    tell_data(stream, data, size);
    output_events_log(stream->events, stream->pid, data, size);
}

/* What went past us is read back. */
static void show_extent(PumpStream *stream, const LogExtent *extent)
{
    Pump *pump = stream->pump;
    ssize_t count;

    if (!main_log_wants(pump->log, LOG_LEVEL_DEBUG) && !output_events_wants_log(stream->events))
        return;
    for (off_t at = extent->begin; at < extent->end; at += count) {
        size_t size = (size_t)MIN(extent->end - at, (off_t)PUMP_READ_BYTES);
        count = log_segment_read(extent->segment, pump->buffer, size, at);
        if (count <= 0)
            return;
        show_data(stream, pump->buffer, (size_t)count);
    }
}

/* To the file as far as it takes it, and to the journal: from the file if it can be read back there. */
static void put_data(PumpStream *stream, const char *data, size_t size)
{
    show_data(stream, data, size);
    if (!stream->outlet) {
        push_bytes(stream, data, size);
        if (stream->journal_log)
            journal_log_append(stream->journal_log, data, size);
        return;
    }
    while (size > 0) {
        LogExtent extent;
        size_t count = outlet_write(stream->outlet, data, size, &extent);

        if (extent.segment)
            pump_output_push_extent(stream, &extent);
        else
            push_bytes(stream, data, count);
        outlet_rotate(stream->outlet);
        data += count;
        size -= count;
    }
}

/* What is to be seen of at most PUMP_READ_BYTES of output. */
static const char *stream_strip(PumpStream *stream, StripAnsi *state, const char *data, size_t *size)
{
    if (!stream->strips_ansi)
        return data;
    *size = strip_ansi(state, data, *size, stream->pump->stripped);
    return stream->pump->stripped;
}

static void take_data(PumpStream *stream, const char *data, size_t size)
{
    data = stream_strip(stream, &stream->strip_state, data, &size);
    put_data(stream, data, size);
}

static void take_captured(PumpStream *stream, const char *data, size_t size)
{
    data = stream_strip(stream, &stream->captured_strip_state, data, &size);
    show_data(stream, data, size);
    capture_keep(stream->capture, data, size);
}

static void take_communication(PumpStream *stream, const char *data, size_t size)
{
    g_autofree char *name = text_repr(stream->name);

    stream->captured_strip_state = STRIP_ANSI_TEXT;
    output_events_communication(stream->events, stream->pid, data, size);
    main_log_write(stream->pump->log, LOG_LEVEL_DEBUG, "%s %s emitted a comm event", name,
                   stream->stream == STREAM_STDERR ? "stderr" : "stdout");
}

void pump_output_on_capture(CaptureKind kind, const char *data, size_t size, void *userdata)
{
    static void (*const takers[])(PumpStream * stream, const char *data, size_t size) = {
        [CAPTURE_OUTSIDE] = take_data,
        [CAPTURE_INSIDE] = take_captured,
        [CAPTURE_END] = take_communication,
    };

    takers[kind](userdata, data, size);
}

void pump_output_accept(PumpStream *stream, const char *data, size_t size)
{
    if (stream->capture)
        capture_feed(stream->capture, data, size);
    else
        take_data(stream, data, size);
}

static ssize_t take_by_reading(PumpStream *stream, size_t size)
{
    char *buffer = stream->pump->buffer;
    ssize_t count = TEMP_FAILURE_RETRY(
        read(stream->fd, buffer, MIN(size, stream->capture ? EVENT_READ_BYTES : PUMP_READ_BYTES)));

    if (count < 0)
        return errno == EAGAIN ? 0 : -errno;
    pump_output_accept(stream, buffer, (size_t)count);
    return count;
}

/* Up to `size` bytes out of the FIFO. 0: it is empty. */
ssize_t pump_output_take(PumpStream *stream, size_t size)
{
    if (stream->outlet && !stream->strips_ansi && !stream->capture && outlet_can_splice(stream->outlet)) {
        LogExtent extent;
        ssize_t count = outlet_splice(stream->outlet, stream->fd, size, &extent);

        if (count > 0) {
            pump_output_push_extent(stream, &extent);
            show_extent(stream, &extent);
            outlet_rotate(stream->outlet);
        }
        if (count >= 0)
            return count;
        /* The disk is full, or splice does not work there: the program must not be held up. */
    }
    return take_by_reading(stream, size);
}

/* What was held back since more might have come. */
void pump_output_finish(PumpStream *stream)
{
    if (stream->capture)
        capture_finish(stream->capture);
    stream->captured_strip_state = STRIP_ANSI_TEXT;
    if (strip_ansi_finish(&stream->strip_state) > 0)
        put_data(stream, "\033", 1);
    output_events_finish_log(stream->events, stream->pid);
}
