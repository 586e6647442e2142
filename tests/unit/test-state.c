/* The table against the oracle's rules, stated once more as what is allowed to follow what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bridge/state.h"

static const ProcessState all_states[] = {PROCESS_STOPPED, PROCESS_STARTING, PROCESS_RUNNING,
                                          PROCESS_BACKOFF, PROCESS_STOPPING, PROCESS_EXITED,
                                          PROCESS_FATAL,   PROCESS_UNKNOWN};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* process.py: spawn() asserts EXITED, FATAL, BACKOFF or STOPPED; RPC never gets there in BACKOFF. */
static void start_works_from_every_stopped_state(void **state)
{
    for (size_t i = 0; i < COUNT(all_states); i++) {
        StateStep step = state_step(all_states[i], STATE_EVENT_START);
        if (process_state_is_stopped(all_states[i])) {
            assert_int_equal(step.next, PROCESS_STARTING);
            assert_int_equal(step.action, STATE_ACTION_START_UNIT);
        } else {
            assert_int_equal(step.next, all_states[i]);
            assert_int_equal(step.action, STATE_ACTION_NONE);
        }
    }
}

static void stop_waits_for_a_process_but_not_for_a_backoff(void **state)
{
    static const struct {
        ProcessState from, to;
        StateAction action;
    } rows[] = {
        {PROCESS_STARTING, PROCESS_STOPPING, STATE_ACTION_STOP_UNIT},
        {PROCESS_RUNNING, PROCESS_STOPPING, STATE_ACTION_STOP_UNIT},
        {PROCESS_BACKOFF, PROCESS_STOPPED, STATE_ACTION_STOP_UNIT},
        {PROCESS_STOPPED, PROCESS_STOPPED, STATE_ACTION_NONE},
        {PROCESS_EXITED, PROCESS_EXITED, STATE_ACTION_NONE},
        {PROCESS_FATAL, PROCESS_FATAL, STATE_ACTION_NONE},
        {PROCESS_STOPPING, PROCESS_STOPPING, STATE_ACTION_NONE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        StateStep step = state_step(rows[i].from, STATE_EVENT_STOP);
        assert_int_equal(step.next, rows[i].to);
        assert_int_equal(step.action, rows[i].action);
    }
}

static ProcessState walk(ProcessState from, const StateEvent *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        from = state_step(from, events[i]).next;
    return from;
}

#define WALK(from, ...)                                                                                      \
    walk(from, (const StateEvent[]){__VA_ARGS__}, COUNT(((const StateEvent[]){__VA_ARGS__})))

static void lives_of_a_process(void **state)
{
    assert_int_equal(WALK(PROCESS_STOPPED, STATE_EVENT_START, STATE_EVENT_LAUNCHED, STATE_EVENT_UP),
                     PROCESS_RUNNING);
    assert_int_equal(WALK(PROCESS_STOPPED, STATE_EVENT_START, STATE_EVENT_LAUNCHED, STATE_EVENT_FAILED),
                     PROCESS_BACKOFF);
    assert_int_equal(WALK(PROCESS_BACKOFF, STATE_EVENT_LAUNCHED, STATE_EVENT_FAILED, STATE_EVENT_GIVE_UP),
                     PROCESS_FATAL);
    assert_int_equal(WALK(PROCESS_RUNNING, STATE_EVENT_EXITED, STATE_EVENT_LAUNCHED), PROCESS_STARTING);
    assert_int_equal(WALK(PROCESS_RUNNING, STATE_EVENT_STOP, STATE_EVENT_STOPPING, STATE_EVENT_EXITED),
                     PROCESS_STOPPED);
    /* a stop that meets a start still on its way */
    assert_int_equal(WALK(PROCESS_STOPPED, STATE_EVENT_START, STATE_EVENT_STOP, STATE_EVENT_GONE),
                     PROCESS_STOPPED);
    assert_int_equal(WALK(PROCESS_STARTING, STATE_EVENT_STOP, STATE_EVENT_LAUNCHED, STATE_EVENT_UP),
                     PROCESS_STOPPING);
    assert_int_equal(WALK(PROCESS_STARTING, STATE_EVENT_STOP, STATE_EVENT_FAILED), PROCESS_STOPPED);
    /* systemctl stop, behind our back */
    assert_int_equal(WALK(PROCESS_RUNNING, STATE_EVENT_STOPPING, STATE_EVENT_EXITED), PROCESS_STOPPED);
    assert_int_equal(WALK(PROCESS_BACKOFF, STATE_EVENT_GONE), PROCESS_STOPPED);
}

/* Nothing that systemd says makes the bridge act: acting is for requests. */
static void only_requests_cause_actions(void **state)
{
    for (size_t i = 0; i < COUNT(all_states); i++) {
        for (int event = 0; event < STATE_EVENT_COUNT; event++) {
            StateStep step = state_step(all_states[i], (StateEvent)event);
            if (event != STATE_EVENT_START && event != STATE_EVENT_STOP)
                assert_int_equal(step.action, STATE_ACTION_NONE);
            assert_string_not_equal(process_state_name(step.next), "");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_works_from_every_stopped_state),
        cmocka_unit_test(stop_waits_for_a_process_but_not_for_a_backoff),
        cmocka_unit_test(lives_of_a_process),
        cmocka_unit_test(only_requests_cause_actions),
    };
    return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
