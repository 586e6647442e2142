/* A process group that is active: what [program:x], [group:x], … of the configuration became. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "bridge/instance.h"
#include "translator/plan.h"

const char *group_name(const Group *group);
const GroupConfig *group_config(const Group *group);

/* In the order of the configuration (ascending priority, stable). */
size_t group_instance_count(const Group *group);
Instance *group_instance(const Group *group, size_t index);
/* NULL when there is none of that name. */
Instance *group_find_instance(const Group *group, const char *name);
