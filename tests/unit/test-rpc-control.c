#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "tests/unit/rpc-fixture.h"

/* --- start --- */

static void start_waits_for_running(void **state)
{
    Fixture *fixture = *state;

    send_call(fixture->client, "supervisor.startProcess", TEXT("web"));
    assert_waits(fixture->client);
    assert_int_equal(fake_instance_watch_count(fixture->web), 1);
    fake_instance_set_state(fixture->web, PROCESS_RUNNING);
    assert_received_value(fixture->client, R_TRUE);
    assert_int_equal(fake_instance_watch_count(fixture->web), 0);
    assert_fault(fixture, "supervisor.startProcess", TEXT("web"), 60, "ALREADY_STARTED: web");
}

static void start_without_waiting(void **state)
{
    static const char *const untrue[] = {
        BOOL("0"), NUMBER("0"), TEXT(""), NIL, ARRAY(""), "<param><value><double>0</double></value></param>"};
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(untrue); i++) {
        g_autofree char *params = g_strconcat(TEXT("g:a"), untrue[i], NULL);
        fixture->a->state = PROCESS_STOPPED;
        assert_value(fixture, "supervisor.startProcess", params, R_TRUE);
        assert_int_equal(fixture->a->starts, i + 1);
    }
    fixture->a->state = PROCESS_STOPPED;
    send_call(fixture->client, "supervisor.startProcess",
              TEXT("g:a") TEXT("false")); /* a string that is not empty */
    assert_waits(fixture->client);
    fake_instance_set_state(fixture->a, PROCESS_RUNNING);
    assert_received_value(fixture->client, R_TRUE);
}

static void start_of_what_runs_at_once(void **state)
{
    Fixture *fixture = *state;

    fixture->web->after_start = PROCESS_RUNNING;
    assert_value(fixture, "supervisor.startProcess", TEXT("web") NUMBER("1"), R_TRUE);
}

static void start_checks_the_command_first(void **state)
{
    static const struct {
        int problem;
        int fault;
        const char *text;
    } cases[] = {
        {1, 21, "NOT_EXECUTABLE: message"},
        {2, 20, "NO_FILE: message"},
        {3, 21, "NOT_EXECUTABLE: message"},
        {-ENOMEM, 30, "FAILED: Cannot allocate memory"},
    };
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_RUNNING;
    fixture->web->command_message = "message";
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        fixture->web->command_problem = cases[i].problem;
        assert_fault(fixture, "supervisor.startProcess", TEXT("web"), cases[i].fault, cases[i].text);
    }
    assert_int_equal(fixture->web->starts, 0);
}

static void start_tells_spawn_errors(void **state)
{
    Fixture *fixture = *state;

    fixture->web->spawnerr_after_start = "no pipes";
    assert_fault(fixture, "supervisor.startProcess", TEXT("web") BOOL("0"), 50, "SPAWN_ERROR: web");
    fixture->web->state = PROCESS_STOPPED;
    fixture->web->spawnerr_after_start = NULL;
    send_call(fixture->client, "supervisor.startProcess", TEXT("web:web"));
    assert_waits(fixture->client);
    fixture->web->spawnerr = "Exited too quickly (process log may have details)";
    fake_instance_set_state(fixture->web, PROCESS_BACKOFF);
    assert_received_fault(fixture->client, 50, "SPAWN_ERROR: web:web");
}

static void start_tells_abnormal_terminations(void **state)
{
    static const ProcessState states[] = {PROCESS_EXITED, PROCESS_STOPPING, PROCESS_FATAL, PROCESS_BACKOFF,
                                          PROCESS_UNKNOWN};
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
        fixture->web->state = PROCESS_STOPPED;
        send_call(fixture->client, "supervisor.startProcess", TEXT("web"));
        assert_waits(fixture->client);
        fake_instance_set_state(fixture->web, states[i]);
        assert_received_fault(fixture->client, 40, "ABNORMAL_TERMINATION: web");
    }
    fixture->web->state = PROCESS_STOPPING;
    assert_fault(fixture, "supervisor.startProcess", TEXT("web"), 40, "ABNORMAL_TERMINATION: web");
    assert_value(fixture, "supervisor.startProcess", TEXT("web") BOOL("0"), R_TRUE);
}

static void start_of_an_unknown_state_fails(void **state)
{
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_UNKNOWN;
    assert_fault(fixture, "supervisor.startProcess", TEXT("web"), 30,
                 "FAILED: web is in an unknown process state");
}

