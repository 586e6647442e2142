#include "bridge/group.h"

#include <string.h>

#include "bridge/event_pool.h"
#include "bridge/group_owner.h"

struct Group {
    Plan *plan;
    const PlannedGroup *planned;
    GPtrArray *instances; /* ascending priority, stable */
    GHashTable *by_name;  /* process_name → Instance */
    FcgiSocket *socket;   /* the manager's; NULL but for FastCGI programs */
    EventPool *pool;      /* of event listeners; else NULL */
};

static int compare_priority(const void *a, const void *b)
{
    const ProcessConfig *left = instance_config(*(Instance *const *)a);
    const ProcessConfig *right = instance_config(*(Instance *const *)b);
    return (left->priority > right->priority) - (left->priority < right->priority);
}

static void add_instance(Group *group, Instance *instance)
{
    g_ptr_array_add(group->instances, instance);
    g_hash_table_replace(group->by_name, (char *)instance_name(instance), instance);
}

static void allocate(Group *group)
{
    group->instances = g_ptr_array_new_with_free_func((GDestroyNotify)instance_free);
    group->by_name = g_hash_table_new(g_str_hash, g_str_equal);
}

static Instance *make_instance(Group *group, const PlannedProcess *planned, const InstanceContext *context)
{
    Instance *instance = instance_new(planned, group, context);
    instance_set_socket(instance, group->socket);
    return instance;
}

/* In the order of the configuration, not of priority: so the oracle looks for a free one. */
static void fill_pool(Group *group, const InstanceContext *context)
{
    const GroupConfig *config = group->planned->config;

    if (config->kind != GROUP_EVENTLISTENER) {
        g_clear_pointer(&group->pool, event_pool_free);
        return;
    }
    if (group->pool)
        event_pool_configure(group->pool, config);
    else
        group->pool =
            event_pool_new(context->event, context->events, context->log, context->identifier, config);
    for (size_t i = 0; i < group->planned->process_count; i++) {
        Instance *instance = group_find_instance(group, group->planned->processes[i].config->name);
        event_pool_add(group->pool, instance_listener(instance));
    }
}

Group *group_new(Plan *plan, const PlannedGroup *planned, const InstanceContext *context, FcgiSocket *socket)
{
    Group *group = g_new0(Group, 1);

    group->plan = plan_ref(plan);
    group->planned = planned;
    allocate(group);
    group->socket = socket;
    for (size_t i = 0; i < planned->process_count; i++)
        add_instance(group, make_instance(group, &planned->processes[i], context));
    g_ptr_array_sort(group->instances, compare_priority); /* GLib's array sort is stable */
    fill_pool(group, context);
    return group;
}

