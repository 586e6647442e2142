#include "bridge/rpc_count.h"

#include <glib.h>

#include "bridge/rpc_method.h"
#include "common/fault.h"

/* 0 is no fault; others that a method might come up with are counted as FAILED. */
static const int faults[] = {
    0,
    FAULT_FAILED,
    FAULT_UNKNOWN_METHOD,
    FAULT_INCORRECT_PARAMETERS,
    FAULT_BAD_ARGUMENTS,
    FAULT_SIGNATURE_UNSUPPORTED,
    FAULT_SHUTDOWN_STATE,
    FAULT_BAD_NAME,
    FAULT_BAD_SIGNAL,
    FAULT_NO_FILE,
    FAULT_NOT_EXECUTABLE,
    FAULT_ABNORMAL_TERMINATION,
    FAULT_SPAWN_ERROR,
    FAULT_ALREADY_STARTED,
    FAULT_NOT_RUNNING,
    FAULT_ALREADY_ADDED,
    FAULT_STILL_RUNNING,
    FAULT_CANT_REREAD,
};

enum { FAILED = 1, METHOD_LIMIT = 64 };

/* One row for each of the method table, and one for what is not in it. */
static uint64_t counts[METHOD_LIMIT + 1][G_N_ELEMENTS(faults)];

static size_t method_index(const char *name)
{
    const RpcMethod *method = rpc_method_find(name);
    size_t index = method ? (size_t)(method - rpc_method_get(0)) : METHOD_LIMIT;

    return MIN(index, METHOD_LIMIT);
}

static size_t fault_index(int fault)
{
    for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
        if (faults[i] == fault)
            return i;
    }
    return FAILED;
}

void rpc_count_add(const char *method, int fault)
{
    counts[method_index(method)][fault_index(fault)]++;
}

bool rpc_count_next(size_t *position, RpcCount *ret)
{
    for (; *position < (METHOD_LIMIT + 1) * G_N_ELEMENTS(faults); (*position)++) {
        size_t method = *position / G_N_ELEMENTS(faults), fault = *position % G_N_ELEMENTS(faults);
        if (counts[method][fault] == 0)
            continue;
        *ret = (RpcCount){method < rpc_method_count() ? rpc_method_get(method)->name : "unknown",
                          faults[fault], counts[method][fault]};
        (*position)++;
        return true;
    }
    return false;
}
