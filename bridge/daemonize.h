/* What `supervisord` without -n means here: it becomes a service of systemd, with everything it was called
 * with. */
#pragma once

#include "bridge/settings.h"

/* Starts the service, waits until it is ready (or has failed) and returns the exit status for the caller, 0
 * when it is up. Messages about what failed go to stderr: the service's own, or one line from here. Blocks.
 */
int daemonize_run(char *const *argv, const Settings *settings);
