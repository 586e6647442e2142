/* The bridge's end of a FIFO that a program writes to. Held open both ways, and kept by systemd as well, so
 * that what is in it stays there whoever ends. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "bridge/fd_store.h"

typedef struct FifoOwner {
    bool is_other; /* the program runs as another user, who must be able to open /dev/stdout again */
    uid_t uid;
} FifoOwner;

/* Takes the end that an earlier bridge held, if the FIFO is still the same; else makes the FIFO if there is
 * none (mode 0600; its directory must exist) and opens it. `store` may be NULL. Returns the descriptor, or
 * negative errno: -EEXIST when something else is in its place. */
int fifo_open(FdStore *store, const char *path, const FifoOwner *owner);

/* From now on it outlives the bridge. 0 or negative errno. */
int fifo_keep(FdStore *store, const char *path, int fd);

/* Removes it, for good. */
void fifo_remove(FdStore *store, const char *path);
