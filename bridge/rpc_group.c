/* reloadConfig, addProcessGroup, removeProcessGroup, getAllConfigInfo */
#include <string.h>

#include "bridge/rpc_method.h"
#include "bridge/rpc_value.h"

static GVariant *names_value(char **names)
{
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("av"));

    for (char **name = names; name && *name; name++)
        g_variant_builder_add(&builder, "v", rpc_value_string(*name, -1));
    return g_variant_builder_end(&builder);
}

GVariant *rpc_group_three_lists(char **added, char **changed, char **removed)
{
    GVariant *lists =
        g_variant_new("(@av@av@av)", names_value(added), names_value(changed), names_value(removed));

    /* An array within an array: what the oracle has always sent. */
    return g_variant_new("(v)", lists);
}

void rpc_group_reload_config(RpcCall *call)
{
    ConfigDifference difference = {0};
    g_autofree char *message = NULL;

    int r = manager_reread(rpc_call_manager(call), &difference, &message);
    if (r != 0) {
        rpc_call_fault(call, r < 0 ? FAULT_CANT_REREAD : r, r < 0 ? g_strerror(-r) : message);
        return;
    }
    GVariant *lists = rpc_group_three_lists(difference.added, difference.changed, difference.removed);
    config_difference_clear(&difference);
    rpc_call_return(call, lists);
}

/* Both methods answer with the group's name in every fault. */
static void change_groups(RpcCall *call, int (*change)(Manager *manager, const char *name))
{
    GVariant *argument = rpc_call_argument(call, 0);
    g_autofree char *name = rpc_value_to_text(argument);
    int r = FAULT_BAD_NAME;

    if (g_variant_is_of_type(argument, G_VARIANT_TYPE_STRING))
        r = change(rpc_call_manager(call), name);
    if (r == 0)
        rpc_call_return_true(call);
    else if (r > 0)
        rpc_call_fault(call, r, name);
    else
        rpc_call_fault(call, FAULT_FAILED, g_strerror(-r));
}

void rpc_group_add(RpcCall *call)
{
    change_groups(call, manager_add_group);
}

void rpc_group_remove(RpcCall *call)
{
    change_groups(call, manager_remove_group);
}

/* --- getAllConfigInfo --- */

/* XML-RPC has no None; the oracle says "none". */
static GVariant *string_or_none(const char *text)
{
    return rpc_value_string(text ? text : "none", -1);
}

/* AUTO has become a path for the processes that were made from this very configuration; after a reread it is
 * "auto" again. */
static GVariant *logfile_value(const ProcessConfig *process, const Group *group, Stream stream)
{
    const LogConfig *log = &process->log[stream];
    Instance *instance = group ? group_find_instance(group, process->name) : NULL;

    if (log->kind != LOGFILE_AUTO)
        return string_or_none(log->kind == LOGFILE_PATH ? log->path : NULL);
    if (instance && instance_config(instance) == process)
        return string_or_none(instance_logfile(instance, stream));
    return string_or_none("auto");
}

static GVariant *exitcodes_value(const ProcessConfig *process)
{
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("av"));

    for (size_t i = 0; i < process->exitcode_count; i++)
        g_variant_builder_add(&builder, "v", g_variant_new_int32(process->exitcodes[i]));
    return g_variant_builder_end(&builder);
}

/* The oracle leaves this field out or crashes on it; the types are those of its documentation. */
static GVariant *autorestart_value(const ProcessConfig *process)
{
    if (process->autorestart == AUTORESTART_UNEXPECTED)
        return g_variant_new_string("unexpected");
    return g_variant_new_boolean(process->autorestart == AUTORESTART_ALWAYS);
}

