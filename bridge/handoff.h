/* What a daemonising parent passes to the service that it starts: working directory, umask, environment,
 * arguments. A file of mode 0600, since the environment may hold secrets and a unit's own Environment= can be
 * read by everybody. */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* Its name below the runtime directory. */
#define HANDOFF_FILE "handoff"

typedef struct Handoff {
    char *directory;
    mode_t umask;
    char **arguments; /* of the parent, argv[0] first */
    char **environment;
} Handoff;

/* 0 or negative errno. */
int handoff_write(const char *path, const Handoff *handoff);
int handoff_read(const char *path, Handoff *ret);
void handoff_clear(Handoff *handoff);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Handoff, handoff_clear)
