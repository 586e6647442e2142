/* What systemd says of one unit at one moment: the properties that tell how its process is doing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum ActiveState {
    ACTIVE_STATE_INACTIVE,
    ACTIVE_STATE_ACTIVATING,
    ACTIVE_STATE_ACTIVE,
    ACTIVE_STATE_RELOADING,
    ACTIVE_STATE_DEACTIVATING,
    ACTIVE_STATE_FAILED,
} ActiveState;

typedef struct UnitSnapshot {
    ActiveState active_state;
    bool killing; /* SubState stop-sigkill: the stop timeout is over and the main process gets SIGKILL */
    bool has_job;
    uint8_t invocation[16];   /* InvocationID; all zero when the unit never ran */
    pid_t main_pid;           /* 0: no main process */
    pid_t control_pid;        /* of the gate */
    pid_t exec_main_pid;      /* the last main process, alive or not */
    unsigned restarts;        /* NRestarts: how often systemd has started it anew by itself */
    int exec_main_code;       /* CLD_EXITED, CLD_KILLED, CLD_DUMPED; 0 while it runs */
    int exec_main_status;     /* exit status or signal */
    uint64_t exec_main_start; /* CLOCK_REALTIME in microseconds */
    uint64_t exec_main_exit;
    uint64_t exec_main_start_monotonic; /* the same by a clock that nobody sets */
    uint64_t exec_main_exit_monotonic;
} UnitSnapshot;
