/* The inside of an instance, shared by the files that make it up: instance.c (what it is and what is asked of
 * it), instance_unit.c (its unit and what systemd says), instance_restore.c (after a restart of the bridge),
 * instance_output.c (its streams). Nobody else includes this. */
#pragma once

#include "bridge/instance_owner.h"
#include "bridge/observation.h"
#include "bridge/stdin_pipe.h"
#include "bridge/watch_list.h"

typedef struct SignalRequest SignalRequest;

struct Instance {
    const PlannedProcess *planned;
    Group *group;
    const InstanceContext *context;

    ProcessState state;
    pid_t pid;
    double laststart;
    double laststop;
    double last_stop_report;
    int exitstatus;
    unsigned backoff; /* failed starts in a row */
    char *spawnerr;
    WatchList *watches;
    bool detached;   /* its group is gone: nothing happens any more */
    GSList *signals; /* of SignalRequest: those not answered yet */

    /* the unit */
    Observation observation;
    bool unit_busy;     /* it is, or may be, there and not at rest */
    bool unit_failed;   /* it is at rest in the failed state: a start needs a reset first */
    bool start_called;  /* StartTransientUnit is not answered yet: what is heard of the unit may be about its
                           past */
    bool start_wanted;  /* start when the unit has gone */
    bool stop_called;   /* a stop is under way: what the unit does until it rests is the past */
    bool start_pending; /* systemd has not yet answered to a start: a bridge that dies now leaves it undone */
    bool stop_unsent;   /* a stop did not get through and is tried again */
    bool stop_deferred; /* the stop waits until there is a process to stop */
    bool held;          /* the daemon is ending: it must not come back */
    bool looking;       /* a second look is under way */
    bool gate_is_there; /* at the last look the unit had a control process */
    Observed *undecided;    /* an end that the gate has not judged yet; NULL: none */
    sd_event_source *judge; /* asks again */
    unsigned start_attempts;
    sd_event_source *retry; /* a start that the bridge itself tries again */

    StdinPipe *stdin_pipe; /* NULL until somebody writes */
    PumpStream *streams[STREAM_COUNT];
    char *logfiles[STREAM_COUNT]; /* NULL: none */
};

/* instance.c: one event through the state machine. */
void instance_apply(Instance *instance, StateEvent event);
void instance_remember(Instance *instance);
void instance_set_spawnerr(Instance *instance, const char *text);
/* A start that did not get as far as a process of its own, for a reason that only the bridge knows. */
void instance_fail_start(Instance *instance, const char *message);

/* instance_unit.c */
void instance_unit_start(Instance *instance);
void instance_unit_stop(Instance *instance);
void instance_unit_cancel_retry(Instance *instance);
void instance_unit_retry_later(Instance *instance, uint64_t usec);
/* systemd's microseconds as the seconds that clients see; 0, which is "unknown", is now. */
double instance_unit_seconds(uint64_t usec);
/* An end in the oracle's words ("exit status 2", "terminated by SIGKILL"), and the exit status as
 * getProcessInfo tells it: -1 after a signal. `ret_text` is newly allocated. */
void instance_unit_describe_end(const Observed *observed, int *ret_status, char **ret_text);

/* instance_output.c */
void instance_output_name_logs(Instance *instance);
int instance_output_open(Instance *instance);
void instance_output_set_pid(Instance *instance, pid_t pid);
void instance_output_drain(Instance *instance);
void instance_output_close(Instance *instance);
