/* Methods about the daemon itself. */
#include <unistd.h>

#include "bridge/rpc_log.h"
#include "bridge/rpc_method.h"
#include "bridge/rpc_value.h"
#include "build_config.h"

void rpc_daemon_api_version(RpcCall *call)
{
    rpc_call_return(call, g_variant_new_string(SUPERVISOR_API_VERSION));
}

void rpc_daemon_supervisor_version(RpcCall *call)
{
    rpc_call_return(call, g_variant_new_string(SUPERVISOR_VERSION));
}

void rpc_daemon_identification(RpcCall *call)
{
    rpc_call_return(call, rpc_value_string(manager_identifier(rpc_call_manager(call)), -1));
}

void rpc_daemon_state(RpcCall *call)
{
    DaemonState state = manager_state(rpc_call_manager(call));
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

    rpc_value_add(&builder, "statecode", g_variant_new_int32((gint32)state));
    rpc_value_add(&builder, "statename", g_variant_new_string(daemon_state_name(state)));
    rpc_call_return(call, g_variant_builder_end(&builder));
}

void rpc_daemon_pid(RpcCall *call)
{
    rpc_call_return(call, g_variant_new_int32((gint32)getpid()));
}

void rpc_daemon_read_log(RpcCall *call)
{
    rpc_log_answer_read(call, main_log_path(manager_log(rpc_call_manager(call))), 0);
}

void rpc_daemon_clear_log(RpcCall *call)
{
    MainLog *log = manager_log(rpc_call_manager(call));
    const char *path = main_log_path(log);

    if (!path || access(path, F_OK) != 0)
        rpc_call_fault(call, FAULT_NO_FILE, NULL);
    else if (main_log_clear(log) < 0)
        rpc_call_fault(call, FAULT_FAILED, NULL);
    else
        rpc_call_return_true(call);
}

void rpc_daemon_shutdown(RpcCall *call)
{
    manager_shutdown(rpc_call_manager(call));
    rpc_call_return_true(call);
}

void rpc_daemon_restart(RpcCall *call)
{
    manager_restart(rpc_call_manager(call));
    rpc_call_return_true(call);
}
