#include "bridge/manager.h"

#include <errno.h>
#include <string.h>

#include "bridge/manager_internal.h"

sd_event *manager_event(const Manager *manager)
{
    return manager->event;
}

MainLog *manager_log(const Manager *manager)
{
    return manager->log;
}

const char *manager_identifier(const Manager *manager)
{
    return manager->settings->identifier;
}

EventBus *manager_events(const Manager *manager)
{
    return manager->events;
}

DaemonState manager_state(const Manager *manager)
{
    return manager->state;
}

const Config *manager_config(const Manager *manager)
{
    return manager->config;
}

Group *manager_find_group(const Manager *manager, const char *name)
{
    return g_hash_table_lookup(manager->by_name, name);
}

/* Groups
 * ---------------------------------------------------------------------------------------------------------
 */

int manager_compare_groups(const void *a, const void *b)
{
    return group_compare(*(Group *const *)a, *(Group *const *)b);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(group_name(*(Group *const *)a), group_name(*(Group *const *)b));
}

static int compare_instance_names(const void *a, const void *b)
{
    return strcmp(instance_name(*(Instance *const *)a), instance_name(*(Instance *const *)b));
}

GPtrArray *manager_copy_groups(const Manager *manager)
{
    GPtrArray *copy = g_ptr_array_sized_new(manager->groups->len);
    for (unsigned i = 0; i < manager->groups->len; i++)
        g_ptr_array_add(copy, g_ptr_array_index(manager->groups, i));
    return copy;
}

GPtrArray *manager_instances(const Manager *manager, InstanceOrder order)
{
    g_autoptr(GPtrArray) groups = manager_copy_groups(manager);
    GPtrArray *instances = g_ptr_array_new();

    g_ptr_array_sort(groups, order == ORDER_LEXICAL ? compare_names : manager_compare_groups);
    for (unsigned i = 0; i < groups->len; i++) {
        const Group *group = g_ptr_array_index(groups, i);
        g_autoptr(GPtrArray) members = g_ptr_array_new();
        for (size_t j = 0; j < group_instance_count(group); j++)
            g_ptr_array_add(members, group_instance(group, j));
        if (order == ORDER_LEXICAL)
            g_ptr_array_sort(members, compare_instance_names);
        g_ptr_array_extend(instances, members, NULL, NULL);
    }
    return instances;
}

static void learn_units(Manager *manager, Group *group)
{
    for (size_t i = 0; i < group_instance_count(group); i++) {
        Instance *instance = group_instance(group, i);
        g_hash_table_replace(manager->by_unit, (char *)instance_planned_unit(instance), instance);
        if (instance_scope(instance))
            g_hash_table_replace(manager->by_unit, (char *)instance_scope(instance), instance);
    }
}

static void forget_units(Manager *manager, Group *group)
{
    for (size_t i = 0; i < group_instance_count(group); i++) {
        const Instance *instance = group_instance(group, i);
        g_hash_table_remove(manager->by_unit, instance_planned_unit(instance));
        if (instance_scope(instance))
            g_hash_table_remove(manager->by_unit, instance_scope(instance));
    }
}

static void tell_group(const Manager *manager, EventType type, const char *name)
{
    g_autofree char *payload = g_strdup_printf("groupname:%s\n", name);
    event_bus_publish(manager->events, type, payload, strlen(payload));
}

/* Once made it stays: the next group of the name has to wait until the last one's address is free. */
FcgiSocket *manager_socket(Manager *manager, const PlannedGroup *planned)
{
    if (!planned->socket_unit)
        return NULL;
    FcgiSocket *socket = g_hash_table_lookup(manager->by_socket, planned->socket_unit);
    if (socket) {
        fcgi_socket_rebase(socket, manager->plan, planned);
    } else {
        socket = fcgi_socket_new(manager->plan, planned, &manager->socket_context);
        g_hash_table_insert(manager->by_socket, g_strdup(planned->socket_unit), socket);
    }
    return socket;
}