void group_free(Group *group)
{
    if (!group)
        return;
    g_clear_pointer(&group->pool, event_pool_free);
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

FcgiSocket *group_socket(const Group *group)
{
    return group->socket;
}

bool group_has_socket_unit(const Group *group, const char *unit)
{
    return g_strcmp0(group->planned->socket_unit, unit) == 0 ||
           g_strcmp0(group->planned->socket_service, unit) == 0;
}

void group_release_socket(Group *group)
{
    if (group->socket && group_is_stopped(group) && group_at_rest(group))
        fcgi_socket_close(group->socket);
}

void group_abolish(Group *group)
{
    /* Its listeners hear nothing of their own end, as in the oracle. */
    g_clear_pointer(&group->pool, event_pool_free);
    for (size_t i = 0; i < group->instances->len; i++)
        instance_abolish(group_instance(group, i));
    if (group->socket)
        fcgi_socket_close(group->socket);
}

int group_compare(const Group *a, const Group *b)
{
    int64_t left = group_config(a)->priority, right = group_config(b)->priority;
    return (left > right) - (left < right);
}

/* A newer configuration
 * ------------------------------------------------------------------------------------------- */

void group_change_clear(GroupChange *change)
{
    g_strfreev(change->kept);
    g_strfreev(change->changed);
    g_strfreev(change->added);
    g_strfreev(change->removed);
    *change = (GroupChange){0};
}

/* None, or the same one. */
static bool is_same_socket(const Group *group, const PlannedGroup *planned)
{
    return g_strcmp0(group->planned->socket_unit, planned->socket_unit) == 0 &&
           g_strcmp0(group->planned->config->socket.url, planned->config->socket.url) == 0;
}

static bool is_same(const Instance *instance, const Group *group, const PlannedGroup *planned,
                    const PlannedProcess *process)
{
    return is_same_socket(group, planned) &&
           process_config_equal(instance_config(instance), process->config) &&
           strcmp(instance_unit(instance), process->unit) == 0 &&
           strcmp(group->planned->slice, planned->slice) == 0;
}

static bool is_planned(const PlannedGroup *planned, const char *name)
{
    for (size_t i = 0; i < planned->process_count; i++) {
        if (strcmp(planned->processes[i].config->name, name) == 0)
            return true;
    }
    return false;
}

void group_compare_with(const Group *group, const PlannedGroup *planned, GroupChange *ret)
{
    g_autoptr(GStrvBuilder) kept = g_strv_builder_new(), changed = g_strv_builder_new();
    g_autoptr(GStrvBuilder) added = g_strv_builder_new(), removed = g_strv_builder_new();

    for (size_t i = 0; i < planned->process_count; i++) {
        const PlannedProcess *process = &planned->processes[i];
        const Instance *instance = group_find_instance(group, process->config->name);
        GStrvBuilder *list = !instance ? added : is_same(instance, group, planned, process) ? kept : changed;
        g_strv_builder_add(list, process->config->name);
    }
    for (size_t i = 0; i < group->instances->len; i++) {
        const char *name = instance_name(group_instance(group, i));
        if (!is_planned(planned, name))
            g_strv_builder_add(removed, name);
    }
    *ret = (GroupChange){.kept = g_strv_builder_end(kept),
                         .changed = g_strv_builder_end(changed),
                         .added = g_strv_builder_end(added),
                         .removed = g_strv_builder_end(removed)};
}

void group_rebuild(Group *group, Plan *plan, const PlannedGroup *planned, const InstanceContext *context,
                   FcgiSocket *socket, GPtrArray *dead)
{
    g_autoptr(GPtrArray) old = g_steal_pointer(&group->instances);
    g_autoptr(GHashTable) old_by_name = g_steal_pointer(&group->by_name);
    g_autoptr(GHashTable) survivors = g_hash_table_new(NULL, NULL);

    if (group->pool)
        event_pool_remove_all(group->pool);
    /* Those that go let go of their units' names before others take them. */
    for (size_t i = 0; i < planned->process_count; i++) {
        Instance *instance = g_hash_table_lookup(old_by_name, planned->processes[i].config->name);
        if (instance && is_same(instance, group, planned, &planned->processes[i]))
            g_hash_table_add(survivors, instance);
    }
    for (unsigned i = 0; i < old->len; i++) {
        Instance *instance = g_ptr_array_index(old, i);
        if (g_hash_table_contains(survivors, instance))
            continue;
        instance_abolish(instance);
        g_ptr_array_add(dead, instance);
    }
    allocate(group);
    group->socket = socket;
    for (size_t i = 0; i < planned->process_count; i++) {
        Instance *instance = g_hash_table_lookup(old_by_name, planned->processes[i].config->name);
        if (instance && g_hash_table_contains(survivors, instance))
            instance_rebase(instance, &planned->processes[i]);
        else
            instance = make_instance(group, &planned->processes[i], context);
        add_instance(group, instance);
    }
    g_ptr_array_sort(group->instances, compare_priority);
    g_ptr_array_set_free_func(old, NULL);
    Plan *older = g_steal_pointer(&group->plan);
    group->plan = plan_ref(plan);
    group->planned = planned;
    fill_pool(group, context);
    plan_unref(older);
}
