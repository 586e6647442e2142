/* What the names mean that clients send. */
#pragma once

#include "bridge/manager.h"

/* Finds "group:process", "name", "group:*" or "group:". For the last two `ret_instance` is NULL.
 * Returns 0 or FAULT_BAD_NAME. */
int rpc_target_find(const Manager *manager, const char *name, Group **ret_group, Instance **ret_instance);
/* A single process. Returns 0 or FAULT_BAD_NAME. */
int rpc_target_find_process(const Manager *manager, const char *name, Instance **ret_instance);
/* A group by a method's argument. Returns 0 or FAULT_BAD_NAME; `ret_text`, newly allocated, is what the fault
 * says about it in both cases (NULL for nil). */
int rpc_target_find_group(const Manager *manager, GVariant *name, Group **ret_group, char **ret_text);
/* All processes of a group, by priority. Free with g_ptr_array_unref; the instances are not owned. */
GPtrArray *rpc_target_instances(const Group *group);
