#include "bridge/rpc_wait.h"

#include <errno.h>

/* The instance itself keeps "waiting for x to stop" down to one line in two seconds. */
#define REPORT_INTERVAL_USEC ((uint64_t)1000000)

struct RpcWait {
    Instance *instance;
    RpcWaitKind kind;
    unsigned watch;
    sd_event_source *report;
    RpcWaitDone done;
    void *userdata;
};

/* The oracle looks at spawnerr first: a process that died too early has one, and is SPAWN_ERROR whatever its
 * state. */
static int check_started(const Instance *instance)
{
    ProcessState state = instance_state(instance);

    if (*instance_spawnerr(instance))
        return FAULT_SPAWN_ERROR;
    if (state == PROCESS_RUNNING)
        return 0;
    return state == PROCESS_STARTING ? -EAGAIN : FAULT_ABNORMAL_TERMINATION;
}

int rpc_wait_check(RpcWaitKind kind, const Instance *instance)
{
    if (kind == RPC_WAIT_STARTED)
        return check_started(instance);
    return process_state_is_stopped(instance_state(instance)) ? 0 : -EAGAIN;
}

void rpc_wait_free(RpcWait *wait)
{
    if (!wait)
        return;
    if (wait->watch != 0)
        instance_unwatch(wait->instance, wait->watch);
    sd_event_source_disable_unref(wait->report);
    g_free(wait);
}

static void finish(RpcWait *wait, int fault)
{
    RpcWaitDone done = wait->done;
    void *userdata = wait->userdata;

    rpc_wait_free(wait);
    done(fault, userdata);
}

static void on_changed(Instance *instance, void *userdata)
{
    RpcWait *wait = userdata;
    int r = rpc_wait_check(wait->kind, instance);

    if (r != -EAGAIN)
        finish(wait, r);
}

static void on_gone(Instance *instance, void *userdata)
{
    RpcWait *wait = userdata;

    wait->watch = 0;
    finish(wait, FAULT_BAD_NAME);
}

static int on_report(sd_event_source *source, uint64_t usec, void *userdata)
{
    RpcWait *wait = userdata;

    instance_stop_report(wait->instance);
    sd_event_source_set_time_relative(source, REPORT_INTERVAL_USEC);
    sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    return 0;
}

RpcWait *rpc_wait_new(sd_event *event, Instance *instance, RpcWaitKind kind, RpcWaitDone done, void *userdata)
{
    RpcWait *wait = g_new0(RpcWait, 1);

    wait->instance = instance;
    wait->kind = kind;
    wait->done = done;
    wait->userdata = userdata;
    wait->watch = instance_watch(instance, on_changed, on_gone, wait);
    if (kind == RPC_WAIT_STOPPED) {
        instance_stop_report(instance);
        /* Without the timer the log lacks its lines; the wait itself does not need it. */
        sd_event_add_time_relative(event, &wait->report, CLOCK_MONOTONIC, REPORT_INTERVAL_USEC, 0, on_report,
                                   wait);
    }
    return wait;
}
