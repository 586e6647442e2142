/* What the pump tells about output: to whom, when, and under which pid. What is in the events is compared
 * with the oracle in tests/parity/logs.py. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/pump-fixture.h"

#define PID 4711

typedef struct Heard {
    GString *text; /* name of the type and payload of each, a line for each */
    unsigned count;
} Heard;

static void on_event(EventType type, const char *payload, size_t size, void *userdata)
{
    Heard *heard = userdata;

    g_string_append_printf(heard->text, "%s ", event_type_name(type));
    g_string_append_len(heard->text, payload, (gssize)size);
    g_string_append_c(heard->text, '\n');
    heard->count++;
}

static void run_until_heard(PumpFixture *fixture, const Heard *heard, unsigned count)
{
    time_t end = pump_fixture_deadline();

    while (heard->count < count) {
        pump_fixture_turn(fixture);
        assert_true(time(NULL) < end);
    }
}

static PumpStream *begin(PumpFixture *fixture, Heard *heard, int *ret_writer)
{
    PumpStream *stream;

    *heard = (Heard){.text = g_string_new(NULL)};
    event_bus_subscribe(fixture->events, EVENT_EVENT, on_event, heard);
    fixture->config.group = "site";
    fixture->config.events_enabled = true;
    stream = pump_fixture_add(fixture);
    *ret_writer = pump_fixture_open_writer(fixture);
    return stream;
}

static void end(Heard *heard, int writer, const char *expected)
{
    assert_string_equal(heard->text->str, expected);
    g_string_free(heard->text, TRUE);
    close(writer);
}

/* It writes before systemd has told who it is. */
static void test_an_event_waits_for_the_pid(void **state)
{
    PumpFixture *fixture = *state;
    PumpStream *stream;
    Heard heard;
    int writer;

    stream = begin(fixture, &heard, &writer);
    pump_fixture_put_text(writer, "early\n");
    assert_true(sd_event_run(fixture->event, 10000) >= 0);
    assert_int_equal(heard.count, 0);
    pump_stream_set_pid(stream, PID);
    run_until_heard(fixture, &heard, 1);
    end(&heard, writer,
        "PROCESS_LOG_STDOUT processname:web groupname:site pid:4711 channel:stdout\nearly\n\n");
    pump_fixture_assert_text(fixture->log, "early\n");
}

static void test_an_event_does_not_wait_for_ever(void **state)
{
    PumpFixture *fixture = *state;
    Heard heard;
    int writer;

    fixture->config.stream = STREAM_STDERR;
    (void)begin(fixture, &heard, &writer);
    pump_fixture_put_text(writer, "whose?\n");
    run_until_heard(fixture, &heard, 1);
    end(&heard, writer, "PROCESS_LOG_STDERR processname:web groupname:site pid:0 channel:stderr\nwhose?\n\n");
}

/* The program has ended before anybody looked. */
static void test_last_words_are_told(void **state)
{
    PumpFixture *fixture = *state;
    PumpStream *stream;
    Heard heard;
    int writer;

    stream = begin(fixture, &heard, &writer);
    pump_stream_set_pid(stream, PID);
    pump_fixture_put_text(writer, "caf\xc3");
    pump_stream_drain(stream);
    end(&heard, writer,
        "PROCESS_LOG_STDOUT processname:web groupname:site pid:4711 channel:stdout\ncaf\n"
        "PROCESS_LOG_STDOUT processname:web groupname:site pid:4711 channel:stdout\nUndecodable: b'\\xc3'\n");
}

static void test_what_is_captured_is_neither_in_the_file_nor_in_the_journal(void **state)
{
    PumpFixture *fixture = *state;
    PumpStream *stream;
    Heard heard;
    int writer;

    fixture->config.capture_maxbytes = 100;
    stream = begin(fixture, &heard, &writer);
    fixture->config.events_enabled = false;
    pump_stream_set_pid(stream, PID);
    pump_fixture_put_text(writer, "before <!--XSUPERVISOR:BEGIN-->secret<!--XSUPERVISOR:END-->after\n");
    run_until_heard(fixture, &heard, 4);
    pump_fixture_assert_text(fixture->log, "before after\n");
    pump_fixture_run_until_entries(fixture, 1);
    pump_fixture_assert_journal(fixture, "before after\n", strlen("before after\n"));
    end(&heard, writer,
        "PROCESS_LOG_STDOUT processname:web groupname:site pid:4711 channel:stdout\nbefore \n"
        "PROCESS_LOG_STDOUT processname:web groupname:site pid:4711 channel:stdout\nsecret\n"
        "PROCESS_COMMUNICATION_STDOUT processname:web groupname:site pid:4711\nsecret\n"
        "PROCESS_LOG_STDOUT processname:web groupname:site pid:4711 channel:stdout\nafter\n\n");
}

/* Nothing waits for a pid then. */
static void test_who_is_not_listened_to_is_read_at_once(void **state)
{
    PumpFixture *fixture = *state;
    int writer;

    fixture->config.events_enabled = true;
    (void)pump_fixture_add(fixture);
    writer = pump_fixture_open_writer(fixture);
    pump_fixture_put_text(writer, "early\n");
    assert_true(sd_event_run(fixture->event, 0) >= 0);
    pump_fixture_assert_text(fixture->log, "early\n");
    close(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_event_waits_for_the_pid, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_an_event_does_not_wait_for_ever, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_last_words_are_told, pump_fixture_set_up,
                                        pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_captured_is_neither_in_the_file_nor_in_the_journal,
                                        pump_fixture_set_up, pump_fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_who_is_not_listened_to_is_read_at_once, pump_fixture_set_up,
                                        pump_fixture_tear_down),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