Group *manager_activate(Manager *manager, const PlannedGroup *planned)
{
    Group *group = group_new(manager->plan, planned, &manager->context, manager_socket(manager, planned));

    g_ptr_array_add(manager->groups, group);
    g_hash_table_replace(manager->by_name, (char *)group_name(group), group);
    learn_units(manager, group);
    tell_group(manager, EVENT_PROCESS_GROUP_ADDED, group_name(group));
    return group;
}

int manager_add_group(Manager *manager, const char *name)
{
    const PlannedGroup *planned = plan_find_group(manager->plan, name);

    if (!planned)
        return FAULT_BAD_NAME;
    if (manager_find_group(manager, name))
        return FAULT_ALREADY_ADDED;
    if (planned->socket_unit) {
        g_autofree char *message = NULL;
        int r = fcgi_socket_try(manager_socket(manager, planned), &message);
        if (r < 0) {
            main_log_write(manager->log, LOG_LEVEL_CRITICAL, "%s", message);
            return FAULT_FAILED;
        }
    }
    (void)store_put_group_removed(manager->store, name, false);
    group_autostart(manager_activate(manager, planned));
    return 0;
}

static int on_bury(sd_event_source *source, void *userdata)
{
    Manager *manager = userdata;
    manager->bury = sd_event_source_disable_unref(manager->bury);
    g_ptr_array_set_size(manager->graveyard, 0);
    g_ptr_array_set_size(manager->dead_instances, 0);
    return 0;
}

/* Later, from the loop: a caller may still be inside what is to be freed. */
static void schedule_burial(Manager *manager)
{
    if (!manager->bury)
        (void)sd_event_add_defer(manager->event, &manager->bury, on_bury, manager);
}

int manager_remove_group(Manager *manager, const char *name)
{
    Group *group = manager_find_group(manager, name);
    unsigned index = 0;

    if (!group)
        return FAULT_BAD_NAME;
    if (!group_is_stopped(group))
        return FAULT_STILL_RUNNING;
    forget_units(manager, group);
    group_abolish(group);
    (void)store_put_group_removed(manager->store, name, true);
    g_hash_table_remove(manager->by_name, name);
    if (g_ptr_array_find(manager->groups, group, &index))
        g_ptr_array_add(manager->graveyard, g_ptr_array_steal_index(manager->groups, index));
    schedule_burial(manager);
    tell_group(manager, EVENT_PROCESS_GROUP_REMOVED, group_name(group));
    return 0;
}

static bool all_stopped(const Group *group, char **names)
{
    for (; *names; names++) {
        if (!process_state_is_stopped(instance_state(group_find_instance(group, *names))))
            return false;
    }
    return true;
}

static int find_both(const Manager *manager, const char *name, Group **ret_group,
                     const PlannedGroup **ret_planned)
{
    *ret_group = manager_find_group(manager, name);
    *ret_planned = plan_find_group(manager->plan, name);
    return *ret_group && *ret_planned ? 0 : FAULT_BAD_NAME;
}

int manager_compare_group(const Manager *manager, const char *name, GroupChange *ret_change)
{
    const PlannedGroup *planned;
    Group *group;

    int r = find_both(manager, name, &group, &planned);
    if (r == 0)
        group_compare_with(group, planned, ret_change);
    return r;
}

int manager_update_group(Manager *manager, const char *name)
{
    g_auto(GroupChange) change = {0};
    const PlannedGroup *planned;
    Group *group;

    int r = find_both(manager, name, &group, &planned);
    if (r != 0)
        return r;
    group_compare_with(group, planned, &change);
    if (!all_stopped(group, change.changed) || !all_stopped(group, change.removed))
        return FAULT_STILL_RUNNING;
    forget_units(manager, group);
    /* The group's name is the key, and belongs to its configuration. */
    g_hash_table_remove(manager->by_name, name);
    FcgiSocket *old = group_socket(group), *socket = manager_socket(manager, planned);
    if (old && old != socket)
        fcgi_socket_close(old);
    group_rebuild(group, manager->plan, planned, &manager->context, socket, manager->dead_instances);
    g_hash_table_replace(manager->by_name, (char *)group_name(group), group);
    learn_units(manager, group);
    schedule_burial(manager);
    group_autostart(group);
    return 0;
}

