/* The states of a process and of the daemon, with the numbers and names that clients see. */
#pragma once

#include <stdbool.h>

typedef enum ProcessState {
    PROCESS_STOPPED = 0,
    PROCESS_STARTING = 10,
    PROCESS_RUNNING = 20,
    PROCESS_BACKOFF = 30,
    PROCESS_STOPPING = 40,
    PROCESS_EXITED = 100,
    PROCESS_FATAL = 200,
    PROCESS_UNKNOWN = 1000,
} ProcessState;

typedef enum DaemonState {
    DAEMON_SHUTDOWN = -1,
    DAEMON_RESTARTING = 0,
    DAEMON_RUNNING = 1,
    DAEMON_FATAL = 2,
} DaemonState;

/* "STARTING" and so on; "UNKNOWN" for a number that is no state. Never NULL. */
const char *process_state_name(ProcessState state);
const char *daemon_state_name(DaemonState state);

/* The oracle's three sets: RUNNING_STATES (running, starting, backoff), STOPPED_STATES (stopped, exited,
 * fatal, unknown) and SIGNALLABLE_STATES (running, starting, stopping). */
bool process_state_is_running(ProcessState state);
bool process_state_is_stopped(ProcessState state);
bool process_state_is_signallable(ProcessState state);
