#include "bridge/state.h"

#include <glib.h>

enum {
    ROW_STOPPED,
    ROW_STARTING,
    ROW_RUNNING,
    ROW_BACKOFF,
    ROW_STOPPING,
    ROW_EXITED,
    ROW_FATAL,
    ROW_UNKNOWN,
    ROW_COUNT
};

static const char *const event_names[STATE_EVENT_COUNT] = {
    [STATE_EVENT_START] = "START",   [STATE_EVENT_STOP] = "STOP",         [STATE_EVENT_LAUNCHED] = "LAUNCHED",
    [STATE_EVENT_UP] = "UP",         [STATE_EVENT_FAILED] = "FAILED",     [STATE_EVENT_GIVE_UP] = "GIVE_UP",
    [STATE_EVENT_EXITED] = "EXITED", [STATE_EVENT_STOPPING] = "STOPPING", [STATE_EVENT_GONE] = "GONE",
};

#define TO(state)                                                                                            \
    {                                                                                                        \
        PROCESS_##state, STATE_ACTION_NONE                                                                   \
    }
#define TO_START                                                                                             \
    {                                                                                                        \
        PROCESS_STARTING, STATE_ACTION_START_UNIT                                                            \
    }
#define TO_STOP(state)                                                                                       \
    {                                                                                                        \
        PROCESS_##state, STATE_ACTION_STOP_UNIT                                                              \
    }
#define ROW(start, stop, launched, up, failed, give_up, exited, stopping, gone)                              \
    {                                                                                                        \
        [STATE_EVENT_START] = start, [STATE_EVENT_STOP] = stop, [STATE_EVENT_LAUNCHED] = launched,           \
        [STATE_EVENT_UP] = up, [STATE_EVENT_FAILED] = failed, [STATE_EVENT_GIVE_UP] = give_up,               \
        [STATE_EVENT_EXITED] = exited, [STATE_EVENT_STOPPING] = stopping, [STATE_EVENT_GONE] = gone,         \
    }

/* Where no client asked but something happened (`systemctl start` on a stopped program), the row follows what
 * is there.
 *
 * STOPPING answers every kind of end with STOPPED: what was asked to stop is stopped, however it ended.
 * BACKOFF answers a stop with STOPPED at once, as the oracle does: there is no process to wait for. Only GONE
 * tells a RUNNING process that vanished without an end being seen; it counts as an exit. */
/* clang-format off */
static const StateStep steps[ROW_COUNT][STATE_EVENT_COUNT] = {
    /*                     START         STOP              LAUNCHED      UP            FAILED        GIVE_UP      EXITED        STOPPING      GONE */
    [ROW_STOPPED] = ROW(TO_START, TO(STOPPED), TO(STARTING), TO(STOPPED), TO(STOPPED), TO(STOPPED), TO(STOPPED), TO(STOPPED), TO(STOPPED)),
    [ROW_STARTING] = ROW(TO(STARTING), TO_STOP(STOPPING), TO(STARTING), TO(RUNNING), TO(BACKOFF), TO(STARTING), TO(EXITED), TO(STOPPING), TO(BACKOFF)),
    [ROW_RUNNING] = ROW(TO(RUNNING), TO_STOP(STOPPING), TO(RUNNING), TO(RUNNING), TO(EXITED), TO(RUNNING), TO(EXITED), TO(STOPPING), TO(EXITED)),
    [ROW_BACKOFF] = ROW(TO(BACKOFF), TO_STOP(STOPPED), TO(STARTING), TO(BACKOFF), TO(BACKOFF), TO(FATAL), TO(BACKOFF), TO(BACKOFF), TO(STOPPED)),
    [ROW_STOPPING] = ROW(TO(STOPPING), TO(STOPPING), TO(STOPPING), TO(STOPPING), TO(STOPPED), TO(STOPPING), TO(STOPPED), TO(STOPPING), TO(STOPPED)),
    [ROW_EXITED] = ROW(TO_START, TO(EXITED), TO(STARTING), TO(EXITED), TO(EXITED), TO(EXITED), TO(EXITED), TO(EXITED), TO(EXITED)),
    [ROW_FATAL] = ROW(TO_START, TO(FATAL), TO(STARTING), TO(FATAL), TO(FATAL), TO(FATAL), TO(FATAL), TO(FATAL), TO(FATAL)),
    [ROW_UNKNOWN] = ROW(TO_START, TO_STOP(STOPPING), TO(STARTING), TO(RUNNING), TO(UNKNOWN), TO(FATAL), TO(EXITED), TO(STOPPING), TO(STOPPED)),
};
/* clang-format on */

static unsigned row_of(ProcessState state)
{
    switch (state) {
    case PROCESS_STOPPED:
        return ROW_STOPPED;
    case PROCESS_STARTING:
        return ROW_STARTING;
    case PROCESS_RUNNING:
        return ROW_RUNNING;
    case PROCESS_BACKOFF:
        return ROW_BACKOFF;
    case PROCESS_STOPPING:
        return ROW_STOPPING;
    case PROCESS_EXITED:
        return ROW_EXITED;
    case PROCESS_FATAL:
        return ROW_FATAL;
    case PROCESS_UNKNOWN:
        break;
    }
    return ROW_UNKNOWN;
}

StateStep state_step(ProcessState state, StateEvent event)
{
    g_assert(event < STATE_EVENT_COUNT);
    return steps[row_of(state)][event];
}

const char *state_event_name(StateEvent event)
{
    g_assert(event < STATE_EVENT_COUNT);
    return event_names[event];
}
