/* /run/supersede/IDENTIFIER (root) or $XDG_RUNTIME_DIR/supersede/IDENTIFIER: what lives as long as the host
 * is up. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Where it is. Newly allocated. -ENOENT when a user has no runtime directory. */
int runtime_directory_path(const char *identifier, bool user_manager, char **ret);

/* Makes it with its parts (process/, log/), each 0700 from the start and owned by us; refuses what somebody
 * else has put there
 * (-EPERM). Then locks it for this process: -EBUSY when another bridge of the same identifier is alive.
 * `ret_lock`: a descriptor that holds the lock. */
int runtime_directory_prepare(const char *path, int *ret_lock);

/* Writes down whose the lock is, for runtime_directory_holder(). Best effort. */
void runtime_directory_sign(int lock, const char *configuration);
/* Who holds the lock: its process, and the configuration that it goes by (newly allocated). -ENOENT when
 * nobody has signed, or another negative errno. */
int runtime_directory_holder(const char *path, pid_t *ret_pid, char **ret_configuration);

/* Removes it and what is in it, but for the file of the name `keep` (NULL: none). Best effort: for an orderly
 * end. */
void runtime_directory_remove(const char *path, const char *keep);
