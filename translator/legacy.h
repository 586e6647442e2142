/* What a running supervisord of the old kind says of itself, as a file: `supersede adopt` asks and writes it,
 * the bridge that takes the old daemon's place reads it. */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/process_state.h"
#include "translator/config.h"

typedef struct LegacyProcess {
    char *group;
    char *name;
    ProcessState state;
    pid_t pid;     /* 0: none */
    int64_t start; /* seconds since the epoch, as getProcessInfo tells them; 0: never */
    int64_t stop;
    int exitstatus;
    char *spawnerr;               /* "" when there is none */
    char *logfiles[STREAM_COUNT]; /* "" when there is none */
} LegacyProcess;

typedef struct LegacyDaemon {
    pid_t pid;
    char *identifier;
    GPtrArray *processes; /* of LegacyProcess, in the daemon's order */
} LegacyDaemon;

LegacyDaemon *legacy_daemon_new(void);
void legacy_daemon_free(LegacyDaemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LegacyDaemon, legacy_daemon_free)
/* A new row, owned by the daemon. Strings are copied; NULL counts as "". */
LegacyProcess *legacy_daemon_add(LegacyDaemon *daemon, const char *group, const char *name);
/* NULL when it has none of that name. */
const LegacyProcess *legacy_daemon_find(const LegacyDaemon *daemon, const char *group, const char *name);

/* Mode 0600; the path's directory must exist. 0 or negative errno. */
int legacy_daemon_write(const LegacyDaemon *daemon, const char *path);
/* 0, -EBADMSG when it is no such file, or another negative errno. */
int legacy_daemon_read(const char *path, LegacyDaemon **ret);
