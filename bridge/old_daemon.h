/* A running supervisord of the old kind, seen from outside: stopped, its descriptors duplicated, ended.
 *
 * Everything works through /proc and pidfds, so the daemon has no part in it and does not notice: it is meant
 * for taking its place. All of it blocks, for moments: before the event loop only. Needs root, or to be the
 * daemon's user and allowed to trace it. */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct OldDaemon OldDaemon;

/* 0; -ESRCH when no such process runs (any more); or another negative errno. */
int old_daemon_open(pid_t pid, uint64_t start, OldDaemon **ret);
/* Nothing happens to the process. */
void old_daemon_free(OldDaemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OldDaemon, old_daemon_free)

/* Stops it where it is and waits until it stands still. 0, -ESRCH, -ETIMEDOUT, or another negative errno. */
int old_daemon_freeze(OldDaemon *daemon);
/* Lets it go on. */
int old_daemon_thaw(OldDaemon *daemon);
/* Kills it without a chance to take anybody along, and waits until it has gone. 0 or negative errno. */
int old_daemon_kill(OldDaemon *daemon);

enum { OLD_DAEMON_STREAMS = 3 };

/* Duplicates of the daemon's ends of what a child has as descriptors 0, 1 and 2: pipes, or the socket of a
 * listener. -1 where it has none (the child has put a file in the place, or 2 is the same pipe as 1). A child
 * that has given its own away may still have children that write there: `tree` (of pid_t, the child among
 * them) is searched. The caller owns the descriptors. Returns 0 or negative errno. */
int old_daemon_take_pipes(OldDaemon *daemon, const GArray *tree, int ret_fds[OLD_DAEMON_STREAMS]);

/* Duplicates of every socket on which it listens: an array of int, owned by the caller, who closes them. 0 or
 * negative errno. */
int old_daemon_take_listening(OldDaemon *daemon, GArray **ret_fds);
