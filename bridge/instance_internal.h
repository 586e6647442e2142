/* The inside of an instance, shared by the files that make it up: instance.c (what it is and what is asked of
 * it), instance_unit.c (run as a service: its unit and what systemd says), instance_restore.c (that after a
 * restart of the bridge), instance_child.c (run as a child of the bridge), instance_adopted.c (taken over
 * from an old supervisord), instance_end.c (what an end was), instance_event.c (telling listeners),
 * instance_output.c (its streams). Nobody else includes this. */
#pragma once

#include "bridge/fcgi_socket.h"
#include "bridge/instance_owner.h"
#include "bridge/instance_runner.h"
#include "bridge/observation.h"
#include "bridge/stdin_pipe.h"
#include "bridge/watch_list.h"

typedef struct SignalRequest SignalRequest;
typedef struct InstanceChild InstanceChild;
typedef struct InstanceAdopted InstanceAdopted;

struct Instance {
    const PlannedProcess *planned;
    Group *group;
    const InstanceContext *context;
    const InstanceRunner *runner;

    ProcessState state;
    pid_t pid;
    double laststart;
    double laststop;
    double last_stop_report;
    int exitstatus;
    unsigned backoff;  /* failed starts in a row */
    unsigned restarts; /* by systemd or, of a child, by us, since somebody started it */
    char *spawnerr;
    WatchList *watches;
    bool detached;              /* its group is gone: nothing happens any more */
    GSList *signals;            /* of SignalRequest: those not answered yet */
    bool stopping_untold;       /* the event of STOPPING waits for the pid */
    ProcessState stopping_from; /* … and this was the state before */

    InstanceChild *child;     /* what instance_child.c keeps */
    InstanceAdopted *adopted; /* what instance_adopted.c keeps */
    char *scope;              /* of a process that was adopted: the name of its unit; NULL: none */

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

    FcgiSocket *socket; /* its group's; NULL: none */
    bool awaits_socket; /* the start goes on when that is open; what is heard of the unit is about its past */
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

/* instance_event.c: tells listeners that the state has changed. */
void instance_event_tell(Instance *instance, ProcessState old);
/* The pid is known now: what had to wait for it is told. */
void instance_event_catch_up(Instance *instance);

/* instance_end.c */
/* systemd's microseconds as the seconds that clients see; 0, which is "unknown", is now. */
double instance_end_seconds(uint64_t usec);
/* An end in the oracle's words ("exit status 2", "terminated by SIGKILL"), and the exit status as
 * getProcessInfo tells it: -1 after a signal. `ret_text` is newly allocated. */
void instance_end_describe(const Observed *observed, int *ret_status, char **ret_text);
bool instance_end_is_expected(const Instance *instance, int status);
/* Whether autorestart= wants it back after the exit that it has had. */
bool instance_end_is_to_come_back(const Instance *instance);
/* The process has ended. `failed`: before it was up. Logs, changes the state, gives up after too many tries.
 */
void instance_end_take(Instance *instance, const Observed *observed, bool failed);
void instance_end_give_up(Instance *instance);

/* It has stayed up for startsecs. */
void instance_end_come_up(Instance *instance);
/* It has outstayed stopwaitsecs. */
void instance_end_tell_killing(Instance *instance, pid_t pid);

/* instance_unit.c: it has failed to start, and there is no unit whose gate could wait and try again. */
void instance_unit_back_off(Instance *instance);

/* instance_restore.c */
void instance_restore_record(Instance *instance, const StoreRecord *record);
bool instance_unit_restore(Instance *instance, const UnitSnapshot *snapshot);

/* instance_output.c */
void instance_output_name_logs(Instance *instance);
int instance_output_open(Instance *instance);
/* After a restart of the bridge, for a process that has ended: its children may still write. 0 or negative
 * errno. */
int instance_output_resume(Instance *instance);
/* The FIFOs go for good. */
void instance_output_remove(Instance *instance);
void instance_output_set_pid(Instance *instance, pid_t pid);
void instance_output_drain(Instance *instance);
void instance_output_close(Instance *instance);
int instance_output_write_stdin(Instance *instance, const char *data, size_t size);
