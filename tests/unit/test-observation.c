/* Snapshots as systemd 252 was seen to send them, and the events that must come out. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "bridge/observation.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static UnitSnapshot snapshot(ActiveState active, uint8_t invocation, pid_t pid, pid_t control)
{
    UnitSnapshot result = {.active_state = active,
                           .main_pid = pid,
                           .exec_main_pid = pid,
                           .control_pid = control,
                           .exec_main_start = 1000000,
                           .exec_main_start_monotonic = 500};
    result.invocation[0] = invocation;
    return result;
}

static UnitSnapshot ended(ActiveState active, uint8_t invocation, pid_t pid, pid_t control, int code,
                          int status)
{
    UnitSnapshot result = snapshot(active, invocation, pid, control);
    result.main_pid = 0;
    result.exec_main_code = code;
    result.exec_main_status = status;
    result.exec_main_exit = 2000000;
    result.exec_main_exit_monotonic = 1000500;
    return result;
}

static void expect(Observation *observation, UnitSnapshot shown, const StateEvent *events, size_t count)
{
    Observed seen[OBSERVED_MAX];

    size_t n = observation_update(observation, &shown, seen);
    assert_int_equal(n, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(seen[i].event, events[i]);
    assert_true(n <= OBSERVED_MAX);
}

#define EXPECT(observation, shown, ...)                                                                      \
    expect(observation, shown, (const StateEvent[]){__VA_ARGS__}, COUNT(((const StateEvent[]){__VA_ARGS__})))
#define EXPECT_NOTHING(observation, shown) expect(observation, shown, NULL, 0)

static void comes_up_and_is_told_once(void **state)
{
    Observation observation = {0};

    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVATING, 1, 10, 11), STATE_EVENT_LAUNCHED);
    EXPECT_NOTHING(&observation, snapshot(ACTIVE_STATE_ACTIVATING, 1, 10, 11));
    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVE, 1, 10, 0), STATE_EVENT_UP);
    EXPECT_NOTHING(&observation, snapshot(ACTIVE_STATE_ACTIVE, 1, 10, 0));
}

static void restart_after_running(void **state)
{
    Observation observation = {0};

    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVE, 1, 10, 0), STATE_EVENT_LAUNCHED, STATE_EVENT_UP);
    EXPECT(&observation, ended(ACTIVE_STATE_DEACTIVATING, 1, 10, 0, CLD_EXITED, 1), STATE_EVENT_EXITED);
    /* dead in passing; the caller looks again */
    EXPECT(&observation, ended(ACTIVE_STATE_FAILED, 1, 10, 0, CLD_EXITED, 1), STATE_EVENT_GONE);
    EXPECT_NOTHING(&observation, ended(ACTIVE_STATE_ACTIVATING, 1, 10, 0, CLD_EXITED, 1));
    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVATING, 2, 12, 13), STATE_EVENT_LAUNCHED);
}

/* A process ID that comes back belongs to a new incarnation when the invocation is another. */
static void recycled_pid_is_a_new_process(void **state)
{
    Observation observation = {0};

    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVE, 1, 10, 0), STATE_EVENT_LAUNCHED, STATE_EVENT_UP);
    EXPECT(&observation, ended(ACTIVE_STATE_DEACTIVATING, 1, 10, 0, CLD_KILLED, SIGKILL), STATE_EVENT_EXITED);
    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVATING, 2, 10, 14), STATE_EVENT_LAUNCHED);
}

static void fails_while_the_gate_counts(void **state)
{
    Observation observation = {0};

    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVATING, 1, 10, 11), STATE_EVENT_LAUNCHED);
    EXPECT(&observation, ended(ACTIVE_STATE_ACTIVATING, 1, 10, 11, CLD_EXITED, 0), STATE_EVENT_FAILED);
    EXPECT_NOTHING(&observation, ended(ACTIVE_STATE_ACTIVATING, 1, 10, 0, CLD_EXITED, 0));
    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVATING, 2, 12, 13), STATE_EVENT_LAUNCHED);
}

/* startsecs=0: the gate may be through and the program gone before systemd has shown "active". The end is
 * told as unseen, with what the verdict needs. */
