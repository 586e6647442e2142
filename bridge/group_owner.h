/* The owner's side of a group: for manager.c. */
#pragma once

#include "bridge/group.h"
#include "bridge/instance_owner.h"
#include "translator/plan.h"

/* Keeps a reference to `plan`: a group lives on with the configuration it was made from. Instances are made,
 * none is started. `socket` is what FastCGI programs share, and outlives the group; else NULL. */
Group *group_new(Plan *plan, const PlannedGroup *planned, const InstanceContext *context, FcgiSocket *socket);
void group_free(Group *group);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Group, group_free)

/* How the active group differs from a newer plan of it. */
void group_compare_with(const Group *group, const PlannedGroup *planned, GroupChange *ret);
/* Makes the group what the newer plan says: processes that are the same live on untouched, the others are
 * abolished or made. What is abolished is added to `dead`, to be freed from the event loop. Nothing is
 * started. */
void group_rebuild(Group *group, Plan *plan, const PlannedGroup *planned, const InstanceContext *context,
                   FcgiSocket *socket, GPtrArray *dead);

/* Starts what autostart= asks for and has never run, in the order of the configuration. */
void group_autostart(Group *group);

/* The oracle's stop_all(): what runs or starts is stopped, what is in BACKOFF is given up; descending
 * priority. */
void group_stop_all(Group *group);

/* Whether every process is in a state that counts as stopped. */
bool group_is_stopped(const Group *group);
/* Whether every unit has come to rest, too. */
bool group_at_rest(const Group *group);

/* NULL when its processes share none. */
FcgiSocket *group_socket(const Group *group);
/* Whether a unit of this name has to do with its socket. */
bool group_has_socket_unit(const Group *group, const char *unit);
/* Closes the socket when the last process has stopped. */
void group_release_socket(Group *group);
/* The group is taken out, or the daemon ends: every process is abolished, the socket closed. */
void group_abolish(Group *group);

/* The oracle's order between groups: ascending priority; equals stay in the order in which they were added.
 */
int group_compare(const Group *a, const Group *b);
