/* start and stop of processes, groups and everything */
#include <errno.h>

#include "bridge/rpc_batch.h"
#include "bridge/rpc_method.h"
#include "bridge/rpc_target.h"
#include "bridge/rpc_wait.h"
#include "common/command.h"

/* What start and stop differ in. */
typedef struct Action {
    /* Asks for it. 0, or a fault with its text. */
    int (*begin)(Instance *instance, const char *name, char **ret_extra);
    bool (*applies)(const Instance *instance); /* to which processes of a group it goes */
    RpcWaitKind wait;
    uint64_t window_usec; /* see rpc_batch_new() */
} Action;

/* A single process's call that waits. */
typedef struct Pending {
    RpcCall *call;
    char *name;
    RpcWait *wait;
} Pending;

static int check_command(Instance *instance, char **ret_extra)
{
    g_autofree char *message = NULL;
    int problem = instance_check_command(instance, &message);

    if (problem == COMMAND_OK)
        return 0;
    if (problem < 0)
        message = g_strdup(g_strerror(-problem));
    *ret_extra = g_steal_pointer(&message);
    if (problem < 0)
        return FAULT_FAILED;
    return problem == COMMAND_NOT_FOUND ? FAULT_NO_FILE : FAULT_NOT_EXECUTABLE;
}

/* The oracle's order: the command first, then the state, then what became of the attempt so far. */
static int begin_start(Instance *instance, const char *name, char **ret_extra)
{
    int fault = check_command(instance, ret_extra);

    if (fault != 0)
        return fault;
    if (instance_state(instance) == PROCESS_UNKNOWN) {
        *ret_extra = g_strdup_printf("%s is in an unknown process state", name);
        return FAULT_FAILED;
    }
    if (process_state_is_running(instance_state(instance)))
        fault = FAULT_ALREADY_STARTED;
    else
        instance_start(instance);
    if (fault == 0 && *instance_spawnerr(instance))
        fault = FAULT_SPAWN_ERROR;
    if (fault != 0)
        *ret_extra = g_strdup(name);
    return fault;
}

static int begin_stop(Instance *instance, const char *name, char **ret_extra)
{
    if (!process_state_is_running(instance_state(instance))) {
        *ret_extra = g_strdup(name);
        return FAULT_NOT_RUNNING;
    }
    instance_stop(instance);
    return 0;
}

static bool is_running(const Instance *instance)
{
    return process_state_is_running(instance_state(instance));
}

static bool is_not_running(const Instance *instance)
{
    return !is_running(instance);
}

/* supervisorctl prints the array as it comes, so its order matters to whoever compares output. The oracle
 * looks at the processes that it waits for every 50 ms, in their order. Starts differ by their startsecs,
 * whole seconds, while systemd's part in each takes some tens of milliseconds at random: a wider window hides
 * that and delays nothing, since the answer goes out with the last result. */
static const Action start = {begin_start, is_not_running, RPC_WAIT_STARTED, 500000};
static const Action stop = {begin_stop, is_running, RPC_WAIT_STOPPED, 50000};

/* Begins; with `wait`, also looks how far it has got. 0, a fault, or -EAGAIN when there is something to wait
 * for. */
static int act(const Action *action, Instance *instance, const char *name, bool wait, char **ret_extra)
{
    int r = action->begin(instance, name, ret_extra);

    if (r == 0 && wait) {
        r = rpc_wait_check(action->wait, instance);
        if (r > 0)
            *ret_extra = g_strdup(name);
    }
    return r;
}

/* --- many processes --- */

static void on_item_done(int fault, void *userdata)
{
    RpcBatchItem *item = userdata;

    rpc_batch_decide(item, fault, rpc_batch_name(item));
}

static void cancel_wait(void *work)
{
    rpc_wait_free(work);
}

