/* getProcessInfo, getAllProcessInfo */
#include <time.h>

#include "bridge/process_description.h"
#include "bridge/rpc_method.h"
#include "bridge/rpc_target.h"
#include "bridge/rpc_value.h"

static GVariant *logfile_value(const Instance *instance, Stream stream)
{
    const char *path = instance_logfile(instance, stream);

    return rpc_value_string(path ? path : "", -1);
}

/* The order of the members is the oracle's: some clients print them as they come. */
static GVariant *info_value(const Instance *instance)
{
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    ProcessFacts facts = {
        .name = instance_name(instance),
        .state = instance_state(instance),
        .pid = (int)instance_pid(instance),
        .start = (int64_t)instance_laststart(instance),
        .stop = (int64_t)instance_laststop(instance),
        .now = (int64_t)time(NULL),
        .spawnerr = instance_spawnerr(instance),
    };
    g_autofree char *description = process_description(&facts);

    rpc_value_add(&builder, "name", rpc_value_string(facts.name, -1));
    rpc_value_add(&builder, "group", rpc_value_string(group_name(instance_group(instance)), -1));
    rpc_value_add(&builder, "start", rpc_value_time((double)facts.start));
    rpc_value_add(&builder, "stop", rpc_value_time((double)facts.stop));
    rpc_value_add(&builder, "now", rpc_value_time((double)facts.now));
    rpc_value_add(&builder, "state", g_variant_new_int32((gint32)facts.state));
    rpc_value_add(&builder, "statename", g_variant_new_string(process_state_name(facts.state)));
    rpc_value_add(&builder, "spawnerr", rpc_value_string(facts.spawnerr, -1));
    rpc_value_add(&builder, "exitstatus", g_variant_new_int32(instance_exitstatus(instance)));
    rpc_value_add(&builder, "logfile", logfile_value(instance, STREAM_STDOUT));
    rpc_value_add(&builder, "stdout_logfile", logfile_value(instance, STREAM_STDOUT));
    rpc_value_add(&builder, "stderr_logfile", logfile_value(instance, STREAM_STDERR));
    rpc_value_add(&builder, "pid", g_variant_new_int32(facts.pid));
    rpc_value_add(&builder, "description", rpc_value_string(description, -1));
    return g_variant_builder_end(&builder);
}

void rpc_info_process(RpcCall *call)
{
    const char *name = rpc_call_string(call, 0);
    Instance *instance;

    if (rpc_target_find_process(rpc_call_manager(call), name, &instance) == 0)
        rpc_call_return(call, info_value(instance));
    else
        rpc_call_fault(call, FAULT_BAD_NAME, name);
}

void rpc_info_all(RpcCall *call)
{
    g_autoptr(GPtrArray) instances = manager_instances(rpc_call_manager(call), ORDER_LEXICAL);
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("av"));

    for (size_t i = 0; i < instances->len; i++)
        g_variant_builder_add(&builder, "v", info_value(g_ptr_array_index(instances, i)));
    rpc_call_return(call, g_variant_builder_end(&builder));
}