static void an_end_before_active_is_left_to_the_verdict(void **state)
{
    Observation observation = {0};
    Observed seen[OBSERVED_MAX];
    UnitSnapshot end = ended(ACTIVE_STATE_DEACTIVATING, 1, 10, 0, CLD_EXITED, 3);

    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVATING, 1, 10, 11), STATE_EVENT_LAUNCHED);
    assert_int_equal(observation_update(&observation, &end, seen), 1);
    assert_int_equal(seen[0].event, STATE_EVENT_FAILED);
    assert_int_equal(seen[0].exit_status, 3);
    assert_int_equal(seen[0].time, 2000000);
    assert_true(seen[0].lifetime == 1.0);
}

/* Even when one snapshot shows all of it. */
static void a_whole_life_in_one_snapshot(void **state)
{
    Observation observation = {0};

    EXPECT(&observation, ended(ACTIVE_STATE_INACTIVE, 1, 10, 0, CLD_EXITED, 0), STATE_EVENT_LAUNCHED,
           STATE_EVENT_FAILED, STATE_EVENT_GONE);
}

static void stop_with_escalation(void **state)
{
    Observation observation = {0};
    Observed seen[OBSERVED_MAX];
    UnitSnapshot killing = snapshot(ACTIVE_STATE_DEACTIVATING, 1, 10, 0);

    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVE, 1, 10, 0), STATE_EVENT_LAUNCHED, STATE_EVENT_UP);
    EXPECT(&observation, snapshot(ACTIVE_STATE_DEACTIVATING, 1, 10, 0), STATE_EVENT_STOPPING);
    killing.killing = true;
    assert_int_equal(observation_update(&observation, &killing, seen), 1);
    assert_true(seen[0].killing);
    EXPECT_NOTHING(&observation, killing);
    EXPECT(&observation, ended(ACTIVE_STATE_FAILED, 1, 10, 0, CLD_KILLED, SIGKILL), STATE_EVENT_EXITED,
           STATE_EVENT_GONE);
}

/* A stop that meets the gate at work is an end, not a failed start, and not a passage through RUNNING. */
static void stop_while_starting(void **state)
{
    Observation observation = {0};

    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVATING, 1, 10, 11), STATE_EVENT_LAUNCHED);
    EXPECT(&observation, snapshot(ACTIVE_STATE_DEACTIVATING, 1, 10, 0), STATE_EVENT_STOPPING);
    EXPECT(&observation, ended(ACTIVE_STATE_DEACTIVATING, 1, 10, 0, CLD_KILLED, SIGTERM), STATE_EVENT_EXITED);
}

static void a_stale_inactive_is_no_end(void **state)
{
    Observation observation = {0};
    UnitSnapshot stale = {.active_state = ACTIVE_STATE_INACTIVE, .has_job = true};

    EXPECT_NOTHING(&observation, stale);
    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVATING, 1, 10, 11), STATE_EVENT_LAUNCHED);
}

/* Children that outlive the main process are cleaned up in a deactivating unit: nobody asked for a stop. */
static void cleaning_up_is_no_stop(void **state)
{
    Observation observation = {0};

    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVE, 1, 10, 0), STATE_EVENT_LAUNCHED, STATE_EVENT_UP);
    EXPECT(&observation, ended(ACTIVE_STATE_DEACTIVATING, 1, 10, 0, CLD_EXITED, 0), STATE_EVENT_EXITED);
    EXPECT_NOTHING(&observation, ended(ACTIVE_STATE_DEACTIVATING, 1, 10, 0, CLD_EXITED, 0));
}

/* A connection that was away for a while: the next snapshot is about another process. */
static void an_end_that_went_by_is_made_up(void **state)
{
    Observation observation = {0};
    Observed seen[OBSERVED_MAX];

    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVE, 1, 10, 0), STATE_EVENT_LAUNCHED, STATE_EVENT_UP);
    UnitSnapshot next = snapshot(ACTIVE_STATE_ACTIVE, 2, 12, 0);
    next.restarts = 1;
    assert_int_equal(observation_update(&observation, &next, seen), 3);
    assert_int_equal(seen[0].event, STATE_EVENT_EXITED);
    assert_int_equal(seen[0].pid, 10);
    assert_int_equal(seen[0].exit_code, 0);
    assert_int_equal(seen[1].event, STATE_EVENT_LAUNCHED);
    assert_int_equal(seen[1].pid, 12);
    assert_int_equal(seen[1].missed, 0);
    assert_int_equal(seen[2].event, STATE_EVENT_UP);
}

static void a_start_that_went_by_is_a_failed_one(void **state)
{
    Observation observation = {0};

    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVATING, 1, 10, 11), STATE_EVENT_LAUNCHED);
    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVATING, 2, 12, 13), STATE_EVENT_FAILED,
           STATE_EVENT_LAUNCHED);
}

