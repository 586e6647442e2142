#include "bridge/rpc_target.h"

#include "bridge/rpc_value.h"
#include "common/namespec.h"

int rpc_target_find(const Manager *manager, const char *name, Group **ret_group, Instance **ret_instance)
{
    Namespec namespec = {0};
    Instance *instance = NULL;

    if (namespec_split(name, &namespec) < 0)
        return FAULT_BAD_NAME;
    Group *group = manager_find_group(manager, namespec.group);
    if (group && namespec.process)
        instance = group_find_instance(group, namespec.process);
    bool found = group && (instance || !namespec.process);
    namespec_clear(&namespec);
    if (!found)
        return FAULT_BAD_NAME;
    *ret_group = group;
    *ret_instance = instance;
    return 0;
}

int rpc_target_find_process(const Manager *manager, const char *name, Instance **ret_instance)
{
    Instance *instance = NULL;
    Group *group;

    int fault = rpc_target_find(manager, name, &group, &instance);
    if (fault != 0 || !instance)
        return FAULT_BAD_NAME;
    *ret_instance = instance;
    return 0;
}

int rpc_target_find_group(const Manager *manager, GVariant *name, Group **ret_group, char **ret_text)
{
    /* A number is no name, even if it looks like one. */
    bool is_string = g_variant_is_of_type(name, G_VARIANT_TYPE_STRING);
    Group *group = is_string ? manager_find_group(manager, g_variant_get_string(name, NULL)) : NULL;

    *ret_text = rpc_value_to_text(name);
    if (!group)
        return FAULT_BAD_NAME;
    *ret_group = group;
    return 0;
}

GPtrArray *rpc_target_instances(const Group *group)
{
    GPtrArray *instances = g_ptr_array_new();

    for (size_t i = 0; i < group_instance_count(group); i++)
        g_ptr_array_add(instances, group_instance(group, i));
    return instances;
}
