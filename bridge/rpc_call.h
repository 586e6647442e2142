/* One call of a method while it is being carried out: by itself, or within system.multicall. A handler
 * completes it with one of rpc_call_return, rpc_call_fault and rpc_call_crash, now or later; the call is gone
 * then. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "bridge/manager.h"

typedef struct RpcCall RpcCall;

/* The outcome: `value` (owned by the caller, not floating) or, when it is NULL, a fault with its whole text.
 */
typedef void (*RpcCallDone)(GVariant *value, int fault, const char *text, void *userdata);

/* For whoever owns the call. `arguments` are referenced. `nested`: within system.multicall. */
RpcCall *rpc_call_new(Manager *manager, const char *method, GPtrArray *arguments, bool nested,
                      RpcCallDone done, void *userdata);
/* Looks up the method, checks the arguments and runs the handler; `done` may be called before this returns.
 */
void rpc_call_run(RpcCall *call);
/* Nobody is interested any more: `done` is not called. */
void rpc_call_cancel(RpcCall *call);

/* For handlers. */
Manager *rpc_call_manager(const RpcCall *call);
/* NULL when an optional argument was left out. */
GVariant *rpc_call_argument(const RpcCall *call, size_t index);
/* Of an argument whose kind makes sure that it is a string. */
const char *rpc_call_string(const RpcCall *call, size_t index);
/* The `wait` of startProcess and its kin: true unless Python takes the argument for false. */
bool rpc_call_flag(const RpcCall *call, size_t index);

/* `value` may be floating. */
void rpc_call_return(RpcCall *call, GVariant *value);
void rpc_call_return_true(RpcCall *call);
/* `extra` follows the fault's name; NULL when there is nothing more to say. */
void rpc_call_fault(RpcCall *call, int fault, const char *extra);
/* The oracle's method would raise something that is no fault: HTTP 500 there, INCORRECT_PARAMETERS here;
 * within system.multicall FAILED, as there. */
void rpc_call_crash(RpcCall *call);

/* The call goes on from the event loop. `cancel` is called with `data` when it is cancelled; not when it is
 * completed. */
void rpc_call_defer(RpcCall *call, void (*cancel)(void *data), void *data);

/* "NAME: extra" or "NAME"; newly allocated. */
char *rpc_call_fault_text(int fault, const char *extra);
