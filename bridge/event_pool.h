/* The pool of an [eventlistener:x]: which events it wants, those that wait, and handing them to whichever of
 * its listeners is free. */
#pragma once

#include <glib.h>
#include <systemd/sd-event.h>

#include "bridge/event.h"
#include "bridge/listener.h"
#include "bridge/main_log.h"
#include "translator/config.h"

typedef struct EventPool EventPool;

/* Subscribes. `bus`, `log` and `identifier` must outlive it; `config` until event_pool_configure(). */
EventPool *event_pool_new(sd_event *event, EventBus *bus, MainLog *log, const char *identifier,
                          const GroupConfig *config);
/* Hears nothing any more; its listeners are let go. */
void event_pool_free(EventPool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EventPool, event_pool_free)

/* The same pool by a newer configuration: what waits goes on waiting. */
void event_pool_configure(EventPool *pool, const GroupConfig *config);

/* The listeners get events in the order in which they were added. They must be alive until they are removed.
 */
void event_pool_add(EventPool *pool, Listener *listener);
void event_pool_remove_all(EventPool *pool);
