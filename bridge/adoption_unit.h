/* The unit that an old supervisord runs in: systemd must neither start it again when it is killed, nor stop
 * what it has left behind, nor start it at the next boot. */
#pragma once

#include <stdbool.h>

#include "bridge/systemd_wait.h"

/* The manager's service that a control group belongs to, newly allocated; "" when it is none (a login
 * session, a container, a unit of another manager). */
char *adoption_unit_of(const char *cgroup, bool user_manager);

/* Keeps it quiet by a drop-in below /run, until adoption_unit_release(). Nothing happens for "". 0 or
 * negative errno with `ret_message` newly allocated. Waits for a reload of systemd. */
int adoption_unit_quiet(SystemdWait *systemd, const char *unit, bool user_manager, char **ret_message);
/* Best effort: as it was. */
void adoption_unit_release(SystemdWait *systemd, const char *unit, bool user_manager);
/* Whether the unit's file is one that starts this very program: supersede was installed meanwhile, and it is
 * to stay enabled. */
bool adoption_unit_is_ours(const char *unit);
/* The same, and with this configuration. */
bool adoption_unit_is_successor(const char *unit, const char *configuration);

/* The drop-in's file, newly allocated. */
char *adoption_unit_dropin(const char *unit, bool user_manager);