/* Configuration
 * -------------------------------------------------------------------------------------------------- */

void config_difference_clear(ConfigDifference *difference)
{
    g_strfreev(difference->added);
    g_strfreev(difference->changed);
    g_strfreev(difference->removed);
    *difference = (ConfigDifference){0};
}

static void take_names(GPtrArray *names, char ***ret)
{
    g_ptr_array_add(names, NULL);
    *ret = (char **)g_ptr_array_free(names, FALSE);
}

static void compare(const Manager *manager, ConfigDifference *ret)
{
    GPtrArray *added = g_ptr_array_new(), *changed = g_ptr_array_new(), *removed = g_ptr_array_new();

    for (size_t i = 0; i < config_group_count(manager->config); i++) {
        const GroupConfig *candidate = config_group(manager->config, i);
        const Group *active = manager_find_group(manager, candidate->name);
        if (!active)
            g_ptr_array_add(added, g_strdup(candidate->name));
        else if (!group_config_equal(candidate, group_config(active)))
            g_ptr_array_add(changed, g_strdup(candidate->name));
    }
    for (unsigned i = 0; i < manager->groups->len; i++) {
        const char *name = group_name(g_ptr_array_index(manager->groups, i));
        if (!config_find_group(manager->config, name))
            g_ptr_array_add(removed, g_strdup(name));
    }
    take_names(added, &ret->added);
    take_names(changed, &ret->changed);
    take_names(removed, &ret->removed);
}

void manager_log_diagnostics(MainLog *log, const Diagnostics *diagnostics)
{
    /* The oracle collects one list for each. */
    static const struct {
        Severity severity;
        LogLevel level;
    } lists[] = {
        {SEVERITY_CRITICAL, LOG_LEVEL_CRITICAL},
        {SEVERITY_WARNING, LOG_LEVEL_WARN},
        {SEVERITY_INFO, LOG_LEVEL_INFO},
    };
    for (size_t list = 0; list < G_N_ELEMENTS(lists); list++) {
        for (size_t i = 0; i < diagnostics_count(diagnostics); i++) {
            const Diagnostic *diagnostic = diagnostics_get(diagnostics, i);
            if (!diagnostic->ours && diagnostic->severity == lists[list].severity)
                main_log_write(log, lists[list].level, "%s", diagnostic->text);
        }
    }
}

void manager_order_stops(Manager *manager)
{
    if (!manager->own_unit)
        return;
    int r = stop_target_write(manager->plan, manager->own_unit, manager->context.mapping.user_manager);
    if (r < 0)
        main_log_write(
            manager->log, LOG_LEVEL_WARN,
            "could not write targets for systemd (%s): when the host goes down, programs end in any order",
            g_strerror(-r));
}

int manager_reread(Manager *manager, ConfigDifference *ret_difference, char **ret_message)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Config) config = NULL;
    g_autoptr(Plan) plan = NULL;

    int r = config_load_daemon(config_path(manager->config), config_host_real(), diagnostics, &config);
    if (r < 0) {
        const Diagnostic *error = diagnostics_first_error(diagnostics);
        *ret_message = g_strdup(error ? error->text : g_strerror(-r));
        return FAULT_CANT_REREAD;
    }
    r = plan_new(config, manager->settings->identifier, &plan);
    if (r < 0)
        return r;
    config_unref(manager->config);
    plan_unref(manager->plan);
    manager->config = g_steal_pointer(&config);
    manager->plan = g_steal_pointer(&plan);
    manager_order_stops(manager);
    compare(manager, ret_difference);
    return 0;
}
