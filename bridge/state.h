/* The state machine of a process: a table, no side effects. What happens outside (a client's request, what
 * systemd did) arrives as a StateEvent; the answer is the next state and what to do about it. */
#pragma once

#include "common/process_state.h"

typedef enum StateEvent {
    STATE_EVENT_START,    /* somebody wants it to run */
    STATE_EVENT_STOP,     /* somebody wants it to end */
    STATE_EVENT_LAUNCHED, /* systemd has made a process for it */
    STATE_EVENT_UP,       /* the gate has let it pass: it stayed up for startsecs */
    STATE_EVENT_FAILED,   /* a start came to nothing: no process, or one that ended before startsecs */
    STATE_EVENT_GIVE_UP,  /* one failed start too many */
    STATE_EVENT_EXITED,   /* the process has ended after it was up */
    STATE_EVENT_STOPPING, /* systemd is stopping it, at whose request ever */
    STATE_EVENT_GONE,     /* the unit is at rest: no process, no job, no restart to come */
    STATE_EVENT_COUNT,
} StateEvent;

typedef enum StateAction {
    STATE_ACTION_NONE,
    STATE_ACTION_START_UNIT,
    STATE_ACTION_STOP_UNIT,
} StateAction;

typedef struct StateStep {
    ProcessState next;
    StateAction action;
} StateStep;

/* Every state answers every event; a step to the same state with STATE_ACTION_NONE means that it does not
 * matter there. */
StateStep state_step(ProcessState state, StateEvent event);

/* "STOP" and so on, for the debug log. */
const char *state_event_name(StateEvent event);
