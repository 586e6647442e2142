#include "bridge/output_events.h"

#include <string.h>

#include "translator/text.h"

#define EVENT_BYTES ((size_t)64 * 1024)

enum { CHARACTER_BYTES = 4 };

static const struct {
    EventType log;
    EventType communication;
    const char *channel;
} streams[STREAM_COUNT] = {
    [STREAM_STDOUT] = {EVENT_PROCESS_LOG_STDOUT, EVENT_PROCESS_COMMUNICATION_STDOUT, "stdout"},
    [STREAM_STDERR] = {EVENT_PROCESS_LOG_STDERR, EVENT_PROCESS_COMMUNICATION_STDERR, "stderr"},
};

struct OutputEvents {
    EventBus *bus;
    char *process;
    char *group;
    Stream stream;
    bool log;
    char cut[CHARACTER_BYTES]; /* the beginning of a character */
    size_t cut_size;
};

OutputEvents *output_events_new(EventBus *bus, const char *process, const char *group, Stream stream,
                                bool log)
{
    OutputEvents *events = g_new0(OutputEvents, 1);

    events->bus = bus;
    events->process = g_strdup(process);
    events->group = g_strdup(group);
    events->stream = stream;
    events->log = log;
    return events;
}

void output_events_free(OutputEvents *events)
{
    if (!events)
        return;
    g_free(events->process);
    g_free(events->group);
    g_free(events);
}

bool output_events_wants_log(const OutputEvents *events)
{
    return events->log && event_bus_wants(events->bus, streams[events->stream].log);
}

/* Listeners get text: what is none comes as Python would show the bytes. */
static void append_text(GString *payload, const char *data, size_t size)
{
    const char *reason;
    size_t position;
    size_t count;

    if (!text_find_undecodable(data, size, &position, &count, &reason)) {
        g_string_append_len(payload, data, (gssize)size);
        return;
    }
    g_autofree char *shown = text_repr_bytes(data, size);
    g_string_append(payload, "Undecodable: ");
    g_string_append(payload, shown);
}

static void publish(OutputEvents *events, EventType type, pid_t pid, const char *channel, const char *data,
                    size_t size)
{
    g_autoptr(GString) payload = g_string_sized_new(size + 128);

    g_string_printf(payload, "processname:%s groupname:%s pid:%d%s%s\n", events->process, events->group,
                    (int)pid, channel ? " channel:" : "", channel ? channel : "");
    append_text(payload, data, size);
    event_bus_publish(events->bus, type, payload->str, payload->len);
}

/* How many bytes at the end are a character that goes on. */
static size_t find_cut_character(const char *data, size_t size)
{
    for (size_t length = 1; length < CHARACTER_BYTES && length <= size; length++) {
        const char *last = data + size - length;

        /* What continues a character is 10xxxxxx. */
        if (((unsigned char)*last & 0xc0) != 0x80)
            return g_utf8_get_char_validated(last, (gssize)length) == (gunichar)-2 ? length : 0;
    }
    return 0;
}

static void log_chunk(OutputEvents *events, pid_t pid, const char *data, size_t size)
{
    g_autofree char *joined = NULL;
    size_t whole;

    if (events->cut_size > 0) {
        joined = g_malloc(events->cut_size + size);
        memcpy(joined, events->cut, events->cut_size);
        memcpy(joined + events->cut_size, data, size);
        data = joined;
        size += events->cut_size;
    }
    events->cut_size = find_cut_character(data, size);
    whole = size - events->cut_size;
    memcpy(events->cut, data + whole, events->cut_size);
    if (whole > 0)
        publish(events, streams[events->stream].log, pid, streams[events->stream].channel, data, whole);
}

void output_events_log(OutputEvents *events, pid_t pid, const char *data, size_t size)
{
    if (!output_events_wants_log(events)) {
        events->cut_size = 0;
        return;
    }
    while (size > 0) {
        size_t chunk = MIN(size, EVENT_BYTES);

        log_chunk(events, pid, data, chunk);
        data += chunk;
        size -= chunk;
    }
}

void output_events_finish_log(OutputEvents *events, pid_t pid)
{
    size_t size = events->cut_size;

    events->cut_size = 0;
    if (size > 0 && output_events_wants_log(events))
        publish(events, streams[events->stream].log, pid, streams[events->stream].channel, events->cut, size);
}

void output_events_communication(OutputEvents *events, pid_t pid, const char *data, size_t size)
{
    EventType type = streams[events->stream].communication;

    if (event_bus_wants(events->bus, type))
        publish(events, type, pid, NULL, data, size);
}