static void act_on_all(RpcCall *call, const Action *action, GPtrArray *instances, bool wait)
{
    sd_event *event = manager_event(rpc_call_manager(call));
    RpcBatch *batch = rpc_batch_new(call, action->window_usec);

    for (size_t i = 0; i < instances->len; i++) {
        Instance *instance = g_ptr_array_index(instances, i);
        g_autofree char *extra = NULL;
        if (!action->applies(instance))
            continue;
        RpcBatchItem *item = rpc_batch_add(batch, instance);
        int r = act(action, instance, rpc_batch_name(item), wait, &extra);
        if (r == -EAGAIN)
            rpc_batch_set_work(item, rpc_wait_new(event, instance, action->wait, on_item_done, item),
                               cancel_wait);
        else
            rpc_batch_decide(item, r, extra);
    }
    rpc_batch_finish(batch);
}

static void act_on_group(RpcCall *call, const Action *action, const Group *group, bool wait)
{
    g_autoptr(GPtrArray) instances = rpc_target_instances(group);

    act_on_all(call, action, instances, wait);
}

/* --- one process --- */

static void pending_free(void *data)
{
    Pending *pending = data;

    rpc_wait_free(pending->wait);
    g_free(pending->name);
    g_free(pending);
}

static void on_process_done(int fault, void *userdata)
{
    Pending *pending = userdata;
    RpcCall *call = pending->call;
    g_autofree char *name = g_steal_pointer(&pending->name);

    pending->wait = NULL;
    pending_free(pending);
    if (fault == 0)
        rpc_call_return_true(call);
    else
        rpc_call_fault(call, fault, name);
}

static void wait_for_process(RpcCall *call, Instance *instance, RpcWaitKind kind, const char *name)
{
    Pending *pending = g_new0(Pending, 1);

    pending->call = call;
    pending->name = g_strdup(name);
    pending->wait =
        rpc_wait_new(manager_event(rpc_call_manager(call)), instance, kind, on_process_done, pending);
    rpc_call_defer(call, pending_free, pending);
}

static void act_on_process(RpcCall *call, const Action *action, Instance *instance)
{
    g_autofree char *extra = NULL;
    const char *name = rpc_call_string(call, 0);

    int r = act(action, instance, name, rpc_call_flag(call, 1), &extra);
    if (r == -EAGAIN)
        wait_for_process(call, instance, action->wait, name);
    else if (r == 0)
        rpc_call_return_true(call);
    else
        rpc_call_fault(call, r, extra);
}

/* --- the methods --- */

static void process_method(RpcCall *call, const Action *action)
{
    const char *name = rpc_call_string(call, 0);
    Instance *instance;
    Group *group;

    if (rpc_target_find(rpc_call_manager(call), name, &group, &instance) != 0)
        rpc_call_fault(call, FAULT_BAD_NAME, name);
    else if (instance)
        act_on_process(call, action, instance);
    else
        act_on_group(call, action, group, rpc_call_flag(call, 1));
}

static void group_method(RpcCall *call, const Action *action)
{
    g_autofree char *name = NULL;
    Group *group;

    if (rpc_target_find_group(rpc_call_manager(call), rpc_call_argument(call, 0), &group, &name) == 0)
        act_on_group(call, action, group, rpc_call_flag(call, 1));
    else
        rpc_call_fault(call, FAULT_BAD_NAME, name);
}

static void all_method(RpcCall *call, const Action *action)
{
    g_autoptr(GPtrArray) instances = manager_instances(rpc_call_manager(call), ORDER_PRIORITY);

    act_on_all(call, action, instances, rpc_call_flag(call, 0));
}

void rpc_control_start_process(RpcCall *call)
{
    process_method(call, &start);
}

void rpc_control_start_group(RpcCall *call)
{
    group_method(call, &start);
}

void rpc_control_start_all(RpcCall *call)
{
    all_method(call, &start);
}

void rpc_control_stop_process(RpcCall *call)
{
    process_method(call, &stop);
}

void rpc_control_stop_group(RpcCall *call)
{
    group_method(call, &stop);
}

void rpc_control_stop_all(RpcCall *call)
{
    all_method(call, &stop);
}