/* b, a, c is the order of priority. What is decided at once comes first, then what finishes, in order within
 * 50 ms. */
static void start_of_a_group_collects(void **state)
{
    Fixture *fixture = *state;

    fixture->b->state = PROCESS_RUNNING;
    fixture->c->command_problem = 2;
    fixture->c->command_message = "can't find command 'c'";
    send_call(fixture->client, "supervisor.startProcess", TEXT("g:*"));
    assert_waits(fixture->client);
    assert_int_equal(fixture->b->starts, 0);
    fake_instance_set_state(fixture->a, PROCESS_RUNNING);
    assert_received_value(fixture->client, R_ARRAY(R_STATUS("c", "g", "20", "NO_FILE: can't find command 'c'")
                                                       R_STATUS("a", "g", "80", "OK")));
    assert_fault(fixture, "supervisor.startProcessGroup", TEXT("none"), 10, "BAD_NAME: none");
    assert_fault(fixture, "supervisor.startProcessGroup", NUMBER("5"), 10, "BAD_NAME: 5");
    assert_fault(fixture, "supervisor.startProcessGroup", ARRAY(""), 2, "INCORRECT_PARAMETERS");
    assert_fault(fixture, "supervisor.startProcess", TEXT("none:*"), 10, "BAD_NAME: none:*");
}

static void start_of_a_group_keeps_the_order_of_what_ends_together(void **state)
{
    Fixture *fixture = *state;

    send_call(fixture->client, "supervisor.startProcessGroup", TEXT("g"));
    assert_waits(fixture->client);
    fake_instance_set_state(fixture->c, PROCESS_RUNNING);
    fake_instance_set_state(fixture->a, PROCESS_EXITED);
    fake_instance_set_state(fixture->b, PROCESS_RUNNING);
    assert_received_value(fixture->client, R_ARRAY(R_STATUS("b", "g", "80", "OK")
                                                       R_STATUS("a", "g", "40", "ABNORMAL_TERMINATION: g:a")
                                                           R_STATUS("c", "g", "80", "OK")));
}

static void start_of_a_group_shows_who_was_much_faster(void **state)
{
    Fixture *fixture = *state;

    send_call(fixture->client, "supervisor.startProcessGroup", TEXT("g"));
    assert_waits(fixture->client);
    fake_instance_set_state(fixture->c, PROCESS_RUNNING);
    assert_false(http_client_has_answer(fixture->client, 700));
    fake_instance_set_state(fixture->a, PROCESS_RUNNING);
    fake_instance_set_state(fixture->b, PROCESS_RUNNING);
    assert_received_value(fixture->client, R_ARRAY(R_STATUS("c", "g", "80", "OK") R_STATUS(
                                               "b", "g", "80", "OK") R_STATUS("a", "g", "80", "OK")));
}

static void start_of_all(void **state)
{
    Fixture *fixture = *state;

    assert_value(fixture, "supervisor.startAllProcesses", BOOL("0"),
                 R_ARRAY(R_STATUS("web", "web", "80", "OK") R_STATUS("b", "g", "80", "OK")
                             R_STATUS("a", "g", "80", "OK") R_STATUS("c", "g", "80", "OK")));
    assert_value(fixture, "supervisor.startAllProcesses", "", R_ARRAY(""));
}

/* --- stop --- */

static void stop_waits_for_the_end(void **state)
{
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_RUNNING;
    send_call(fixture->client, "supervisor.stopProcess", TEXT("web"));
    assert_waits(fixture->client);
    assert_int_equal(fixture->web->reports, 1);
    fake_instance_set_state(fixture->web, PROCESS_STOPPING); /* SIGKILL is on its way */
    assert_waits(fixture->client);
    assert_false(http_client_has_answer(fixture->client, 1200));
    assert_int_equal(fixture->web->reports, 2);
    fake_instance_set_state(fixture->web, PROCESS_STOPPED);
    assert_received_value(fixture->client, R_TRUE);
    assert_fault(fixture, "supervisor.stopProcess", TEXT("web"), 70, "NOT_RUNNING: web");
    fixture->web->state = PROCESS_STOPPING;
    assert_fault(fixture, "supervisor.stopProcess", TEXT("web"), 70, "NOT_RUNNING: web");
}

