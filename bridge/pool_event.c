#include "bridge/pool_event.h"

static void clear(void *data)
{
    PoolEvent *event = data;
    g_free(event->payload);
}

PoolEvent *pool_event_new(EventType type, int64_t serial, int64_t pool_serial, const char *payload,
                          size_t size)
{
    PoolEvent *event = g_rc_box_new0(PoolEvent);

    event->type = type;
    event->serial = serial;
    event->pool_serial = pool_serial;
    event->payload = size > 0 ? g_memdup2(payload, size) : NULL;
    event->size = size;
    return event;
}

PoolEvent *pool_event_ref(PoolEvent *event)
{
    return g_rc_box_acquire(event);
}

void pool_event_unref(PoolEvent *event)
{
    if (event)
        g_rc_box_release_full(event, clear);
}

/* The oracle counts characters, and listeners in Python read so many of them. */
static size_t count_characters(const char *text, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

GString *pool_event_envelope(const PoolEvent *event, const char *identifier, const char *pool)
{
    GString *envelope = g_string_sized_new(event->size + 256);

    g_string_printf(envelope,
                    "ver:3.0 server:%s serial:%" G_GINT64_FORMAT " pool:%s poolserial:%" G_GINT64_FORMAT
                    " eventname:%s len:%zu\n",
                    identifier, event->serial, pool, event->pool_serial, event_type_name(event->type),
                    count_characters(event->payload, event->size));
    if (event->size > 0)
        g_string_append_len(envelope, event->payload, (gssize)event->size);
    return envelope;
}
