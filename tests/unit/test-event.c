/* Who hears what, how often, and which number it has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "bridge/event.h"

typedef struct Ear {
    EventBus *bus;
    unsigned count;
    int64_t serials[8];
    bool asks;
} Ear;

static void hear(EventType type, const char *payload, size_t size, void *userdata)
{
    Ear *ear = userdata;

    assert_true(ear->count < G_N_ELEMENTS(ear->serials));
    ear->serials[ear->count++] = ear->asks ? event_bus_serial(ear->bus) : -1;
}

static void abstract_types_cover_what_is_below_them(void **state)
{
    g_autoptr(EventBus) bus = event_bus_new();
    Ear all = {.bus = bus}, states = {.bus = bus}, ticks = {.bus = bus};

    event_bus_subscribe(bus, EVENT_EVENT, hear, &all);
    event_bus_subscribe(bus, EVENT_PROCESS_STATE, hear, &states);
    unsigned tick = event_bus_subscribe(bus, EVENT_TICK_60, hear, &ticks);
    event_bus_publish(bus, EVENT_PROCESS_STATE_FATAL, "", 0);
    event_bus_publish(bus, EVENT_TICK_5, "", 0);
    event_bus_publish(bus, EVENT_TICK_60, "", 0);
    event_bus_unsubscribe(bus, tick);
    event_bus_publish(bus, EVENT_TICK_60, "", 0);
    assert_int_equal(all.count, 4);
    assert_int_equal(states.count, 1);
    assert_int_equal(ticks.count, 1);
    assert_true(event_bus_wants(bus, EVENT_TICK_60)); /* EVENT covers it */
}

static void events_that_somebody_asks_about_are_counted(void **state)
{
    g_autoptr(EventBus) bus = event_bus_new();
    Ear silent = {.bus = bus}, first = {.bus = bus, .asks = true}, second = {.bus = bus, .asks = true};

    event_bus_subscribe(bus, EVENT_TICK, hear, &silent);
    event_bus_publish(bus, EVENT_TICK_5, "", 0);
    event_bus_subscribe(bus, EVENT_TICK, hear, &first);
    event_bus_subscribe(bus, EVENT_TICK_5, hear, &second);
    event_bus_subscribe(bus, EVENT_TICK_5, hear, &first); /* twice, as a pool with EVENT and TICK_5 */
    event_bus_publish(bus, EVENT_TICK_5, "", 0);
    event_bus_publish(bus, EVENT_TICK_60, "", 0);
    assert_int_equal(first.count, 3);
    assert_int_equal(first.serials[0], 0);
    assert_int_equal(first.serials[1], 0);
    assert_int_equal(first.serials[2], 1);
    assert_int_equal(second.count, 1);
    assert_int_equal(second.serials[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(abstract_types_cover_what_is_below_them),
        cmocka_unit_test(events_that_somebody_asks_about_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
