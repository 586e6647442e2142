/* TICK_5, TICK_60 and TICK_3600 events. Ticks come at the even times of the wall clock, which is what their
 * payload names, but are waited for on the monotonic one: a clock that is set neither stops them nor makes
 * them come in a heap. While nobody subscribes to any of them there is no timer: an idle daemon sleeps. */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "bridge/event.h"

typedef struct Tick Tick;

/* `bus` must outlive it. Returns 0 or negative errno. */
int tick_new(sd_event *event, EventBus *bus, Tick **ret);
void tick_free(Tick *tick);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tick, tick_free)

/* How long to wait, in microseconds, for the next even five seconds, when the wall clock shows `wall` now and
 * the last tick was `last` (in seconds; 0: none). More than half of the five seconds, at most one and a half.
 */
uint64_t tick_delay(uint64_t wall, int64_t last);
/* The even time that a tick at `wall` stands for, in seconds. */
int64_t tick_when(uint64_t wall);
