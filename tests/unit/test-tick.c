/* When the next tick comes and what it names, whatever the wall clock does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "bridge/tick.h"

#define SECOND ((uint64_t)1000000)

static void the_first_one_comes_at_the_next_even_time(void **state)
{
    assert_int_equal(tick_delay(1000 * SECOND + 1, 0), 5 * SECOND - 1);
    assert_int_equal(tick_delay(1004 * SECOND, 0), SECOND);
    assert_int_equal(tick_delay(1000 * SECOND, 0), 5 * SECOND);
}

static void neither_early_nor_late_ones_change_the_rhythm(void **state)
{
    /* The timer was late, then early. */
    assert_int_equal(tick_delay(1005 * SECOND + 3000, 1005), 5 * SECOND - 3000);
    assert_int_equal(tick_when(1005 * SECOND + 3000), 1005);
    assert_int_equal(tick_delay(1005 * SECOND - 3000, 1005), 5 * SECOND + 3000);
    assert_int_equal(tick_when(1005 * SECOND - 3000), 1005);
}

static void a_clock_that_is_set_moves_the_next_one_by_half_a_period_at_most(void **state)
{
    for (uint64_t wall = 0; wall < 20 * SECOND; wall += 333333) {
        uint64_t delay = tick_delay(wall, 123456);
        assert_true(delay > 5 * SECOND / 2);
        assert_true(delay <= 15 * SECOND / 2);
        assert_int_equal((wall + delay) % (5 * SECOND), 0);
    }
}

typedef struct Heard {
    unsigned count;
    char last[64];
    sd_event *event;
} Heard;

static void hear(EventType type, const char *payload, size_t size, void *userdata)
{
    Heard *heard = userdata;

    assert_int_equal(type, EVENT_TICK_5);
    assert_true(size < sizeof heard->last);
    memcpy(heard->last, payload, size);
    heard->last[size] = '\0';
    heard->count++;
    assert_true(sd_event_exit(heard->event, 0) >= 0);
}

static void it_really_ticks(void **state)
{
    sd_event *event = NULL;
    Tick *tick = NULL;
    EventBus *bus = event_bus_new();
    Heard heard = {0};

    assert_true(sd_event_new(&event) >= 0);
    heard.event = event;
    event_bus_subscribe(bus, EVENT_TICK_5, hear, &heard);
    assert_int_equal(tick_new(event, bus, &tick), 0);
    assert_true(sd_event_loop(event) >= 0);
    assert_int_equal(heard.count, 1);
    assert_memory_equal(heard.last, "when:", 5);
    int64_t when = g_ascii_strtoll(heard.last + 5, NULL, 10);
    assert_int_equal(when % 5, 0);
    assert_true(ABS(when - g_get_real_time() / G_USEC_PER_SEC) <= 2);
    tick_free(tick);
    event_bus_free(bus);
    sd_event_unref(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_one_comes_at_the_next_even_time),
        cmocka_unit_test(neither_early_nor_late_ones_change_the_rhythm),
        cmocka_unit_test(a_clock_that_is_set_moves_the_next_one_by_half_a_period_at_most),
        cmocka_unit_test(it_really_ticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
