/* From a planned process to the properties of its transient unit: the only place that knows which option of
 * Supervisor becomes which property of systemd (design.md section 4 gives the reasons and what was seen in
 * experiments). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "translator/plan.h"
#include "translator/property.h"

typedef struct MappingContext {
    const char *libexecdir; /* where supersede-exec and supersede-gate are */
    const char
        *runtime_directory;  /* /run/supersede/IDENTIFIER; the launcher's spec is process/STEM below it */
    bool user_manager;       /* units of systemd --user */
    const char *bridge_unit; /* the daemon's own service; NULL: it is none, and nothing is ordered */
} MappingContext;

/* Properties of a service. Never for an event listener, which is a child of the bridge. */
PropertyList *mapping_service(const PlannedProcess *process, const MappingContext *context);

/* The socket of a FastCGI group, listening at `address` (a path, or ADDRESS:PORT with a numeric address;
 * `shared`: another socket listens there, too), and the service of its name: the one that systemd starts for
 * a connection while no process of the group is there. It does nothing; a connection never starts a program.
 */
PropertyList *mapping_socket(const PlannedGroup *group, const char *address, bool shared);
PropertyList *mapping_socket_service(const PlannedGroup *group);
/* What tells systemd that a service gets that socket: a line for its drop-in, since a transient unit cannot
 * be given it over D-Bus. Newly allocated; NULL for a group without a socket. */
char *mapping_sockets(const PlannedGroup *group);

/* Properties of the scope of an event listener, whose process is there already. Without a context it is not
 * ordered: a scope that is waited for before the daemon is ready must not wait for the daemon. */
PropertyList *mapping_scope(const PlannedProcess *process, const uint32_t *pids, size_t count,
                            const MappingContext *context);

/* Path of the launcher's spec: RUNTIME_DIRECTORY/process/STEM. Newly allocated. */
char *mapping_spec_path(const PlannedProcess *process, const char *runtime_directory);

/* Whether the property that an option becomes depends on it at all: autorestart decides alone when it is a
 * boolean. */
bool mapping_is_used(const ProcessConfig *config, const char *option);
