/* Which units a configuration becomes: an immutable plan of every group and process with its names in
 * systemd's world.
 *
 *   [program:p]                     supervisor:p.service
 *   [program:p] with numprocs       supervisor:p@NUM.service
 *   p in [group:g]                  supervisor:g:p.service, supervisor:g:p@NUM.service
 *   [eventlistener:p]               supervisor:p.scope; with numprocs supervisor:p:NUM.scope
 *   group g                         supervisor-g.slice, below supervisor.slice
 *   socket of [fcgi-program:p]      supervisor:p::fcgi.socket, with supervisor:p::fcgi.service
 *
 * "supervisor" is the daemon's identifier. What a unit name may not hold is escaped as systemd-escape(1)
 * does; a name that would be longer than UNITNAME_MAX is cut and ends in a hash (translator/unitname.h). */
#pragma once

#include <glib.h>
#include <stddef.h>

#include "translator/config.h"

typedef struct PlannedGroup PlannedGroup;

typedef struct PlannedProcess {
    const PlannedGroup *group;
    const ProcessConfig *config;
    const char *namespec;  /* "group:name", or "name" when both are the same: the oracle's make_namespec */
    const char *unit;      /* name of the unit */
    const char *file_stem; /* of everything below /run/supersede/IDENTIFIER/ that belongs to this process: the
                            * unit's name without its suffix, with every byte but [A-Za-z0-9:_.@-] as =XX, so
                            * that it can stand in ExecStart= without any escaping; unique, at most 200 bytes,
                            * never "." or ".." */
} PlannedProcess;

struct PlannedGroup {
    const GroupConfig *config;
    const char *slice;
    const char
        *target; /* of its priority: when the host goes down, systemd stops one priority after the other */
    const char *upper_target;   /* of the next higher priority; NULL: none is higher */
    const char *socket_unit;    /* of a FastCGI group: its socket … */
    const char *socket_service; /* … and what systemd would start for it; NULL for all others */
    const PlannedProcess
        *processes; /* one per process name: as in the oracle a later one of the same name replaces it */
    size_t process_count;
};

typedef struct Plan Plan;

/* Keeps a reference to `config`. Returns 0, or -ENAMETOOLONG when the identifier alone is too long for a
 * unit's name. */
int plan_new(Config *config, const char *identifier, Plan **ret_plan);
Plan *plan_ref(Plan *plan);
void plan_unref(Plan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plan, plan_unref)

Config *plan_config(const Plan *plan);
const char *plan_identifier(const Plan *plan);
/* The slice above all groups. */
const char *plan_slice(const Plan *plan);
/* In the order of config_group(). */
size_t plan_group_count(const Plan *plan);
const PlannedGroup *plan_group(const Plan *plan, size_t index);
const PlannedGroup *plan_find_group(const Plan *plan, const char *name);

/* The scope of a process that was taken over from an old supervisord while it ran. Newly allocated; NULL for
 * an event listener, which is never taken over. */
char *plan_adopted_scope(const PlannedProcess *process);
