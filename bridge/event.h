/* Events: who wants them, and handing them out. A subscription to an abstract type gets everything below it.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/event_type.h"

typedef struct EventBus EventBus;

/* `payload` may hold any bytes; it is valid during the call. */
typedef void (*EventHandler)(EventType type, const char *payload, size_t size, void *userdata);

EventBus *event_bus_new(void);
void event_bus_free(EventBus *bus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EventBus, event_bus_free)

/* Handlers are called in order of subscription. Identifiers are > 0. */
unsigned event_bus_subscribe(EventBus *bus, EventType type, EventHandler handler, void *userdata);
void event_bus_unsubscribe(EventBus *bus, unsigned identifier);

/* Whoever has work to do only while somebody listens (one such at a time; NULL: nobody): called after each
 * change of what is subscribed to. */
typedef void (*EventInterestChanged)(void *userdata);
void event_bus_watch_interest(EventBus *bus, EventInterestChanged changed, void *userdata);

/* Whether anybody would hear it: saves the work of making a payload. */
bool event_bus_wants(const EventBus *bus, EventType type);
void event_bus_publish(EventBus *bus, EventType type, const char *payload, size_t size);

/* For handlers, while they are called: the number of the event that is being handed out. As in the oracle
 * only events that somebody asks this of are counted, from 0. */
int64_t event_bus_serial(EventBus *bus);
