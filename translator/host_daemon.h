/* Finding the supervisord of this host: a process that runs, a unit that would start one, a file where
 * Supervisor looks for its configuration. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct HostDaemon {
    pid_t pid;           /* 0: not running */
    char *configuration; /* absolute; NULL when it is not known */
    char **arguments;    /* of the process, without its own name; NULL when it is not running */
    char *unit;          /* the unit that runs it, or would; NULL */
    bool ours;           /* it is this project's */
} HostDaemon;

void host_daemon_free(HostDaemon *daemon);

/* Every process that is a supervisord, then every unit that starts one and is not running; HostDaemon, owned.
 */
GPtrArray *host_daemon_find(void);

/* The configuration to look at when none is named: of what runs, of a unit, of the search order. Returns 0,
 * or -ENOENT with the places that were tried. All newly allocated. */
int host_daemon_configuration(const GPtrArray *daemons, const char *program, char **ret_path,
                              char **ret_tried);
