/* One process as a permanent service that needs neither Supervisor nor this project: the counterpart of
 * mapping_service() for `supersede export`. */
#pragma once

#include <stdbool.h>

#include "translator/export_unit.h"
#include "translator/plan.h"

/* What exporting may ask of the host; tests put one of their own in its place. */
typedef struct ExportHost {
    /* Absolute path of a program in a search path (NULL: the usual one), newly allocated, or NULL. */
    char *(*find_program)(const char *name, const char *search_path);
    /* The address of a host's name, newly allocated, or NULL. */
    char *(*find_address)(const char *name);
    /* Whether there is a unit of that name which no export has made. */
    bool (*has_unit)(const char *name, bool user_manager);
    bool user_manager;
    const char *directory; /* where the units will be: what lies beside them is named by its path */
} ExportHost;

typedef struct ExportService {
    const char *name;   /* of the unit; with an empty instance for a template */
    const char *target; /* of its group; NULL when it has none */
    const char *slice;
    const char *socket; /* whose connections it takes over as standard input; NULL */
} ExportService;

/* Returns 0, or -EINVAL when the command cannot be split. */
int export_service(const PlannedProcess *process, const DaemonConfig *daemon, const ExportService *names,
                   const ExportHost *host, ExportUnit **ret_unit);

/* A path of a configuration as Supervisor's daemon would resolve it: relative to its own working directory.
 * Newly allocated. */
char *export_service_path(const DaemonConfig *daemon, const char *path);

/* "/dev/stdout" and its kin: the daemon's own output. */
bool export_service_is_terminal(const char *path);
