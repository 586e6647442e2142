/* Owns everything that lives: configuration, groups, the link to systemd, output, servers. The RPC handlers
 * talk to it. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "bridge/event.h"
#include "bridge/group.h"
#include "bridge/instance.h"
#include "bridge/main_log.h"
#include "common/fault.h"
#include "common/process_state.h"
#include "translator/config.h"

typedef struct Manager Manager;

sd_event *manager_event(const Manager *manager);
MainLog *manager_log(const Manager *manager);
const char *manager_identifier(const Manager *manager);

/* Where events are handed out. */
EventBus *manager_events(const Manager *manager);

DaemonState manager_state(const Manager *manager);
/* RPC shutdown and restart, SIGTERM and SIGHUP: the mood changes now, the rest follows from the event loop.
 */
void manager_shutdown(Manager *manager);
void manager_restart(Manager *manager);

/* The configuration as last read: what addProcessGroup takes from and getAllConfigInfo shows. Active groups
 * may be older. */
const Config *manager_config(const Manager *manager);

/* Names of groups: added, changed, removed; each array NULL-terminated and newly allocated. */
typedef struct ConfigDifference {
    char **added;
    char **changed;
    char **removed;
} ConfigDifference;

void config_difference_clear(ConfigDifference *difference);

/* Reads the configuration again and compares it with the active groups; nothing else changes. Returns 0, or
 * FAULT_CANT_REREAD with `ret_message` newly allocated; negative errno. */
int manager_reread(Manager *manager, ConfigDifference *ret_difference, char **ret_message);

/* Makes a group of the last-read configuration active; its processes with autostart=true start from the event
 * loop. Returns 0, FAULT_BAD_NAME, FAULT_ALREADY_ADDED or negative errno. */
int manager_add_group(Manager *manager, const char *name);
/* Returns 0, FAULT_BAD_NAME, FAULT_STILL_RUNNING or negative errno. */
int manager_remove_group(Manager *manager, const char *name);

/* How an active group differs from the configuration as last read, process by process. Returns 0 or
 * FAULT_BAD_NAME (not active, or not in the configuration). */
int manager_compare_group(const Manager *manager, const char *name, GroupChange *ret_change);
/* Makes it so, without touching processes that are the same; new ones with autostart=true start. Returns 0,
 * FAULT_BAD_NAME, or FAULT_STILL_RUNNING when a process that has changed or gone is not stopped. */
int manager_update_group(Manager *manager, const char *name);

/* NULL when there is no active group of that name. */
Group *manager_find_group(const Manager *manager, const char *name);

typedef enum InstanceOrder {
    ORDER_PRIORITY, /* groups by priority, then processes by priority: starts */
    ORDER_LEXICAL,  /* groups by name, then processes by name: what status shows */
} InstanceOrder;

/* Every active instance. Free with g_ptr_array_unref; the instances are not owned. */
GPtrArray *manager_instances(const Manager *manager, InstanceOrder order);
