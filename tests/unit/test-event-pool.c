/* What waits, what is dropped, what is handed to whom, and where a rejected event goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "bridge/event_pool.h"

typedef struct Process {
    bool running;
    GString *got; /* the serials and payloads it was given */
} Process;

typedef struct Fixture {
    sd_event *event;
    EventBus *bus;
    EventPool *pool;
    Process processes[2];
    Listener *listeners[2];
} Fixture;

static const char *const events[] = {"PROCESS_STATE", "TICK_5"};
static const GroupConfig config = {
    .kind = GROUP_EVENTLISTENER, .name = "pool", .buffer_size = 3, .events = events, .event_count = 2};

static bool is_running(void *userdata)
{
    return ((Process *)userdata)->running;
}

static int take(const char *data, size_t size, void *userdata)
{
    Process *process = userdata;
    const char *payload = memchr(data, '\n', size);

    assert_non_null(payload);
    g_string_append_len(process->got, payload + 1, (gssize)(size - (size_t)(payload + 1 - data)));
    g_string_append_c(process->got, ' ');
    return 0;
}

static void turn(Fixture *fixture)
{
    while (sd_event_run(fixture->event, 0) > 0)
        ;
}

static void publish(Fixture *fixture, const char *payload)
{
    event_bus_publish(fixture->bus, EVENT_TICK_5, payload, strlen(payload));
}

static void say(Fixture *fixture, unsigned which, const char *text)
{
    listener_feed(fixture->listeners[which], text, strlen(text));
    turn(fixture);
}

static int set_up(void **state)
{
    static const ListenerProcess process = {.is_running = is_running, .write = take};
    Fixture *fixture = g_new0(Fixture, 1);

    assert_true(sd_event_new(&fixture->event) >= 0);
    fixture->bus = event_bus_new();
    fixture->pool = event_pool_new(fixture->event, fixture->bus, NULL, "x", &config);
    for (unsigned i = 0; i < 2; i++) {
        fixture->processes[i] = (Process){.running = true, .got = g_string_new(NULL)};
        fixture->listeners[i] = listener_new("l", NULL, &process, &fixture->processes[i]);
        event_pool_add(fixture->pool, fixture->listeners[i]);
    }
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;

    event_pool_free(fixture->pool);
    for (unsigned i = 0; i < 2; i++) {
        listener_free(fixture->listeners[i]);
        g_string_free(fixture->processes[i].got, TRUE);
    }
    event_bus_free(fixture->bus);
    sd_event_unref(fixture->event);
    g_free(fixture);
    return 0;
}

static void the_oldest_goes_when_there_is_no_room(void **state)
{
    Fixture *fixture = *state;

    for (const char *const *name = (const char *const[]){"a", "b", "c", "d", "e", NULL}; *name; name++)
        publish(fixture, *name);
    event_bus_publish(fixture->bus, EVENT_TICK_60, "not asked for", strlen("not asked for"));
    for (unsigned i = 0; i < 4; i++)
        say(fixture, 0, i == 0 ? "READY\n" : "RESULT 2\nOKREADY\n");
    assert_string_equal(fixture->processes[0].got->str, "c d e ");
}

static void the_first_who_is_free_gets_it(void **state)
{
    Fixture *fixture = *state;

    say(fixture, 1, "READY\n");
    publish(fixture, "a");
    turn(fixture);
    say(fixture, 0, "READY\n");
    say(fixture, 1, "RESULT 2\nOKREADY\n");
    publish(fixture, "b");
    publish(fixture, "c");
    turn(fixture);
    assert_string_equal(fixture->processes[0].got->str, "b ");
    assert_string_equal(fixture->processes[1].got->str, "a c ");
}

static void who_is_ready_but_not_running_waits(void **state)
{
    Fixture *fixture = *state;

    fixture->processes[0].running = false;
    say(fixture, 0, "READY\n");
    publish(fixture, "a");
    turn(fixture);
    assert_string_equal(fixture->processes[0].got->str, "");
    fixture->processes[0].running = true;
    listener_wake(fixture->listeners[0]);
    turn(fixture);
    assert_string_equal(fixture->processes[0].got->str, "a ");
}

static void what_is_rejected_comes_first_again(void **state)
{
    Fixture *fixture = *state;

    say(fixture, 0, "READY\n");
    publish(fixture, "a");
    turn(fixture);
    publish(fixture, "b");
    say(fixture, 0, "RESULT 4\nFAIL");
    say(fixture, 1, "READY\n");
    assert_string_equal(fixture->processes[1].got->str, "a ");
    listener_end(fixture->listeners[1]); /* it died with the event in its hands */
    say(fixture, 0, "READY\n");
    say(fixture, 0, "RESULT 2\nOKREADY\n");
    assert_string_equal(fixture->processes[0].got->str, "a a b ");
}

/* The configuration that a listener was named after may be read anew while it lives on. */
static void a_listener_keeps_its_name(void **state)
{
    static const ListenerProcess process = {.is_running = is_running, .write = take};
    char name[] = "mail";
    g_autoptr(Listener) listener = listener_new(name, NULL, &process, NULL);

    memset(name, 'x', strlen(name));
    assert_string_equal(listener_name(listener), "mail");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_oldest_goes_when_there_is_no_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_who_is_free_gets_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_ready_but_not_running_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_rejected_comes_first_again, set_up, tear_down),
        cmocka_unit_test(a_listener_keeps_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
