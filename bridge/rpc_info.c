/* getProcessInfo, getAllProcessInfo */
#include <time.h>

#include "bridge/process_description.h"
#include "bridge/rpc_encode.h"
#include "bridge/rpc_method.h"
#include "bridge/rpc_target.h"

enum { STRUCT_BYTES = 1200 }; /* of XML for one process, usually */

static void append_logfile(GString *out, const char *member, const Instance *instance, Stream stream)
{
    const char *path = instance_logfile(instance, stream);

    rpc_encode_string_member(out, member, path ? path : "");
}

/* The order of the members is the oracle's: some clients print them as they come. */
static void append_info(GString *out, const Instance *instance, int64_t now)
{
    ProcessFacts facts = {
        .name = instance_name(instance),
        .state = instance_state(instance),
        .pid = (int)instance_pid(instance),
        .start = (int64_t)instance_laststart(instance),
        .stop = (int64_t)instance_laststop(instance),
        .now = now,
        .spawnerr = instance_spawnerr(instance),
    };
    g_autofree char *description = process_description(&facts);

    rpc_encode_begin_struct(out);
    rpc_encode_string_member(out, "name", facts.name);
    rpc_encode_string_member(out, "group", group_name(instance_group(instance)));
    rpc_encode_int_member(out, "start", facts.start);
    rpc_encode_int_member(out, "stop", facts.stop);
    rpc_encode_int_member(out, "now", facts.now);
    rpc_encode_int_member(out, "state", (int64_t)facts.state);
    rpc_encode_string_member(out, "statename", process_state_name(facts.state));
    rpc_encode_string_member(out, "spawnerr", facts.spawnerr);
    rpc_encode_int_member(out, "exitstatus", instance_exitstatus(instance));
    append_logfile(out, "logfile", instance, STREAM_STDOUT);
    append_logfile(out, "stdout_logfile", instance, STREAM_STDOUT);
    append_logfile(out, "stderr_logfile", instance, STREAM_STDERR);
    rpc_encode_int_member(out, "pid", facts.pid);
    rpc_encode_string_member(out, "description", description);
    rpc_encode_end_struct(out);
}

void rpc_info_process(RpcCall *call)
{
    const char *name = rpc_call_string(call, 0);
    Instance *instance;

    if (rpc_target_find_process(rpc_call_manager(call), name, &instance) != 0) {
        rpc_call_fault(call, FAULT_BAD_NAME, name);
        return;
    }
    GString *out = g_string_sized_new(STRUCT_BYTES);
    append_info(out, instance, (int64_t)time(NULL));
    rpc_call_return(call, rpc_encode_finish(out));
}

void rpc_info_all(RpcCall *call)
{
    g_autoptr(GPtrArray) instances = manager_instances(rpc_call_manager(call), ORDER_LEXICAL);
    GString *out = g_string_sized_new((gsize)(instances->len + 1) * STRUCT_BYTES);
    int64_t now = (int64_t)time(NULL);

    rpc_encode_begin_array(out);
    for (size_t i = 0; i < instances->len; i++)
        append_info(out, g_ptr_array_index(instances, i), now);
    rpc_encode_end_array(out);
    rpc_call_return(call, rpc_encode_finish(out));
}
