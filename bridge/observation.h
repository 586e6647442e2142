/* From snapshots of a unit to what happened to its process. systemd tells states, one after the other; the
 * state machine wants events. An Observation remembers what of the present incarnation has been told already.
 * Pure: no bus, no clock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bridge/state.h"
#include "bridge/unit_snapshot.h"

/* One start of the program: InvocationID and main process together, since an automatic restart makes a new
 * invocation and a process ID alone comes back. */
typedef struct Observation {
    uint8_t invocation[16];
    pid_t pid;         /* 0: nothing seen yet */
    unsigned restarts; /* NRestarts, as last shown with this process */
    bool counted;      /* the restart after its end is in `restarts` already */
    bool up;           /* UP has been told */
    bool ended;        /* FAILED or EXITED has been told */
    bool stopping;     /* STOPPING has been told */
    bool killing;      /* the escalation to SIGKILL has been told */
} Observation;

typedef struct Observed {
    StateEvent event;
    bool killing;  /* not a change of state: the main process is being killed now */
    pid_t pid;     /* of the main process that the event is about */
    uint64_t time; /* CLOCK_REALTIME in microseconds: start for LAUNCHED, end for FAILED and EXITED; else 0 */
    unsigned missed; /* for LAUNCHED: that many incarnations before this one were never shown */
    double lifetime; /* seconds, for FAILED and EXITED */
    int exit_code;   /* CLD_…, for FAILED and EXITED; 0: it has ended, nobody knows how */
    int exit_status;
} Observed;

enum { OBSERVED_MAX = 8 };

/* Compares a snapshot with what is known and fills `ret_events` with what is new, in order. Returns their
 * number. GONE is reported whenever the snapshot shows a unit at rest: the caller looks a second time before
 * it believes that, because a restart passes through a dead state. */
size_t observation_update(Observation *observation, const UnitSnapshot *snapshot,
                          Observed ret_events[OBSERVED_MAX]);
