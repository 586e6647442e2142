/* signalProcess, signalProcessGroup, signalAllProcesses */
#include <errno.h>

#include "bridge/rpc_batch.h"
#include "bridge/rpc_method.h"
#include "bridge/rpc_target.h"
#include "bridge/rpc_value.h"
#include "common/signal_name.h"

/* Sending takes a while, since systemd does it; whoever asked may have gone when it is done. */
typedef struct Delivery {
    RpcCall *call;      /* one process's call, or */
    RpcBatchItem *item; /* part of a batch; both NULL: nobody waits any more */
    int signal;
} Delivery;

/* What an argument means: a signal; -EINVAL for BAD_SIGNAL with its text; -EPROTOTYPE for what Python crashes
 * on. */
static int parse_signal(GVariant *argument, char **ret_text)
{
    int64_t number;

    int r = rpc_value_to_integer(argument, &number);
    if (r == -EPROTOTYPE)
        return r;
    g_autofree char *text = rpc_value_to_text(argument);
    bool is_string = g_variant_is_of_type(argument, G_VARIANT_TYPE_STRING);
    if (r < 0 && !is_string)
        return -EPROTOTYPE;
    g_autofree char *name = r == 0 ? g_strdup_printf("%" G_GINT64_FORMAT, number) : g_strdup(text);
    int signal = signal_from_string(name);
    if (signal < 0) {
        *ret_text = g_steal_pointer(&text);
        return -EINVAL;
    }
    return signal;
}

static char *failure_text(const Delivery *delivery, Instance *instance, int error)
{
    const char *name = signal_name(delivery->signal);

    return g_strdup_printf("unknown problem sending sig %s (%s):%s", instance_name(instance),
                           name ? name : "?", g_strerror(-error));
}

static void on_delivered(Instance *instance, int result, void *userdata)
{
    g_autofree Delivery *delivery = userdata;
    g_autofree char *extra = NULL;
    /* Gone in between: the oracle takes that for success. */
    bool failed = result < 0 && result != -ESRCH;

    if (failed)
        extra = failure_text(delivery, instance, result);
    if (delivery->item)
        rpc_batch_decide(delivery->item, failed ? FAULT_FAILED : 0, extra);
    else if (delivery->call && failed)
        rpc_call_fault(delivery->call, FAULT_FAILED, extra);
    else if (delivery->call)
        rpc_call_return_true(delivery->call);
}

static void forget(void *data)
{
    Delivery *delivery = data;

    delivery->call = NULL;
    delivery->item = NULL;
}

static Delivery *delivery_new(RpcCall *call, RpcBatchItem *item, int signal)
{
    Delivery *delivery = g_new0(Delivery, 1);

    delivery->call = call;
    delivery->item = item;
    delivery->signal = signal;
    return delivery;
}

/* Signal 0 only asks whether the process is there, and systemd refuses to send it. The oracle takes both
 * answers for success. */
static void deliver(Instance *instance, Delivery *delivery)
{
    if (delivery->signal == 0)
        on_delivered(instance, 0, delivery);
    else
        instance_signal(instance, delivery->signal, on_delivered, delivery);
}

static void signal_one(RpcCall *call, Instance *instance)
{
    const char *name = rpc_call_string(call, 0);
    g_autofree char *text = NULL;

    int signal = parse_signal(rpc_call_argument(call, 1), &text);
    if (signal == -EPROTOTYPE) {
        rpc_call_crash(call);
    } else if (signal < 0) {
        rpc_call_fault(call, FAULT_BAD_SIGNAL, text);
    } else if (!process_state_is_signallable(instance_state(instance))) {
        rpc_call_fault(call, FAULT_NOT_RUNNING, name);
    } else {
        Delivery *delivery = delivery_new(call, NULL, signal);
        /* Before the signal is sent: its callback may complete the call at once. */
        rpc_call_defer(call, forget, delivery);
        deliver(instance, delivery);
    }
}

static void signal_item(RpcBatch *batch, Instance *instance, int signal, const char *bad)
{
    RpcBatchItem *item = rpc_batch_add(batch, instance);

    if (signal < 0) {
        rpc_batch_decide(item, FAULT_BAD_SIGNAL, bad);
        return;
    }
    Delivery *delivery = delivery_new(NULL, item, signal);
    rpc_batch_set_work(item, delivery, forget);
    deliver(instance, delivery);
}

/* A bad signal is a fault of each process that could have been signalled, as in the oracle; of none when none
 * runs. */
static void signal_many(RpcCall *call, GPtrArray *instances, GVariant *argument)
{
    g_autofree char *text = NULL;
    g_autoptr(GPtrArray) chosen = g_ptr_array_new();
    int signal = parse_signal(argument, &text);

    for (size_t i = 0; i < instances->len; i++) {
        Instance *instance = g_ptr_array_index(instances, i);
        if (process_state_is_signallable(instance_state(instance)))
            g_ptr_array_add(chosen, instance);
    }
    if (signal == -EPROTOTYPE && chosen->len > 0) {
        rpc_call_crash(call);
        return;
    }
    RpcBatch *batch = rpc_batch_new(call, UINT64_MAX);
    for (size_t i = 0; i < chosen->len; i++)
        signal_item(batch, g_ptr_array_index(chosen, i), signal, text);
    rpc_batch_finish(batch);
}

static void signal_group(RpcCall *call, const Group *group)
{
    g_autoptr(GPtrArray) instances = rpc_target_instances(group);

    signal_many(call, instances, rpc_call_argument(call, 1));
}

void rpc_signal_process(RpcCall *call)
{
    const char *name = rpc_call_string(call, 0);
    Instance *instance;
    Group *group;

    if (rpc_target_find(rpc_call_manager(call), name, &group, &instance) != 0)
        rpc_call_fault(call, FAULT_BAD_NAME, name);
    else if (instance)
        signal_one(call, instance);
    else
        signal_group(call, group);
}

void rpc_signal_group(RpcCall *call)
{
    g_autofree char *name = NULL;
    Group *group;

    if (rpc_target_find_group(rpc_call_manager(call), rpc_call_argument(call, 0), &group, &name) == 0)
        signal_group(call, group);
    else
        rpc_call_fault(call, FAULT_BAD_NAME, name);
}

void rpc_signal_all(RpcCall *call)
{
    g_autoptr(GPtrArray) instances = manager_instances(rpc_call_manager(call), ORDER_PRIORITY);

    signal_many(call, instances, rpc_call_argument(call, 0));
}
