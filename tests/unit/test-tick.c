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

static void ignore(EventType type, const char *payload, size_t size, void *userdata)
{
}

/* sd-event keeps one timerfd for each clock, and sets it before it waits; /proc tells to what. */
static bool has_timer(sd_event *event)
{
    bool armed = false;
    int r = sd_event_prepare(event);

    if (r == 0)
        r = sd_event_wait(event, 0);
    if (r > 0)
        r = sd_event_dispatch(event);
    assert_true(r >= 0);
    g_autoptr(GDir) entries = g_dir_open("/proc/self/fdinfo", 0, NULL);
    assert_non_null(entries);
    for (const char *name; (name = g_dir_read_name(entries));) {
        g_autofree char *path = g_build_filename("/proc/self/fdinfo", name, NULL);
        g_autofree char *text = NULL;
        if (g_file_get_contents(path, &text, NULL, NULL) && strstr(text, "it_value:"))
            armed = armed || !strstr(text, "it_value: (0, 0)");
    }
    return armed;
}

static void nobody_is_woken_for_ticks_that_nobody_wants(void **state)
{
    g_autoptr(EventBus) bus = event_bus_new();
    g_autoptr(Tick) tick = NULL;
    sd_event *event = NULL;

    assert_true(sd_event_new(&event) >= 0);
    event_bus_subscribe(bus, EVENT_PROCESS_STATE, ignore, NULL);
    assert_int_equal(tick_new(event, bus, &tick), 0);
    assert_false(has_timer(event));
    event_bus_subscribe(bus, EVENT_PROCESS_LOG, ignore, NULL);
    assert_false(has_timer(event));
    unsigned wish = event_bus_subscribe(bus, EVENT_TICK_3600, ignore, NULL);
    assert_true(has_timer(event));
    event_bus_unsubscribe(bus, wish);
    g_clear_pointer(&tick, tick_free);
    /* Those who were there before it count, too. */
    event_bus_subscribe(bus, EVENT_EVENT, ignore, NULL);
    assert_int_equal(tick_new(event, bus, &tick), 0);
    assert_true(has_timer(event));
    sd_event_unref(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_one_comes_at_the_next_even_time),
        cmocka_unit_test(neither_early_nor_late_ones_change_the_rhythm),
        cmocka_unit_test(a_clock_that_is_set_moves_the_next_one_by_half_a_period_at_most),
        cmocka_unit_test(it_really_ticks),
        cmocka_unit_test(nobody_is_woken_for_ticks_that_nobody_wants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