static void stop_without_waiting_and_from_backoff(void **state)
{
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_STARTING;
    assert_value(fixture, "supervisor.stopProcess", TEXT("web") BOOL("0"), R_TRUE);
    fixture->a->state = PROCESS_BACKOFF;
    assert_value(fixture, "supervisor.stopProcess", TEXT("g:a"), R_TRUE);
    assert_int_equal(fixture->a->state, PROCESS_STOPPED);
}

static void stop_of_group_and_all(void **state)
{
    Fixture *fixture = *state;

    fixture->a->state = fixture->b->state = fixture->web->state = PROCESS_RUNNING;
    send_call(fixture->client, "supervisor.stopProcessGroup", TEXT("g"));
    assert_waits(fixture->client);
    fake_instance_set_state(fixture->a, PROCESS_STOPPED);
    fake_instance_set_state(fixture->b, PROCESS_EXITED);
    assert_received_value(fixture->client,
                          R_ARRAY(R_STATUS("b", "g", "80", "OK") R_STATUS("a", "g", "80", "OK")));
    assert_value(fixture, "supervisor.stopProcess", TEXT("g:"), R_ARRAY(""));
    assert_value(fixture, "supervisor.stopAllProcesses", BOOL("0"),
                 R_ARRAY(R_STATUS("web", "web", "80", "OK")));
}

/* --- deferred calls and what may happen meanwhile --- */

static void waiting_calls_hold_up_nobody(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) other = http_client_new(fixture->event, fixture->socket);

    send_call(fixture->client, "supervisor.startProcess", TEXT("web"));
    assert_waits(fixture->client);
    send_call(other, "supervisor.startProcess", TEXT("web"));
    assert_received_fault(other, 60, "ALREADY_STARTED: web");
    send_call(other, "supervisor.stopProcess", TEXT("web"));
    assert_received_fault(fixture->client, 40, "ABNORMAL_TERMINATION: web");
    assert_waits(other);
    fake_instance_set_state(fixture->web, PROCESS_STOPPED);
    assert_received_value(other, R_TRUE);
}

static void a_client_that_leaves_takes_its_wait_with_it(void **state)
{
    static const char *const methods[][2] = {
        {"supervisor.startProcess", TEXT("g:a")},
        {"supervisor.startProcessGroup", TEXT("g")},
        {"supervisor.startAllProcesses", ""},
        {"system.multicall", ARRAY(CALL("supervisor.startProcess", "<value>g:a</value>"))},
        {"system.multicall", ARRAY(CALL("supervisor.startAllProcesses", ""))},
    };
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
        HttpClient *leaving = http_client_new(fixture->event, fixture->socket);
        fixture->web->state = fixture->a->state = fixture->b->state = fixture->c->state = PROCESS_STOPPED;
        send_call(leaving, methods[i][0], methods[i][1]);
        assert_waits(leaving);
        assert_int_equal(fake_instance_watch_count(fixture->a), 1);
        http_client_free(leaving);
        gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
        while (fake_instance_watch_count(fixture->a) > 0 && g_get_monotonic_time() < deadline)
            assert_true(sd_event_run(fixture->event, 1000) >= 0);
        assert_int_equal(fake_instance_watch_count(fixture->a), 0);
        assert_int_equal(fake_instance_watch_count(fixture->c), 0);
    }
    assert_value(fixture, "supervisor.getAPIVersion", "", R_TEXT("3.0"));
}

static void a_removed_group_ends_the_wait(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) other = http_client_new(fixture->event, fixture->socket);

    send_call(fixture->client, "supervisor.startProcess", TEXT("g:a"));
    assert_waits(fixture->client);
    send_call(other, "supervisor.startAllProcesses", "");
    assert_waits(other);
    fake_manager_remove(fixture->manager, "g");
    assert_received_fault(fixture->client, 10, "BAD_NAME: g:a");
    fake_instance_set_state(fixture->web, PROCESS_RUNNING);
    assert_received_value(other,
                          R_ARRAY(R_STATUS("web", "web", "80", "OK") R_STATUS("b", "g", "10", "BAD_NAME: g:b")
                                      R_STATUS("c", "g", "10", "BAD_NAME: g:c")));
}

