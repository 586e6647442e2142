/* The targets that order programs by priority when the host goes down (translator/mapping.c): files in
 * systemd's runtime directory, which it reads when the first program wants them. */
#pragma once

#include <stdbool.h>

#include "translator/plan.h"

/* Writes what the plan needs. A level that comes in between later is known to programs that are started from
 * then on. 0 or negative errno. */
int stop_target_write(const Plan *plan, const char *bridge_unit, bool user_manager);
/* All of this daemon's. */
void stop_target_remove(const char *identifier, bool user_manager);
