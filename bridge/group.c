#include "bridge/group.h"

#include <string.h>

#include "bridge/group_owner.h"

struct Group {
    Plan *plan;
    const PlannedGroup *planned;
    GPtrArray *instances; /* ascending priority, stable */
    GHashTable *by_name;  /* process_name → Instance */
};

static int compare_priority(const void *a, const void *b)
{
    const ProcessConfig *left = instance_config(*(Instance *const *)a);
    const ProcessConfig *right = instance_config(*(Instance *const *)b);
    return (left->priority > right->priority) - (left->priority < right->priority);
}

Group *group_new(Plan *plan, const PlannedGroup *planned, const InstanceContext *context)
{
    Group *group = g_new0(Group, 1);

    group->plan = plan_ref(plan);
    group->planned = planned;
    group->instances = g_ptr_array_new_with_free_func((GDestroyNotify)instance_free);
    group->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < planned->process_count; i++) {
        Instance *instance = instance_new(&planned->processes[i], group, context);
        g_ptr_array_add(group->instances, instance);
        g_hash_table_replace(group->by_name, (char *)instance_name(instance), instance);
    }
    g_ptr_array_sort(group->instances, compare_priority); /* GLib's array sort is stable */
    return group;
}

void group_free(Group *group)
{
    if (!group)
        return;
    g_hash_table_unref(group->by_name);
    g_ptr_array_unref(group->instances);
    plan_unref(group->plan);
    g_free(group);
}

const char *group_name(const Group *group)
{
    return group->planned->config->name;
}

const GroupConfig *group_config(const Group *group)
{
    return group->planned->config;
}

size_t group_instance_count(const Group *group)
{
    return group->instances->len;
}

Instance *group_instance(const Group *group, size_t index)
{
    return g_ptr_array_index(group->instances, index);
}

Instance *group_find_instance(const Group *group, const char *name)
{
    return g_hash_table_lookup(group->by_name, name);
}

void group_autostart(Group *group)
{
    /* Not by priority: the oracle walks the processes as the configuration lists them. */
    for (size_t i = 0; i < group->planned->process_count; i++) {
        Instance *instance = group_find_instance(group, group->planned->processes[i].config->name);
        if (instance_wants_autostart(instance))
            instance_start(instance);
    }
}

void group_stop_all(Group *group)
{
    for (size_t i = group->instances->len; i > 0; i--)
        instance_stop_for_shutdown(group_instance(group, i - 1));
}

bool group_is_stopped(const Group *group)
{
    for (size_t i = 0; i < group->instances->len; i++) {
        if (!process_state_is_stopped(instance_state(group_instance(group, i))))
            return false;
    }
    return true;
}

bool group_at_rest(const Group *group)
{
    for (size_t i = 0; i < group->instances->len; i++) {
        if (!instance_at_rest(group_instance(group, i)))
            return false;
    }
    return true;
}

int group_compare(const Group *a, const Group *b)
{
    int64_t left = group_config(a)->priority, right = group_config(b)->priority;
    return (left > right) - (left < right);
}