static void add_stream(GVariantBuilder *builder, const ProcessConfig *process, const Group *group,
                       Stream stream)
{
    static const char *const names[STREAM_COUNT][6] = {
        {"stdout_capture_maxbytes", "stdout_events_enabled", "stdout_logfile", "stdout_logfile_backups",
         "stdout_logfile_maxbytes", "stdout_syslog"},
        {"stderr_capture_maxbytes", "stderr_events_enabled", "stderr_logfile", "stderr_logfile_backups",
         "stderr_logfile_maxbytes", "stderr_syslog"},
    };
    const LogConfig *log = &process->log[stream];
    const char *const *name = names[stream];

    rpc_value_add(builder, name[0], rpc_value_integer(log->capture_maxbytes));
    rpc_value_add(builder, name[1], g_variant_new_boolean(log->events_enabled));
    rpc_value_add(builder, name[2], logfile_value(process, group, stream));
    rpc_value_add(builder, name[3], rpc_value_integer(log->backups));
    rpc_value_add(builder, name[4], rpc_value_integer(log->maxbytes));
    rpc_value_add(builder, name[5], g_variant_new_boolean(log->syslog));
}

static GVariant *config_value(const GroupConfig *group_config, const Group *group,
                              const ProcessConfig *process)
{
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    GVariantBuilder *b = &builder;

    rpc_value_add(b, "autostart", g_variant_new_boolean(process->autostart));
    rpc_value_add(b, "autorestart", autorestart_value(process));
    rpc_value_add(b, "directory", string_or_none(process->directory));
    rpc_value_add(b, "uid", process->has_uid ? rpc_value_integer(process->uid) : string_or_none(NULL));
    rpc_value_add(b, "command", rpc_value_string(process->command, -1));
    rpc_value_add(b, "exitcodes", exitcodes_value(process));
    rpc_value_add(b, "group", rpc_value_string(group_config->name, -1));
    rpc_value_add(b, "group_prio", rpc_value_integer(group_config->priority));
    rpc_value_add(b, "inuse", g_variant_new_boolean(group != NULL));
    rpc_value_add(b, "killasgroup", g_variant_new_boolean(process->killasgroup));
    rpc_value_add(b, "name", rpc_value_string(process->name, -1));
    rpc_value_add(b, "process_prio", rpc_value_integer(process->priority));
    rpc_value_add(b, "redirect_stderr", g_variant_new_boolean(process->redirect_stderr));
    rpc_value_add(b, "startretries", rpc_value_integer(process->startretries));
    rpc_value_add(b, "startsecs", rpc_value_integer(process->startsecs));
    add_stream(b, process, group, STREAM_STDOUT);
    rpc_value_add(b, "stopsignal", g_variant_new_int32(process->stopsignal));
    rpc_value_add(b, "stopwaitsecs", rpc_value_integer(process->stopwaitsecs));
    add_stream(b, process, group, STREAM_STDERR);
    rpc_value_add(b, "serverurl", string_or_none(process->serverurl));
    return g_variant_builder_end(b);
}

typedef struct ConfigRow {
    const GroupConfig *group;
    const ProcessConfig *process;
} ConfigRow;

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const ConfigRow *)a)->process->name, ((const ConfigRow *)b)->process->name);
}

/* By process name; processes of one name stay in the configuration's order (g_array_sort is stable). */
static GArray *sorted_rows(const Config *config)
{
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(ConfigRow));

    for (size_t i = 0; i < config_group_count(config); i++) {
        const GroupConfig *group = config_group(config, i);
        for (size_t j = 0; j < group->process_count; j++) {
            ConfigRow row = {.group = group, .process = group->processes[j]};
            g_array_append_val(rows, row);
        }
    }
    g_array_sort(rows, compare_rows);
    return rows;
}

void rpc_group_all_config_info(RpcCall *call)
{
    Manager *manager = rpc_call_manager(call);
    g_autoptr(GArray) rows = sorted_rows(manager_config(manager));
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("av"));

    for (size_t i = 0; i < rows->len; i++) {
        const ConfigRow *row = &g_array_index(rows, ConfigRow, i);
        const Group *group = manager_find_group(manager, row->group->name);
        g_variant_builder_add(&builder, "v", config_value(row->group, group, row->process));
    }
    rpc_call_return(call, g_variant_builder_end(&builder));
}
