#include "bridge/rpc_log.h"

#include <errno.h>
#include <unistd.h>

#include "bridge/rpc_batch.h"
#include "bridge/rpc_method.h"
#include "bridge/rpc_target.h"
#include "bridge/rpc_value.h"
#include "bridge/tail.h"

/* Python's int() on offset and length, which the oracle calls only after it has found the file. Completes the
 * call and returns false when one of them is no number. */
static bool read_numbers(RpcCall *call, size_t index, int64_t *ret_offset, int64_t *ret_length)
{
    int r = rpc_value_to_integer(rpc_call_argument(call, index), ret_offset);

    if (r == 0)
        r = rpc_value_to_integer(rpc_call_argument(call, index + 1), ret_length);
    if (r == -EPROTOTYPE)
        rpc_call_fault(call, FAULT_INCORRECT_PARAMETERS, NULL);
    else if (r < 0)
        rpc_call_crash(call);
    return r == 0;
}

static bool exists(const char *path)
{
    return path && access(path, F_OK) == 0;
}

void rpc_log_answer_read(RpcCall *call, const char *path, size_t index)
{
    int64_t offset = 0, length = 0;
    g_autofree char *bytes = NULL;
    size_t size;

    if (!exists(path)) {
        rpc_call_fault(call, FAULT_NO_FILE, path);
        return;
    }
    if (!read_numbers(call, index, &offset, &length))
        return;
    int fault = tail_read(path, offset, length, &bytes, &size);
    if (fault != 0)
        rpc_call_fault(call, fault, NULL);
    else
        rpc_call_return(call, rpc_value_string(bytes, (gssize)size));
}

static Instance *find(RpcCall *call)
{
    const char *name = rpc_call_string(call, 0);
    Instance *instance = NULL;

    if (rpc_target_find_process(rpc_call_manager(call), name, &instance) != 0)
        rpc_call_fault(call, FAULT_BAD_NAME, name);
    return instance;
}

static void read_log(RpcCall *call, Stream stream)
{
    Instance *instance = find(call);

    if (instance)
        rpc_log_answer_read(call, instance_logfile(instance, stream), 1);
}

static GVariant *tail_value(const char *bytes, size_t size, int64_t offset, bool overflow)
{
    return g_variant_new("(vvb)", rpc_value_string(bytes, (gssize)size), rpc_value_integer(offset), overflow);
}

static void tail_log(RpcCall *call, Stream stream)
{
    int64_t offset = 0, length = 0;
    Instance *instance = find(call);

    if (!instance)
        return;
    const char *path = instance_logfile(instance, stream);
    if (!exists(path)) {
        rpc_call_return(call, tail_value("", 0, 0, false));
        return;
    }
    if (!read_numbers(call, 1, &offset, &length))
        return;
    TailEnd end;
    tail_end(path, offset, length, &end);
    rpc_call_return(call, tail_value(end.bytes, end.size, end.offset, end.overflow));
    g_free(end.bytes);
}

void rpc_log_read_stdout(RpcCall *call)
{
    read_log(call, STREAM_STDOUT);
}

void rpc_log_read_stderr(RpcCall *call)
{
    read_log(call, STREAM_STDERR);
}

void rpc_log_tail_stdout(RpcCall *call)
{
    tail_log(call, STREAM_STDOUT);
}

void rpc_log_tail_stderr(RpcCall *call)
{
    tail_log(call, STREAM_STDERR);
}

void rpc_log_clear(RpcCall *call)
{
    Instance *instance = find(call);

    if (!instance)
        return;
    if (instance_clear_logs(instance) < 0)
        rpc_call_fault(call, FAULT_FAILED, rpc_call_string(call, 0));
    else
        rpc_call_return_true(call);
}

void rpc_log_clear_all(RpcCall *call)
{
    g_autoptr(GPtrArray) instances = manager_instances(rpc_call_manager(call), ORDER_PRIORITY);
    RpcBatch *batch = rpc_batch_new(call, UINT64_MAX);

    for (size_t i = 0; i < instances->len; i++) {
        Instance *instance = g_ptr_array_index(instances, i);
        RpcBatchItem *item = rpc_batch_add(batch, instance);
        bool failed = instance_clear_logs(instance) < 0;
        rpc_batch_decide(item, failed ? FAULT_FAILED : 0, rpc_batch_name(item));
    }
    rpc_batch_finish(batch);
}
