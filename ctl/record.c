#include "ctl/record.h"

#include <stddef.h>

#include "ctl/wire.h"

static const WireField process_info_fields[] = {
    {"group", WIRE_TEXT, offsetof(ProcessInfo, group)},
    {"name", WIRE_TEXT, offsetof(ProcessInfo, name)},
    {"state", WIRE_INTEGER, offsetof(ProcessInfo, state)},
    {"statename", WIRE_TEXT, offsetof(ProcessInfo, statename)},
    {"description", WIRE_TEXT, offsetof(ProcessInfo, description)},
    {"pid", WIRE_INTEGER, offsetof(ProcessInfo, pid)},
};

static const WireField result_fields[] = {
    {"group", WIRE_TEXT, offsetof(ProcessResult, group)},
    {"name", WIRE_TEXT, offsetof(ProcessResult, name)},
    {"status", WIRE_INTEGER, offsetof(ProcessResult, status)},
    {"description", WIRE_TEXT, offsetof(ProcessResult, description)},
};

static const WireField config_info_fields[] = {
    {"group", WIRE_TEXT, offsetof(ConfigInfo, group)},
    {"name", WIRE_TEXT, offsetof(ConfigInfo, name)},
    {"inuse", WIRE_TRUTH, offsetof(ConfigInfo, inuse)},
    {"autostart", WIRE_TRUTH, offsetof(ConfigInfo, autostart)},
    {"group_prio", WIRE_INTEGER, offsetof(ConfigInfo, group_priority)},
    {"process_prio", WIRE_INTEGER, offsetof(ConfigInfo, process_priority)},
};

void record_clear_process_info(ProcessInfo *info)
{
    wire_clear_struct(process_info_fields, G_N_ELEMENTS(process_info_fields), info);
}

static void clear_info(void *info)
{
    record_clear_process_info(info);
}

static void clear_result(void *result)
{
    wire_clear_struct(result_fields, G_N_ELEMENTS(result_fields), result);
}

static void clear_config_info(void *info)
{
    wire_clear_struct(config_info_fields, G_N_ELEMENTS(config_info_fields), info);
}

void record_clear_changes(ConfigChanges *changes)
{
    g_clear_pointer(&changes->added, g_strfreev);
    g_clear_pointer(&changes->changed, g_strfreev);
    g_clear_pointer(&changes->removed, g_strfreev);
}

int record_read_process_info(xmlrpc_value *value, ProcessInfo *ret, char **ret_problem)
{
    return wire_read_struct(value, process_info_fields, G_N_ELEMENTS(process_info_fields), ret, ret_problem);
}

int record_read_process_infos(xmlrpc_value *value, GArray **ret, char **ret_problem)
{
    return wire_read_structs(value, process_info_fields, G_N_ELEMENTS(process_info_fields),
                             sizeof(ProcessInfo), clear_info, ret, ret_problem);
}

int record_read_results(xmlrpc_value *value, GArray **ret, char **ret_problem)
{
    return wire_read_structs(value, result_fields, G_N_ELEMENTS(result_fields), sizeof(ProcessResult),
                             clear_result, ret, ret_problem);
}

int record_read_config_infos(xmlrpc_value *value, GArray **ret, char **ret_problem)
{
    return wire_read_structs(value, config_info_fields, G_N_ELEMENTS(config_info_fields), sizeof(ConfigInfo),
                             clear_config_info, ret, ret_problem);
}

/* [[added, changed, removed]] */
int record_read_changes(xmlrpc_value *value, ConfigChanges *ret, char **ret_problem)
{
    g_auto(ConfigChanges) changes = {0};
    g_autoptr(xmlrpc_value) triple = NULL;
    char ***lists[] = {&changes.added, &changes.changed, &changes.removed};
    int r = wire_read_item(value, 0, &triple, ret_problem);

    for (size_t i = 0; r >= 0 && i < G_N_ELEMENTS(lists); i++) {
        g_autoptr(xmlrpc_value) names = NULL;

        r = wire_read_item(triple, i, &names, ret_problem);
        if (r >= 0)
            r = wire_read_texts(names, lists[i], ret_problem);
    }
    if (r < 0)
        return r;
    *ret = changes;
    changes = (ConfigChanges){0};
    return 0;
}
