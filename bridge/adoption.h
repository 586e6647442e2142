/* Taking the place of a running supervisord of the old kind: its programs run on, with their pids, pipes and
 * logs, and are ours from then on.
 *
 * The bridge does this when it starts, before anything else about programs. Until the moment at which the old
 * daemon is killed everything can be undone, and is, when a step fails or the bridge dies: systemd starts it
 * again, it finds the note of what had begun, and lets the old daemon go on. From that moment on it is
 * carried through. */
#pragma once

#include <stdbool.h>

#include "bridge/fd_store.h"
#include "bridge/main_log.h"
#include "bridge/store.h"
#include "translator/plan.h"

typedef struct AdoptionContext {
    const char *file; /* what the old daemon said of itself (translator/legacy.h) */
    const char *runtime_directory;
    bool user_manager;
    Config *config;
    const char *identifier;
    const char *childlogdir;
    MainLog *log;
    Store *store;
    FdStore *fd_store;
} AdoptionContext;

/* Returns 1 when the old daemon's programs are ours now, 0 when that was so before (the bridge has been
 * restarted since), or negative errno with `ret_message` newly allocated: the old daemon runs on as if
 * nothing had happened. Blocks, for some tens of milliseconds. */
int adoption_run(const AdoptionContext *context, char **ret_message);
