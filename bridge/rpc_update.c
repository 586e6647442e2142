/* supersede.updateGroup: ours. Makes an active group what the configuration says, touching only the processes
 * that differ. */
#include "bridge/rpc_method.h"
#include "bridge/rpc_target.h"
#include "bridge/rpc_value.h"
#include "bridge/rpc_wait.h"

/* Waiting for the processes that have to stop first. */
typedef struct Update {
    RpcCall *call;
    char *group;
    GPtrArray *waits; /* of Wait: those that are not over */
} Update;

typedef struct Wait {
    Update *update;
    RpcWait *wait;
} Wait;

static void wait_free(void *data)
{
    Wait *wait = data;

    if (wait->wait)
        rpc_wait_free(wait->wait);
    g_free(wait);
}

static void update_free(void *data)
{
    Update *update = data;

    g_ptr_array_unref(update->waits);
    g_free(update->group);
    g_free(update);
}

static void apply(Update *update)
{
    RpcCall *call = update->call;
    g_auto(GroupChange) change = {0};
    g_autofree char *name = g_strdup(update->group);

    update_free(update);
    if (manager_state(rpc_call_manager(call)) < DAEMON_RUNNING) {
        rpc_call_fault(call, FAULT_SHUTDOWN_STATE, NULL);
        return;
    }
    int r = manager_compare_group(rpc_call_manager(call), name, &change);
    if (r == 0)
        r = manager_update_group(rpc_call_manager(call), name);
    if (r != 0)
        rpc_call_fault(call, r > 0 ? r : FAULT_FAILED, name);
    else
        rpc_call_return(call, rpc_group_three_lists(change.added, change.changed, change.removed));
}

static void on_stopped(int fault, void *userdata)
{
    Wait *wait = userdata;
    Update *update = wait->update;

    wait->wait = NULL; /* it frees itself */
    g_ptr_array_remove_fast(update->waits, wait);
    if (update->waits->len == 0)
        apply(update);
}

static void stop_all(Update *update, const Group *group, char **names)
{
    for (; *names; names++) {
        Instance *instance = group_find_instance(group, *names);
        instance_stop(instance);
        if (process_state_is_stopped(instance_state(instance)))
            continue;
        Wait *wait = g_new0(Wait, 1);
        wait->update = update;
        wait->wait = rpc_wait_new(manager_event(rpc_call_manager(update->call)), instance, RPC_WAIT_STOPPED,
                                  on_stopped, wait);
        g_ptr_array_add(update->waits, wait);
    }
}

void rpc_update_group(RpcCall *call)
{
    Manager *manager = rpc_call_manager(call);
    g_auto(GroupChange) change = {0};
    g_autofree char *name = NULL;
    Group *group = NULL;

    int r = rpc_target_find_group(manager, rpc_call_argument(call, 0), &group, &name);
    if (r == 0)
        r = manager_compare_group(manager, group_name(group), &change);
    if (r != 0) {
        rpc_call_fault(call, r, name);
        return;
    }
    Update *update = g_new0(Update, 1);
    *update = (Update){.call = call,
                       .group = g_strdup(group_name(group)),
                       .waits = g_ptr_array_new_with_free_func(wait_free)};
    stop_all(update, group, change.removed);
    stop_all(update, group, change.changed);
    if (update->waits->len == 0)
        apply(update);
    else
        rpc_call_defer(call, update_free, update);
}
