/* What `supervisord` without -n means here: it becomes a service of systemd, with everything it was called
 * with.
 *
 * A unit file for `supervisord -n` needs the same properties as this transient service, so that a death of
 * the bridge is mended and nothing is lost meanwhile:
 *
 *     [Unit]     StartLimitIntervalSec=0 (a start limit that is hit would drop what systemd keeps for us)
 *     [Service]  Type=notify, NotifyAccess=main, FileDescriptorStoreMax=64 (FD_STORE_SERVICE_MAX),
 *                WatchdogSec=30s, WatchdogSignal=SIGKILL (a stopped process hears no other),
 *                Restart=on-failure, RestartSec=50ms, RestartPreventExitStatus=2,
 *                KillMode=mixed, TimeoutStartSec=infinity, TimeoutStopSec=infinity, TasksMax=infinity */
#pragma once

#include "bridge/settings.h"

/* Of the service's name where a unit file has the plain one. */
#define DAEMONIZE_PREFIX "supersede-"

/* Starts the service, waits until it is ready (or has failed) and returns the exit status for the caller, 0
 * when it is up. Messages about what failed go to stderr: the service's own, or one line from here. Blocks.
 */
int daemonize_run(char *const *argv, const Settings *settings);
