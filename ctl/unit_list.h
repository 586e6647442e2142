/* What systemctl says of units, for a program that does not speak to systemd itself. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct UnitState {
    char *active; /* "active", "activating", "failed", "inactive", … */
    char *sub;
    char *fragment; /* file of the unit; "" when it has none */
    int64_t pid;
    bool loaded;
} UnitState;

/* By name of the unit: UnitState, owned. Returns 0, or -EIO with `ret_problem` newly allocated. */
int unit_list_ask(const GPtrArray *names, bool user_manager, GHashTable **ret, char **ret_problem);

/* Whether something of it runs or is about to. */
bool unit_list_is_busy(const UnitState *unit);
