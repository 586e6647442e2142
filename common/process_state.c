#include "common/process_state.h"

#include <stddef.h>

enum { SET_RUNNING = 1 << 0, SET_STOPPED = 1 << 1, SET_SIGNALLABLE = 1 << 2 };

typedef struct StateRow {
    ProcessState state;
    const char *name;
    unsigned sets;
} StateRow;

static const StateRow states[] = {
    {PROCESS_STOPPED, "STOPPED", SET_STOPPED},
    {PROCESS_STARTING, "STARTING", SET_RUNNING | SET_SIGNALLABLE},
    {PROCESS_RUNNING, "RUNNING", SET_RUNNING | SET_SIGNALLABLE},
    {PROCESS_BACKOFF, "BACKOFF", SET_RUNNING},
    {PROCESS_STOPPING, "STOPPING", SET_SIGNALLABLE},
    {PROCESS_EXITED, "EXITED", SET_STOPPED},
    {PROCESS_FATAL, "FATAL", SET_STOPPED},
    {PROCESS_UNKNOWN, "UNKNOWN", SET_STOPPED},
};

static const StateRow *state_row(ProcessState state)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (states[i].state == state)
            return &states[i];
    }
    return &states[sizeof states / sizeof *states - 1];
}

const char *process_state_name(ProcessState state)
{
    return state_row(state)->name;
}

bool process_state_is_running(ProcessState state)
{
    return state_row(state)->sets & SET_RUNNING;
}

bool process_state_is_stopped(ProcessState state)
{
    return state_row(state)->sets & SET_STOPPED;
}

bool process_state_is_signallable(ProcessState state)
{
    return state_row(state)->sets & SET_SIGNALLABLE;
}

const char *daemon_state_name(DaemonState state)
{
    switch (state) {
    case DAEMON_SHUTDOWN:
        return "SHUTDOWN";
    case DAEMON_RESTARTING:
        return "RESTARTING";
    case DAEMON_RUNNING:
        return "RUNNING";
    case DAEMON_FATAL:
        return "FATAL";
    }
    return "UNKNOWN";
}
