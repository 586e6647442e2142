#include "bridge/observation.h"

#include <string.h>

typedef struct Events {
    Observed *list;
    size_t count;
} Events;

static Observed *add(Events *events, StateEvent event, const UnitSnapshot *snapshot)
{
    Observed *observed = &events->list[events->count++];
    *observed = (Observed){.event = event, .pid = snapshot->exec_main_pid};
    return observed;
}

/* The snapshot is about another process already: how the last one ended went by. */
static void make_up_end(const Observation *observation, Events *events)
{
    bool unseen = !observation->up && !observation->stopping;
    Observed *observed = &events->list[events->count++];

    *observed =
        (Observed){.event = unseen ? STATE_EVENT_FAILED : STATE_EVENT_EXITED, .pid = observation->pid};
}

static bool is_same(const Observation *observation, const UnitSnapshot *snapshot)
{
    return observation->pid == snapshot->exec_main_pid &&
           memcmp(observation->invocation, snapshot->invocation, sizeof observation->invocation) == 0;
}

/* NRestarts counts restarts that are planned, and says so before there is a new process. A daemon-reload
 * between the two plans and counts the same restart anew. */
static void see_restart_planned(Observation *observation, const UnitSnapshot *snapshot)
{
    if (!observation->ended || snapshot->restarts <= observation->restarts)
        return;
    observation->counted = true;
    observation->restarts = snapshot->restarts;
}

static unsigned count_missed(const Observation *observation, const UnitSnapshot *snapshot)
{
    if (observation->pid == 0 || snapshot->restarts <= observation->restarts)
        return 0;
    return snapshot->restarts - observation->restarts - (observation->counted ? 0 : 1);
}

static void see_launch(Observation *observation, const UnitSnapshot *snapshot, Events *events)
{
    if (snapshot->exec_main_pid == 0 || is_same(observation, snapshot))
        return;
    if (observation->pid != 0 && !observation->ended)
        make_up_end(observation, events);
    unsigned missed = count_missed(observation, snapshot);
    *observation = (Observation){.pid = snapshot->exec_main_pid, .restarts = snapshot->restarts};
    memcpy(observation->invocation, snapshot->invocation, sizeof observation->invocation);
    Observed *observed = add(events, STATE_EVENT_LAUNCHED, snapshot);
    observed->time = snapshot->exec_main_start;
    observed->missed = missed;
}

static void see_up(Observation *observation, const UnitSnapshot *snapshot, Events *events)
{
    bool active =
        snapshot->active_state == ACTIVE_STATE_ACTIVE || snapshot->active_state == ACTIVE_STATE_RELOADING;

    if (observation->up || observation->ended || !active)
        return;
    observation->up = true;
    add(events, STATE_EVENT_UP, snapshot);
}

static void see_stop(Observation *observation, const UnitSnapshot *snapshot, Events *events)
{
    /* Deactivating without a main process is systemd cleaning up after an end, not a stop. */
    if (observation->ended || snapshot->main_pid == 0 || snapshot->active_state != ACTIVE_STATE_DEACTIVATING)
        return;
    if (!observation->stopping) {
        observation->stopping = true;
        add(events, STATE_EVENT_STOPPING, snapshot);
    }
    if (snapshot->killing && !observation->killing) {
        observation->killing = true;
        add(events, STATE_EVENT_STOPPING, snapshot)->killing = true;
    }
}

static void see_end(Observation *observation, const UnitSnapshot *snapshot, Events *events)
{
    if (observation->ended || snapshot->exec_main_code == 0)
        return;
    observation->ended = true;
    bool unseen = !observation->up && !observation->stopping;
    Observed *observed = add(events, unseen ? STATE_EVENT_FAILED : STATE_EVENT_EXITED, snapshot);
    observed->time = snapshot->exec_main_exit;
    /* How long it lived decides whether it came up, so a clock that is set meanwhile must not count. */
    observed->lifetime =
        (double)(int64_t)(snapshot->exec_main_exit_monotonic - snapshot->exec_main_start_monotonic) / 1e6;
    observed->exit_code = snapshot->exec_main_code;
    observed->exit_status = snapshot->exec_main_status;
}

static void see_rest(const UnitSnapshot *snapshot, Events *events)
{
    bool at_rest =
        snapshot->active_state == ACTIVE_STATE_INACTIVE || snapshot->active_state == ACTIVE_STATE_FAILED;

    if (at_rest && snapshot->main_pid == 0 && !snapshot->has_job)
        add(events, STATE_EVENT_GONE, snapshot);
}

size_t observation_update(Observation *observation, const UnitSnapshot *snapshot,
                          Observed ret_events[OBSERVED_MAX])
{
    Events events = {.list = ret_events};

    see_launch(observation, snapshot, &events);
    if (observation->pid != 0 && observation->pid == snapshot->exec_main_pid) {
        see_up(observation, snapshot, &events);
        see_stop(observation, snapshot, &events);
        see_end(observation, snapshot, &events);
        see_restart_planned(observation, snapshot);
    }
    see_rest(snapshot, &events);
    return events.count;
}
