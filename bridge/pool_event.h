/* One event as it waits in a pool, or is in the hands of a listener. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#include "common/event_type.h"

typedef struct PoolEvent {
    EventType type;
    int64_t serial;      /* among the daemon's */
    int64_t pool_serial; /* among the pool's */
    char *payload;
    size_t size;
} PoolEvent;

PoolEvent *pool_event_new(EventType type, int64_t serial, int64_t pool_serial, const char *payload,
                          size_t size);
PoolEvent *pool_event_ref(PoolEvent *event);
void pool_event_unref(PoolEvent *event);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PoolEvent, pool_event_unref)

/* The header line and the payload as a listener reads them, newly allocated. */
GString *pool_event_envelope(const PoolEvent *event, const char *identifier, const char *pool);
