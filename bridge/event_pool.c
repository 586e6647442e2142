#include "bridge/event_pool.h"

#include <errno.h>

struct EventPool {
    EventBus *bus;
    MainLog *log;
    const char *identifier;
    const GroupConfig *config;
    GArray *subscriptions; /* of unsigned */
    GPtrArray *listeners;
    GQueue waiting; /* of PoolEvent, the oldest first */
    PoolEvent *last;
    int64_t next_serial;
    sd_event_source *dispatch; /* from the loop: what comes in one turn is told as the oracle would */
};

static void schedule_dispatch(EventPool *pool);

/* Waiting
 * ---------------------------------------------------------------------------------------------------- */

static void make_room(EventPool *pool)
{
    if ((int64_t)pool->waiting.length < pool->config->buffer_size)
        return;
    g_autoptr(PoolEvent) oldest = g_queue_pop_head(&pool->waiting);
    if (oldest)
        main_log_write(pool->log, LOG_LEVEL_ERROR,
                       "pool %s event buffer overflowed, discarding event %" G_GINT64_FORMAT,
                       pool->config->name, oldest->serial);
}

static void tell_rebuffering(const EventPool *pool, const PoolEvent *event)
{
    main_log_write(pool->log, LOG_LEVEL_DEBUG,
                   "rebuffering event %" G_GINT64_FORMAT " for pool %s (buf size=%u, max=%" G_GINT64_FORMAT
                   ")",
                   event->serial, pool->config->name, pool->waiting.length, pool->config->buffer_size);
}

/* To the front: it is the oldest. Where there is no room the next one goes, as in the oracle. */
static void take_back(EventPool *pool, PoolEvent *event)
{
    tell_rebuffering(pool, event);
    make_room(pool);
    g_queue_push_head(&pool->waiting, pool_event_ref(event));
}

static void on_event(EventType type, const char *payload, size_t size, void *userdata)
{
    EventPool *pool = userdata;
    int64_t serial = event_bus_serial(pool->bus);

    /* A pool that asks for PROCESS_STATE and for PROCESS_STATE_FATAL gets the latter twice, under one number.
     */
    if (pool->last && pool->last->serial == serial) {
        tell_rebuffering(pool, pool->last);
    } else {
        g_clear_pointer(&pool->last, pool_event_unref);
        pool->last = pool_event_new(type, serial, pool->next_serial++, payload, size);
    }
    make_room(pool);
    g_queue_push_tail(&pool->waiting, pool_event_ref(pool->last));
    schedule_dispatch(pool);
}

/* Handing out
 * ---------------------------------------------------------------------------------------------------- */

static bool has_available(const EventPool *pool)
{
    for (unsigned i = 0; i < pool->listeners->len; i++) {
        if (listener_is_available(g_ptr_array_index(pool->listeners, i)))
            return true;
    }
    return false;
}

static void schedule_dispatch(EventPool *pool)
{
    if (pool->waiting.length > 0 && has_available(pool))
        (void)sd_event_source_set_enabled(pool->dispatch, SD_EVENT_ONESHOT);
}

static bool hand_out(EventPool *pool, PoolEvent *event)
{
    g_autoptr(GString) envelope = NULL;

    for (unsigned i = 0; i < pool->listeners->len; i++) {
        Listener *listener = g_ptr_array_index(pool->listeners, i);
        if (!listener_is_available(listener))
            continue;
        if (!envelope)
            envelope = pool_event_envelope(event, pool->identifier, pool->config->name);
        if (listener_give(listener, event, envelope) < 0) {
            main_log_write(pool->log, LOG_LEVEL_DEBUG,
                           "epipe occurred while sending event %" G_GINT64_FORMAT
                           " to listener %s, listener state unchanged",
                           event->serial, listener_name(listener));
            continue;
        }
        main_log_write(pool->log, LOG_LEVEL_DEBUG, "event %" G_GINT64_FORMAT " sent to listener %s",
                       event->serial, listener_name(listener));
        return true;
    }
    return false;
}

static int on_dispatch(sd_event_source *source, void *userdata)
{
    EventPool *pool = userdata;
    PoolEvent *next;

    if (!has_available(pool))
        return 0;
    while ((next = g_queue_pop_head(&pool->waiting))) {
        g_autoptr(PoolEvent) event = next;
        if (!hand_out(pool, event)) {
            take_back(pool, event);
            break;
        }
    }
    return 0;
}

static void on_available(Listener *listener, void *userdata)
{
    schedule_dispatch(userdata);
}

static void on_rejected(Listener *listener, PoolEvent *event, void *userdata)
{
    EventPool *pool = userdata;

    take_back(pool, event);
    schedule_dispatch(pool);
}

/* Life
 * ---------------------------------------------------------------------------------------------------- */

static void unsubscribe(EventPool *pool)
{
    for (unsigned i = 0; i < pool->subscriptions->len; i++)
        event_bus_unsubscribe(pool->bus, g_array_index(pool->subscriptions, unsigned, i));
    g_array_set_size(pool->subscriptions, 0);
}

void event_pool_configure(EventPool *pool, const GroupConfig *config)
{
    unsubscribe(pool);
    pool->config = config;
    for (size_t i = 0; i < config->event_count; i++) {
        EventType type;
        if (event_type_from_name(config->events[i], &type) < 0)
            continue; /* the reader has refused such names */
        unsigned identifier = event_bus_subscribe(pool->bus, type, on_event, pool);
        g_array_append_val(pool->subscriptions, identifier);
    }
}

EventPool *event_pool_new(sd_event *event, EventBus *bus, MainLog *log, const char *identifier,
                          const GroupConfig *config)
{
    EventPool *pool = g_new0(EventPool, 1);

    pool->bus = bus;
    pool->log = log;
    pool->identifier = identifier;
    pool->subscriptions = g_array_new(FALSE, FALSE, sizeof(unsigned));
    pool->listeners = g_ptr_array_new();
    g_queue_init(&pool->waiting);
    if (sd_event_add_defer(event, &pool->dispatch, on_dispatch, pool) < 0 ||
        sd_event_source_set_enabled(pool->dispatch, SD_EVENT_OFF) < 0)
        g_error("out of memory");
    event_pool_configure(pool, config);
    return pool;
}

void event_pool_free(EventPool *pool)
{
    if (!pool)
        return;
    unsubscribe(pool);
    event_pool_remove_all(pool);
    sd_event_source_disable_unref(pool->dispatch);
    g_queue_clear_full(&pool->waiting, (GDestroyNotify)pool_event_unref);
    pool_event_unref(pool->last);
    g_ptr_array_unref(pool->listeners);
    g_array_unref(pool->subscriptions);
    g_free(pool);
}

void event_pool_add(EventPool *pool, Listener *listener)
{
    static const ListenerPool callbacks = {.available = on_available, .rejected = on_rejected};

    listener_set_pool(listener, &callbacks, pool);
    g_ptr_array_add(pool->listeners, listener);
}

void event_pool_remove_all(EventPool *pool)
{
    for (unsigned i = 0; i < pool->listeners->len; i++)
        listener_set_pool(g_ptr_array_index(pool->listeners, i), NULL, NULL);
    g_ptr_array_set_size(pool->listeners, 0);
}
