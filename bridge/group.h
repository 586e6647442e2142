/* A process group that is active: what [program:x], [group:x], … of the configuration became. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "bridge/instance.h"
#include "translator/plan.h"

const char *group_name(const Group *group);
const GroupConfig *group_config(const Group *group);

/* What a newer configuration of the same group means for its processes. Names; each array NULL-terminated and
 * newly allocated. */
typedef struct GroupChange {
    char **kept;
    char **changed; /* there, but otherwise configured: stopped, and made anew */
    char **added;
    char **removed;
} GroupChange;

void group_change_clear(GroupChange *change);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(GroupChange, group_change_clear)

/* In the order of the configuration (ascending priority, stable). */
size_t group_instance_count(const Group *group);
Instance *group_instance(const Group *group, size_t index);
/* NULL when there is none of that name. */
Instance *group_find_instance(const Group *group, const char *name);
