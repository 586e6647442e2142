/* The owner's side of the manager: for main.c. */
#pragma once

#include <sys/resource.h>

#include "bridge/manager.h"
#include "bridge/settings.h"

/* How the event loop ended. */
typedef enum ManagerOutcome {
    MANAGER_EXIT,    /* everything has been stopped: leave */
    MANAGER_RESTART, /* everything has been stopped: read the configuration and begin again */
} ManagerOutcome;

/* `line`, `settings`, `config` and `environment` must outlive it; that and `open_files` are what programs
 * inherit. Connects to systemd
 * (blocking), prepares the runtime directory and takes up what an earlier bridge left running. Returns 0 or
 * negative errno, with `ret_message` newly allocated: one line for the user. */
int manager_new(const CommandLine *line, const Settings *settings, Config *config, MainLog *log,
                char **environment, const struct rlimit *open_files, Manager **ret, char **ret_message);
void manager_free(Manager *manager);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Manager, manager_free)

/* Runs until everything has been stopped at somebody's request. Servers are opened and programs started from
 * inside; a problem with a server ends it with -EADDRINUSE or another negative errno and `ret_message`,
 * before anything is started. */
int manager_run(Manager *manager, ManagerOutcome *ret_outcome, char **ret_message);

/* What reading a configuration found, with the oracle's levels; errors are the caller's to tell. */
void manager_log_diagnostics(MainLog *log, const Diagnostics *diagnostics);