static void the_servers_end_with_calls_waiting(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(HttpClient) other = http_client_new(fixture->event, fixture->socket);

    send_call(fixture->client, "supervisor.startAllProcesses", "");
    assert_waits(fixture->client);
    fixture->web->state = PROCESS_STOPPED;
    g_clear_pointer(&fixture->rpc, rpc_server_free);
    g_auto(HttpAnswer) answer = http_client_receive(fixture->client);
    assert_int_equal(answer.status, 500);
    assert_int_equal(rpc_server_new(fixture->manager, &fixture->rpc), 0);
    send_call(other, "supervisor.startProcess", TEXT("web"));
    assert_waits(other);
    g_clear_pointer(&fixture->http, http_free);
    http_client_expect_close(other);
    assert_int_equal(fake_instance_watch_count(fixture->web), 0);
}

/* --- signals --- */

static void signals_a_process(void **state)
{
    static const char *const names[] = {TEXT("HUP"), TEXT("sighup"),
                                        TEXT(" 1 "), NUMBER("1"),
                                        BOOL("1"),   "<param><value><double>1.9</double></value></param>"};
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_STOPPING;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *params = g_strconcat(TEXT("web"), names[i], NULL);
        fixture->web->last_signal = 0;
        assert_value(fixture, "supervisor.signalProcess", params, R_TRUE);
        assert_int_equal(fixture->web->last_signal, SIGHUP);
    }
    assert_value(fixture, "supervisor.signalProcess", TEXT("web") TEXT("0"), R_TRUE);
    assert_int_equal(fixture->web->last_signal, SIGHUP); /* nothing was sent */
    assert_fault(fixture, "supervisor.signalProcess", TEXT("web") TEXT("NOPE"), 11, "BAD_SIGNAL: NOPE");
    assert_fault(fixture, "supervisor.signalProcess", TEXT("web") NUMBER("999"), 11, "BAD_SIGNAL: 999");
    assert_fault(fixture, "supervisor.signalProcess", TEXT("web") NIL, 2, "INCORRECT_PARAMETERS");
    assert_fault(fixture, "supervisor.signalProcess", TEXT("none") NIL, 10, "BAD_NAME: none");
    fixture->web->state = PROCESS_BACKOFF;
    assert_fault(fixture, "supervisor.signalProcess", TEXT("web") TEXT("HUP"), 70, "NOT_RUNNING: web");
    assert_fault(fixture, "supervisor.signalProcess", TEXT("web") TEXT("x"), 11, "BAD_SIGNAL: x");
}

static void signals_take_their_time(void **state)
{
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_RUNNING;
    fixture->web->signal_later = true;
    send_call(fixture->client, "supervisor.signalProcess", TEXT("web") TEXT("USR1"));
    assert_waits(fixture->client);
    fixture->web->signal_result = -ESRCH;
    fake_instance_deliver(fixture->web);
    assert_received_value(fixture->client, R_TRUE);
    send_call(fixture->client, "supervisor.signalProcess", TEXT("web") TEXT("USR1"));
    assert_waits(fixture->client);
    fixture->web->signal_result = -EPERM;
    fake_instance_deliver(fixture->web);
    g_autofree char *body = receive(fixture->client);
    assert_non_null(strstr(body, "FAILED: unknown problem sending sig web (SIGUSR1)"));
}

static void nobody_waits_for_a_signal_any_more(void **state)
{
    static const char *const methods[][2] = {
        {"supervisor.signalProcess", TEXT("web") TEXT("1")},
        {"supervisor.signalAllProcesses", TEXT("1")},
    };
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_RUNNING;
    fixture->web->signal_later = true;
    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
        HttpClient *leaving = http_client_new(fixture->event, fixture->socket);
        send_call(leaving, methods[i][0], methods[i][1]);
        assert_waits(leaving);
        http_client_free(leaving);
        for (int turn = 0; turn < 20; turn++)
            assert_true(sd_event_run(fixture->event, 1000) >= 0);
        fake_instance_deliver(fixture->web); /* whoever asked is gone: ASan would tell */
    }
    assert_value(fixture, "supervisor.getAPIVersion", "", R_TEXT("3.0"));
}

