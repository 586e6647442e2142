/* sendProcessStdin, sendRemoteCommEvent */
#include <errno.h>
#include <string.h>

#include "bridge/event.h"
#include "bridge/rpc_method.h"
#include "bridge/rpc_target.h"
#include "bridge/rpc_value.h"

static void write_to(RpcCall *call, Instance *instance, const char *name, const char *text)
{
    if (instance_pid(instance) == 0 || instance_state(instance) == PROCESS_STOPPING) {
        rpc_call_fault(call, FAULT_NOT_RUNNING, name);
        return;
    }
    int r = instance_write_stdin(instance, text, strlen(text));
    if (r == -EPIPE)
        rpc_call_fault(call, FAULT_NO_FILE, name);
    else if (r < 0)
        rpc_call_fault(call, FAULT_FAILED, g_strerror(-r));
    else
        rpc_call_return_true(call);
}

void rpc_input_send_process_stdin(RpcCall *call)
{
    GVariant *text = rpc_call_argument(call, 1);
    Instance *instance = NULL;

    /* The oracle looks at the text before it looks for the process. */
    if (!g_variant_is_of_type(text, G_VARIANT_TYPE_STRING)) {
        g_autofree char *shown = rpc_value_to_text(text);
        rpc_call_fault(call, FAULT_INCORRECT_PARAMETERS, shown);
        return;
    }
    const char *name = rpc_call_string(call, 0);
    if (rpc_target_find_process(rpc_call_manager(call), name, &instance) != 0)
        rpc_call_fault(call, FAULT_BAD_NAME, name);
    else
        write_to(call, instance, name, g_variant_get_string(text, NULL));
}

/* Without listeners nobody hears it, and that is no fault. Whatever is sent becomes text, as in the oracle.
 */
void rpc_input_send_remote_comm_event(RpcCall *call)
{
    EventBus *events = manager_events(rpc_call_manager(call));
    g_autofree char *type = rpc_value_to_text(rpc_call_argument(call, 0));
    g_autofree char *data = rpc_value_to_text(rpc_call_argument(call, 1));
    g_autofree char *payload = g_strdup_printf("type:%s\n%s", type ? type : "None", data ? data : "None");

    event_bus_publish(events, EVENT_REMOTE_COMMUNICATION, payload, strlen(payload));
    rpc_call_return_true(call);
}
