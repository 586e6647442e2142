#include "bridge/rpc_info.h"

#include <time.h>

#include "bridge/rpc_method.h"
#include "bridge/rpc_target.h"
#include "bridge/rpc_value.h"

enum {
    DAY = 24 * 60 * 60,
};

/* str() of Python's timedelta. A clock that was set back shows as no time at all. */
static char *describe_running(const RpcInfo *info)
{
    int64_t uptime = MAX(info->now - info->start, 0);
    int64_t days = uptime / DAY;
    int seconds = (int)(uptime % DAY);
    g_autofree char *day_part = NULL;

    if (days > 0)
        day_part = g_strdup_printf("%" G_GINT64_FORMAT " day%s, ", days, days == 1 ? "" : "s");
    return g_strdup_printf("pid %d, uptime %s%d:%02d:%02d", info->pid, day_part ? day_part : "",
                           seconds / 3600, seconds / 60 % 60, seconds % 60);
}

static char *describe_failure(const RpcInfo *info)
{
    if (*info->spawnerr)
        return g_strdup(info->spawnerr);
    return g_strdup_printf("unknown error (try \"tail %s\")", info->name);
}

/* Local time; English whatever the locale is, as in the oracle, which never sets one. */
static char *describe_stopped(const RpcInfo *info)
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t stop = (time_t)info->stop;
    struct tm time;

    if (info->start == 0 || !localtime_r(&stop, &time))
        return g_strdup("Not started");
    return g_strdup_printf("%s %02d %02d:%02d %s", months[time.tm_mon], time.tm_mday,
                           (time.tm_hour + 11) % 12 + 1, time.tm_min, time.tm_hour < 12 ? "AM" : "PM");
}

char *rpc_info_description(const RpcInfo *info)
{
    switch (info->state) {
    case PROCESS_RUNNING:
        return describe_running(info);
    case PROCESS_FATAL:
    case PROCESS_BACKOFF:
        return describe_failure(info);
    case PROCESS_STOPPED:
    case PROCESS_EXITED:
        return describe_stopped(info);
    default:
        return g_strdup("");
    }
}

static GVariant *logfile_value(const Instance *instance, Stream stream)
{
    const char *path = instance_logfile(instance, stream);

    return rpc_value_string(path ? path : "", -1);
}

/* The order of the members is the oracle's: some clients print them as they come. */
static GVariant *info_value(const Instance *instance)
{
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    RpcInfo info = {
        .name = instance_name(instance),
        .state = instance_state(instance),
        .pid = (int)instance_pid(instance),
        .start = (int64_t)instance_laststart(instance),
        .stop = (int64_t)instance_laststop(instance),
        .now = (int64_t)time(NULL),
        .spawnerr = instance_spawnerr(instance),
    };
    g_autofree char *description = rpc_info_description(&info);

    rpc_value_add(&builder, "name", rpc_value_string(info.name, -1));
    rpc_value_add(&builder, "group", rpc_value_string(group_name(instance_group(instance)), -1));
    rpc_value_add(&builder, "start", rpc_value_time((double)info.start));
    rpc_value_add(&builder, "stop", rpc_value_time((double)info.stop));
    rpc_value_add(&builder, "now", rpc_value_time((double)info.now));
    rpc_value_add(&builder, "state", g_variant_new_int32((gint32)info.state));
    rpc_value_add(&builder, "statename", g_variant_new_string(process_state_name(info.state)));
    rpc_value_add(&builder, "spawnerr", rpc_value_string(info.spawnerr, -1));
    rpc_value_add(&builder, "exitstatus", g_variant_new_int32(instance_exitstatus(instance)));
    rpc_value_add(&builder, "logfile", logfile_value(instance, STREAM_STDOUT));
    rpc_value_add(&builder, "stdout_logfile", logfile_value(instance, STREAM_STDOUT));
    rpc_value_add(&builder, "stderr_logfile", logfile_value(instance, STREAM_STDERR));
    rpc_value_add(&builder, "pid", g_variant_new_int32(info.pid));
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