static void signals_group_and_all(void **state)
{
    Fixture *fixture = *state;

    assert_value(fixture, "supervisor.signalAllProcesses", TEXT("NOPE"), R_ARRAY(""));
    assert_value(fixture, "supervisor.signalAllProcesses", NIL, R_ARRAY(""));
    fixture->a->state = fixture->b->state = PROCESS_RUNNING;
    assert_value(
        fixture, "supervisor.signalProcessGroup", TEXT("g") TEXT("NOPE"),
        R_ARRAY(R_STATUS("b", "g", "11", "BAD_SIGNAL: NOPE") R_STATUS("a", "g", "11", "BAD_SIGNAL: NOPE")));
    assert_fault(fixture, "supervisor.signalProcessGroup", TEXT("g") NIL, 2, "INCORRECT_PARAMETERS");
    fixture->b->signal_later = true;
    send_call(fixture->client, "supervisor.signalProcess", TEXT("g:*") TEXT("HUP"));
    assert_waits(fixture->client);
    fake_instance_deliver(fixture->b);
    assert_received_value(fixture->client,
                          R_ARRAY(R_STATUS("b", "g", "80", "OK") R_STATUS("a", "g", "80", "OK")));
    assert_fault(fixture, "supervisor.signalProcessGroup", TEXT("none") TEXT("HUP"), 10, "BAD_NAME: none");
}

/* --- input --- */

static void writes_to_a_process(void **state)
{
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_RUNNING;
    fixture->web->pid = 17;
    assert_value(fixture, "supervisor.sendProcessStdin", TEXT("web") TEXT("one &lt;two&gt;\n\xc3\xa9"),
                 R_TRUE);
    assert_string_equal(fixture->web->stdin_text->str, "one <two>\n\xc3\xa9");
    fixture->web->stdin_result = -EPIPE;
    assert_fault(fixture, "supervisor.sendProcessStdin", TEXT("web") TEXT("x"), 20, "NO_FILE: web");
    fixture->web->state = PROCESS_STOPPING;
    assert_fault(fixture, "supervisor.sendProcessStdin", TEXT("web") TEXT("x"), 70, "NOT_RUNNING: web");
    fixture->web->state = PROCESS_STOPPED;
    fixture->web->pid = 0;
    assert_fault(fixture, "supervisor.sendProcessStdin", TEXT("web") TEXT("x"), 70, "NOT_RUNNING: web");
    assert_fault(fixture, "supervisor.sendProcessStdin", TEXT("none") TEXT("x"), 10, "BAD_NAME: none");
    assert_fault(fixture, "supervisor.sendProcessStdin", TEXT("g:*") TEXT("x"), 10, "BAD_NAME: g:*");
    assert_fault(fixture, "supervisor.sendProcessStdin", TEXT("none") NUMBER("5"), 2,
                 "INCORRECT_PARAMETERS: 5");
}

static void hear(EventType type, const char *payload, size_t size, void *userdata)
{
    assert_int_equal(type, EVENT_REMOTE_COMMUNICATION);
    g_string_append_len(userdata, payload, (gssize)size);
}

static void sends_remote_events(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GString) heard = g_string_new(NULL);

    assert_value(fixture, "supervisor.sendRemoteCommEvent", TEXT("t") TEXT("nobody hears"), R_TRUE);
    event_bus_subscribe(fixture->manager->events, EVENT_EVENT, hear, heard);
    assert_value(fixture, "supervisor.sendRemoteCommEvent", TEXT("greeting") TEXT("hello\nyou"), R_TRUE);
    assert_string_equal(heard->str, "type:greeting\nhello\nyou");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, rpc_fixture_set_up, rpc_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(start_waits_for_running),
        TEST(start_without_waiting),
        TEST(start_of_what_runs_at_once),
        TEST(start_checks_the_command_first),
        TEST(start_tells_spawn_errors),
        TEST(start_tells_abnormal_terminations),
        TEST(start_of_an_unknown_state_fails),
        TEST(start_of_a_group_collects),
        TEST(start_of_a_group_keeps_the_order_of_what_ends_together),
        TEST(start_of_a_group_shows_who_was_much_faster),
        TEST(start_of_all),
        TEST(stop_waits_for_the_end),
        TEST(stop_without_waiting_and_from_backoff),
        TEST(stop_of_group_and_all),
        TEST(waiting_calls_hold_up_nobody),
        TEST(a_client_that_leaves_takes_its_wait_with_it),
        TEST(a_removed_group_ends_the_wait),
        TEST(the_servers_end_with_calls_waiting),
        TEST(signals_a_process),
        TEST(signals_take_their_time),
        TEST(nobody_waits_for_a_signal_any_more),
        TEST(signals_group_and_all),
        TEST(writes_to_a_process),
        TEST(sends_remote_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
