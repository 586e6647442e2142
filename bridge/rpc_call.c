#include "bridge/rpc_call.h"

#include "bridge/rpc_count.h"
#include "bridge/rpc_method.h"
#include "bridge/rpc_value.h"

struct RpcCall {
    Manager *manager;
    char *method;
    GPtrArray *arguments;
    bool nested;
    RpcCallDone done;
    void *userdata;
    void (*cancel)(void *data);
    void *cancel_data;
};

RpcCall *rpc_call_new(Manager *manager, const char *method, GPtrArray *arguments, bool nested,
                      RpcCallDone done, void *userdata)
{
    RpcCall *call = g_new0(RpcCall, 1);

    call->manager = manager;
    call->method = g_strdup(method);
    call->arguments = g_ptr_array_ref(arguments);
    call->nested = nested;
    call->done = done;
    call->userdata = userdata;
    return call;
}

static void call_free(RpcCall *call)
{
    g_free(call->method);
    g_ptr_array_unref(call->arguments);
    g_free(call);
}

/* Python counts the arguments before the method's first line runs, so that this fault comes before
 * SHUTDOWN_STATE. */
static bool count_fits(const RpcMethod *method, size_t count)
{
    size_t required = 0, most = 0;

    for (const RpcParameter *parameter = method->parameters; parameter->name; parameter++) {
        most++;
        required += !parameter->optional;
    }
    return count >= required && count <= most;
}

static bool is_string(GVariant *value)
{
    return g_variant_is_of_type(value, G_VARIANT_TYPE_STRING);
}

/* Returns false when the call was completed with what Python makes of an argument of the wrong type. */
static bool check_arguments(RpcCall *call, const RpcMethod *method)
{
    for (size_t i = 0; i < call->arguments->len; i++) {
        GVariant *argument = rpc_call_argument(call, i);
        RpcParameterKind kind = method->parameters[i].kind;
        if (kind == RPC_PARAMETER_NAMESPEC && !is_string(argument)) {
            rpc_call_crash(call);
            return false;
        }
        if (kind == RPC_PARAMETER_KEY && !rpc_value_is_hashable(argument)) {
            rpc_call_fault(call, FAULT_INCORRECT_PARAMETERS, NULL);
            return false;
        }
    }
    return true;
}

void rpc_call_run(RpcCall *call)
{
    const RpcMethod *method = rpc_method_find(call->method);

    if (!method) {
        rpc_call_fault(call, FAULT_UNKNOWN_METHOD, NULL);
    } else if (!count_fits(method, call->arguments->len)) {
        rpc_call_fault(call, FAULT_INCORRECT_PARAMETERS, NULL);
    } else if (!method->any_state && manager_state(call->manager) < DAEMON_RUNNING) {
        rpc_call_fault(call, FAULT_SHUTDOWN_STATE, NULL);
    } else if (check_arguments(call, method)) {
        method->handler(call);
    }
}

void rpc_call_cancel(RpcCall *call)
{
    if (call->cancel)
        call->cancel(call->cancel_data);
    call_free(call);
}

Manager *rpc_call_manager(const RpcCall *call)
{
    return call->manager;
}

GVariant *rpc_call_argument(const RpcCall *call, size_t index)
{
    return index < call->arguments->len ? g_ptr_array_index(call->arguments, index) : NULL;
}

const char *rpc_call_string(const RpcCall *call, size_t index)
{
    return g_variant_get_string(rpc_call_argument(call, index), NULL);
}

bool rpc_call_flag(const RpcCall *call, size_t index)
{
    GVariant *argument = rpc_call_argument(call, index);

    return !argument || rpc_value_is_true(argument);
}

static void complete(RpcCall *call, GVariant *value, int fault, const char *text)
{
    RpcCallDone done = call->done;
    void *userdata = call->userdata;

    rpc_count_add(call->method, value ? 0 : fault);
    call_free(call);
    done(value, fault, text, userdata);
}

void rpc_call_return(RpcCall *call, GVariant *value)
{
    g_autoptr(GVariant) owned = g_variant_ref_sink(value);

    complete(call, owned, 0, NULL);
}

void rpc_call_return_true(RpcCall *call)
{
    rpc_call_return(call, g_variant_new_boolean(true));
}

char *rpc_call_fault_text(int fault, const char *extra)
{
    return extra ? g_strconcat(fault_name(fault), ": ", extra, NULL) : g_strdup(fault_name(fault));
}

void rpc_call_fault(RpcCall *call, int fault, const char *extra)
{
    g_autofree char *text = rpc_call_fault_text(fault, extra);

    complete(call, NULL, fault, text);
}

void rpc_call_crash(RpcCall *call)
{
    rpc_call_fault(call, call->nested ? FAULT_FAILED : FAULT_INCORRECT_PARAMETERS, NULL);
}

void rpc_call_defer(RpcCall *call, void (*cancel)(void *data), void *data)
{
    call->cancel = cancel;
    call->cancel_data = data;
}
