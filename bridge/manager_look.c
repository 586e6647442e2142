/* The manager's first look: what is there already, of this bridge's last life or of an old supervisord. */
#include <errno.h>

#include "bridge/dropin_file.h"
#include "bridge/manager_internal.h"
#include "translator/unitname.h"

/* A systemd that executes itself anew with thousands of units takes some seconds. */
#define LOOK_LIMIT_USEC (60 * G_USEC_PER_SEC)

/* A process that has been at rest all the time is not worth a line. */
static void take_up(Manager *manager, Instance *instance, const UnitSnapshot *snapshot)
{
    const StoreRecord *record = store_process(manager->store, instance_namespec(instance));
    bool was_alive = record && !process_state_is_stopped(record->state);

    g_hash_table_add(manager->looked, instance);
    if (instance_restore(instance, snapshot) && (snapshot || was_alive))
        main_log_write(manager->log, LOG_LEVEL_INFO, "resumed: '%s' %s with pid %d", instance_name(instance),
                       process_state_name(instance_state(instance)), (int)instance_pid(instance));
}

/* What hangs up is about to execute itself anew: an upgrade of systemd does that, just when services start.
 * Then the look goes on when there is a connection again. */
static void break_off(Manager *manager, int error, const char *message)
{
    if (error == -ENOTCONN && g_get_monotonic_time() < manager->look_until)
        manager->look_broke = true;
    else
        manager_fail(manager, error, message);
}

static void on_first_look(const char *unit, int result, const UnitSnapshot *snapshot, void *userdata)
{
    Manager *manager = userdata;
    Instance *instance = g_hash_table_lookup(manager->by_unit, unit);
    FcgiSocket *socket = g_hash_table_lookup(manager->by_socket, unit);

    if (!snapshot && result != -ENOENT) {
        break_off(manager, result, "the connection to systemd broke");
        return;
    }
    if (instance)
        take_up(manager, instance, snapshot);
    if (socket && snapshot)
        fcgi_socket_restore(socket, snapshot);
    if (--manager->looks == 0)
        manager_become_ready(manager);
}

static bool is_part_of_socket(const Manager *manager, const char *unit)
{
    for (unsigned i = 0; i < manager->groups->len; i++) {
        if (group_has_socket_unit(g_ptr_array_index(manager->groups, i), unit))
            return true;
    }
    return false;
}

/* Units of an earlier bridge whose programs are not in the configuration any more: nobody could see or stop
 * them through us. */
static void stop_strays(Manager *manager, char **units)
{
    for (; *units; units++) {
        if (g_hash_table_contains(manager->by_unit, *units) || is_part_of_socket(manager, *units))
            continue;
        main_log_write(manager->log, LOG_LEVEL_WARN,
                       "unit %s belongs to no program of the configuration: stopping it", *units);
        manager_dismiss(manager, *units);
    }
}

static bool is_ours(const char *unit, void *userdata)
{
    Manager *manager = userdata;
    return g_hash_table_contains(manager->by_unit, unit);
}

/* Whatever is not looked at would be taken for a program that does not run. */
static void look_first(Manager *manager, const char *unit)
{
    int r = systemd_look(manager->systemd, unit, on_first_look, manager);

    manager->looks++;
    if (r < 0)
        on_first_look(unit, r, NULL, manager);
}

static void look_at_sockets(Manager *manager, char **units)
{
    for (; *units; units++) {
        if (g_hash_table_contains(manager->by_socket, *units))
            look_first(manager, *units);
    }
}

static void break_off_list(Manager *manager, int error)
{
    break_off(manager, error, "systemd does not answer: its units cannot be listed");
}

static void on_listed(int result, char **units, void *userdata)
{
    Manager *manager = userdata;
    g_autoptr(GPtrArray) instances = manager_instances(manager, ORDER_PRIORITY);

    if (result < 0) {
        break_off_list(manager, result);
        return;
    }
    stop_strays(manager, units);
    g_autofree char *prefix = unitname_escape_if_needed(manager->settings->identifier);
    dropin_file_sweep(prefix, manager->context.mapping.user_manager, is_ours, manager);
    manager->looks = 1;
    for (unsigned i = 0; i < instances->len; i++) {
        Instance *instance = g_ptr_array_index(instances, i);
        if (g_hash_table_contains(manager->looked, instance))
            continue;
        bool loaded = g_strv_contains((const char *const *)units, instance_unit(instance));
        if (!loaded)
            take_up(manager, instance, NULL);
        else
            look_first(manager, instance_unit(instance));
    }
    look_at_sockets(manager, units);
    if (--manager->looks == 0)
        manager_become_ready(manager);
}

static int list(Manager *manager)
{
    g_autofree char *escaped = unitname_escape_if_needed(manager->settings->identifier);
    g_autofree char *pattern = g_strconcat(escaped, ":*", NULL);

    return systemd_list(manager->systemd, pattern, on_listed, manager);
}

int manager_look(Manager *manager)
{
    manager->look_until = g_get_monotonic_time() + LOOK_LIMIT_USEC;
    return list(manager);
}

void manager_look_again(Manager *manager)
{
    if (!manager->look_broke)
        return;
    manager->look_broke = false;
    int r = list(manager);
    if (r < 0)
        break_off_list(manager, r);
}
