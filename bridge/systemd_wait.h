/* Calls to systemd that wait for the answer: for a daemonising parent, which has nothing else to do, and for
 * what happens before there is an event loop. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "translator/property.h"

typedef struct SystemdWait SystemdWait;

/* 0 or negative errno: -ENOENT when there is no systemd there. */
int systemd_wait_open(bool user_manager, SystemdWait **ret);
void systemd_wait_free(SystemdWait *wait);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SystemdWait, systemd_wait_free)

/* All return 0 or negative errno, with systemd's words in `ret_message` (newly allocated) where it had some.
 */

/* Starts a transient service and waits until systemd has finished with the start. `error_fd` becomes the
 * service's standard error. A positive exit status when its main process ended instead; -EEXIST. */
int systemd_wait_run(SystemdWait *wait, const char *unit, const PropertyList *properties, int error_fd,
                     char **ret_message);

/* Starts a transient scope: its processes are in it on return. */
int systemd_wait_start_scope(SystemdWait *wait, const char *unit, const PropertyList *properties,
                             char **ret_message);
int systemd_wait_reload(SystemdWait *wait, char **ret_message);
