#include "bridge/tick.h"

#include <string.h>
#include <time.h>

#define SECOND ((uint64_t)1000000)

enum { SHORTEST = 5 };

static const struct {
    int64_t period;
    EventType type;
} ticks[] = {
    {SHORTEST, EVENT_TICK_5},
    {60, EVENT_TICK_60},
    {3600, EVENT_TICK_3600},
};

struct Tick {
    sd_event *event;
    EventBus *bus;
    sd_event_source *timer;
    int64_t last[G_N_ELEMENTS(ticks)]; /* the slice of time of the last tick */
};

static uint64_t wall_now(void)
{
    return (uint64_t)g_get_real_time();
}

int64_t tick_when(uint64_t wall)
{
    /* The two clocks differ by a little: the nearest one is meant, not the one before. */
    return (int64_t)((wall + SHORTEST * SECOND / 2) / (SHORTEST * SECOND)) * SHORTEST;
}

uint64_t tick_delay(uint64_t wall, int64_t last)
{
    uint64_t delay = SHORTEST * SECOND - wall % (SHORTEST * SECOND);

    /* A tick that was a little early: the even time that it stood for is still to come. */
    if (last > 0 && delay <= SHORTEST * SECOND / 2)
        delay += SHORTEST * SECOND;
    return delay;
}

static int64_t slice(int64_t period, int64_t when)
{
    return when - when % period;
}

static bool is_wanted(const Tick *tick)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ticks); i++) {
        if (event_bus_wants(tick->bus, ticks[i].type))
            return true;
    }
    return false;
}

static int wait_for_next(Tick *tick, int64_t last)
{
    int r = sd_event_source_set_time_relative(tick->timer, tick_delay(wall_now(), last));
    return r < 0 ? r : sd_event_source_set_enabled(tick->timer, SD_EVENT_ONESHOT);
}

static void publish(Tick *tick, EventType type, int64_t when)
{
    g_autofree char *payload = NULL;

    if (!event_bus_wants(tick->bus, type))
        return;
    payload = g_strdup_printf("when:%" G_GINT64_FORMAT, when);
    event_bus_publish(tick->bus, type, payload, strlen(payload));
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
    Tick *tick = userdata;
    int64_t when = tick_when(wall_now());

    for (size_t i = 0; i < G_N_ELEMENTS(ticks); i++) {
        int64_t now = slice(ticks[i].period, when);
        /* The shortest period is what the timer waits for, also when the clock was set back to where it was.
         */
        if (now != tick->last[i] || ticks[i].period == SHORTEST)
            publish(tick, ticks[i].type, now);
        tick->last[i] = now;
    }
    if (is_wanted(tick))
        (void)wait_for_next(tick, when);
    return 0;
}

/* The oracle looks at its clock all the time, so that the first tick of a new listener is the next even time,
 * never the one before. */
static int begin(Tick *tick)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ticks); i++)
        tick->last[i] = slice(ticks[i].period, (int64_t)(wall_now() / SECOND));
    return wait_for_next(tick, 0);
}

/* Not stopped when the last one goes: a new configuration of a pool takes its subscriptions away and makes
 * them again, and the tick that is due just then is theirs. The timer runs out once more and is left alone.
 */
static void on_interest(void *userdata)
{
    Tick *tick = userdata;
    int enabled = SD_EVENT_OFF;

    (void)sd_event_source_get_enabled(tick->timer, &enabled);
    if (enabled == SD_EVENT_OFF && is_wanted(tick))
        (void)begin(tick);
}

int tick_new(sd_event *event, EventBus *bus, Tick **ret)
{
    g_autoptr(Tick) tick = g_new0(Tick, 1);

    tick->event = sd_event_ref(event);
    tick->bus = bus;
    int r = sd_event_add_time_relative(event, &tick->timer, CLOCK_MONOTONIC, 0, 1000, on_time, tick);
    if (r >= 0)
        r = is_wanted(tick) ? begin(tick) : sd_event_source_set_enabled(tick->timer, SD_EVENT_OFF);
    if (r < 0) {
        sd_event_source_disable_unref(tick->timer);
        sd_event_unref(event);
        return r;
    }
    event_bus_watch_interest(bus, on_interest, tick);
    *ret = g_steal_pointer(&tick);
    return 0;
}

void tick_free(Tick *tick)
{
    if (!tick)
        return;
    event_bus_watch_interest(tick->bus, NULL, NULL);
    sd_event_source_disable_unref(tick->timer);
    sd_event_unref(tick->event);
    g_free(tick);
}
