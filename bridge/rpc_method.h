/* The method table: names, parameters, what system.methodHelp and methodSignature say, who carries them out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "bridge/rpc_call.h"

/* What is checked before the handler runs: only what Python would stumble over at once. */
typedef enum RpcParameterKind {
    RPC_PARAMETER_ANY,
    RPC_PARAMETER_NAMESPEC, /* must be a string; Python crashes on anything else */
    RPC_PARAMETER_KEY,      /* looked up in a dictionary: an array or struct is INCORRECT_PARAMETERS */
} RpcParameterKind;

typedef struct RpcParameter {
    const char *type; /* XML-RPC's word, for the signature */
    const char *name; /* NULL ends the list */
    RpcParameterKind kind;
    bool optional;
    const char *help;
} RpcParameter;

typedef struct RpcMethod {
    const char *name;
    void (*handler)(RpcCall *call);
    bool any_state; /* also while the daemon shuts down or restarts */
    const char *help;
    const char *result_type;
    const char *result_help;
    const RpcParameter *parameters;
} RpcMethod;

/* Sorted by name. */
size_t rpc_method_count(void);
const RpcMethod *rpc_method_get(size_t index);
/* NULL when there is none of that name. */
const RpcMethod *rpc_method_find(const char *name);

/* Handlers, by theme. */

/* rpc_system.c */
void rpc_system_list_methods(RpcCall *call);
void rpc_system_method_help(RpcCall *call);
void rpc_system_method_signature(RpcCall *call);
/* rpc_multicall.c */
void rpc_multicall(RpcCall *call);
/* rpc_daemon.c */
void rpc_daemon_api_version(RpcCall *call);
void rpc_daemon_supervisor_version(RpcCall *call);
void rpc_daemon_identification(RpcCall *call);
void rpc_daemon_state(RpcCall *call);
void rpc_daemon_pid(RpcCall *call);
void rpc_daemon_read_log(RpcCall *call);
void rpc_daemon_clear_log(RpcCall *call);
void rpc_daemon_shutdown(RpcCall *call);
void rpc_daemon_restart(RpcCall *call);
/* rpc_group.c */
void rpc_group_reload_config(RpcCall *call);
void rpc_group_add(RpcCall *call);
void rpc_group_remove(RpcCall *call);
void rpc_group_all_config_info(RpcCall *call);
/* [[added, changed, removed]]: reloadConfig's answer, of NULL-terminated lists of names. Floating. */
GVariant *rpc_group_three_lists(char **added, char **changed, char **removed);
/* rpc_info.c */
void rpc_info_process(RpcCall *call);
void rpc_info_all(RpcCall *call);
/* rpc_control.c */
void rpc_control_start_process(RpcCall *call);
void rpc_control_start_group(RpcCall *call);
void rpc_control_start_all(RpcCall *call);
void rpc_control_stop_process(RpcCall *call);
void rpc_control_stop_group(RpcCall *call);
void rpc_control_stop_all(RpcCall *call);
/* rpc_signal.c */
void rpc_signal_process(RpcCall *call);
void rpc_signal_group(RpcCall *call);
void rpc_signal_all(RpcCall *call);
/* rpc_log.c */
void rpc_log_read_stdout(RpcCall *call);
void rpc_log_read_stderr(RpcCall *call);
void rpc_log_tail_stdout(RpcCall *call);
void rpc_log_tail_stderr(RpcCall *call);
void rpc_log_clear(RpcCall *call);
void rpc_log_clear_all(RpcCall *call);
/* rpc_input.c */
void rpc_input_send_process_stdin(RpcCall *call);
void rpc_input_send_remote_comm_event(RpcCall *call);
/* rpc_update.c */
void rpc_update_group(RpcCall *call);
