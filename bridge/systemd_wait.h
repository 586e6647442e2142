/* Calls to systemd that wait for the answer: for a daemonising parent, which has nothing else to do, and for
 * what happens before there is an event loop. */
#pragma once

#include <stdbool.h>

#include "translator/property.h"

/* Starts a transient service and waits until systemd has finished with the start: for a daemonising parent,
 * which has nothing else to do. Blocks. `error_fd` becomes the service's standard error. Returns 0 when it is
 * up; a positive exit status when its main process ended instead; -EEXIST, -ENOENT (no systemd) or another
 * negative errno, with `ret_message` newly allocated. */
int systemd_run_and_wait(bool user_manager, const char *unit, const PropertyList *properties, int error_fd,
                         char **ret_message);