/* A reload of systemd in the moment between the plan of a restart and the start: seen on systemd 252. */
static void a_restart_that_is_counted_twice_is_one(void **state)
{
    Observation observation = {0};
    Observed seen[OBSERVED_MAX];

    EXPECT(&observation, snapshot(ACTIVE_STATE_ACTIVE, 1, 10, 0), STATE_EVENT_LAUNCHED, STATE_EVENT_UP);
    UnitSnapshot planned = ended(ACTIVE_STATE_ACTIVATING, 1, 10, 0, CLD_KILLED, 9);
    planned.restarts = 1;
    EXPECT(&observation, planned, STATE_EVENT_EXITED);
    planned.restarts = 2;
    EXPECT_NOTHING(&observation, planned);
    UnitSnapshot next = snapshot(ACTIVE_STATE_ACTIVATING, 2, 12, 13);
    next.restarts = 2;
    assert_int_equal(observation_update(&observation, &next, seen), 1);
    assert_int_equal(seen[0].event, STATE_EVENT_LAUNCHED);
    assert_int_equal(seen[0].missed, 0);
    /* It is the process that counts from now on. */
    next = snapshot(ACTIVE_STATE_ACTIVATING, 3, 14, 15);
    next.restarts = 4;
    assert_int_equal(observation_update(&observation, &next, seen), 2);
    assert_int_equal(seen[1].missed, 1);
}

static void incarnations_that_were_never_shown_are_counted(void **state)
{
    Observation observation = {0};
    Observed seen[OBSERVED_MAX];

    UnitSnapshot shown = snapshot(ACTIVE_STATE_ACTIVE, 1, 10, 0);
    shown.restarts = 2;
    assert_int_equal(observation_update(&observation, &shown, seen), 2);
    assert_int_equal(seen[0].missed, 0); /* nothing is known about what was before */
    shown = snapshot(ACTIVE_STATE_ACTIVATING, 6, 30, 31);
    shown.restarts = 7;
    assert_int_equal(observation_update(&observation, &shown, seen), 2);
    assert_int_equal(seen[1].event, STATE_EVENT_LAUNCHED);
    assert_int_equal(seen[1].missed, 4);
    /* A unit that was made anew counts from 0. */
    shown = ended(ACTIVE_STATE_DEACTIVATING, 6, 30, 0, CLD_EXITED, 0);
    shown.restarts = 7;
    assert_int_equal(observation_update(&observation, &shown, seen), 1);
    shown = snapshot(ACTIVE_STATE_ACTIVATING, 7, 40, 41);
    assert_int_equal(observation_update(&observation, &shown, seen), 1);
    assert_int_equal(seen[0].missed, 0);
}

static void a_clock_that_is_set_does_not_count(void **state)
{
    static const uint64_t exits[] = {5, 900000, 3600000000000};
    Observed seen[OBSERVED_MAX];

    for (size_t i = 0; i < COUNT(exits); i++) {
        Observation observation = {0};
        UnitSnapshot shown = ended(ACTIVE_STATE_DEACTIVATING, 1, 10, 0, CLD_EXITED, 0);
        shown.exec_main_exit = exits[i];
        size_t count = observation_update(&observation, &shown, seen);
        assert_true(count > 0);
        assert_true(seen[count - 1].lifetime == 1.0);
        assert_true(seen[count - 1].time == exits[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_that_went_by_is_made_up),
        cmocka_unit_test(a_start_that_went_by_is_a_failed_one),
        cmocka_unit_test(a_restart_that_is_counted_twice_is_one),
        cmocka_unit_test(incarnations_that_were_never_shown_are_counted),
        cmocka_unit_test(comes_up_and_is_told_once),
        cmocka_unit_test(a_clock_that_is_set_does_not_count),
        cmocka_unit_test(restart_after_running),
        cmocka_unit_test(recycled_pid_is_a_new_process),
        cmocka_unit_test(fails_while_the_gate_counts),
        cmocka_unit_test(an_end_before_active_is_left_to_the_verdict),
        cmocka_unit_test(a_whole_life_in_one_snapshot),
        cmocka_unit_test(stop_with_escalation),
        cmocka_unit_test(stop_while_starting),
        cmocka_unit_test(a_stale_inactive_is_no_end),
        cmocka_unit_test(cleaning_up_is_no_stop),
    };
    return cmocka_run_group_tests_name("observation", tests, NULL, NULL);
}
