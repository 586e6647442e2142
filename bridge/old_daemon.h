/* A running supervisord of the old kind, seen from outside: stopped, its descriptors duplicated, ended.
 *
 * Everything works through /proc and pidfds, so the daemon has no part in it and does not notice: it is meant
 * for taking its place. All of it blocks, for moments: before the event loop only. Needs root, or to be the
 * daemon's user and allowed to trace it. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct OldDaemon OldDaemon;

/* 0; -ESRCH when no such process runs (any more); or another negative errno. */
int old_daemon_open(pid_t pid, uint64_t start, OldDaemon **ret);
/* Nothing happens to the process. */
void old_daemon_free(OldDaemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OldDaemon, old_daemon_free)

/* Stops it in its wait for something to do, where all that it has read is in the log files of its programs,
 * and waits until it stands still. 0, -ESRCH, -EPERM when it may not be looked at, -ETIMEDOUT when it is
 * never seen waiting, or another negative errno. */
int old_daemon_freeze(OldDaemon *daemon);
/* Lets it go on. */
int old_daemon_thaw(OldDaemon *daemon);
/* Kills it without a chance to take anybody along, and waits until it has gone. 0 or negative errno. */
int old_daemon_kill(OldDaemon *daemon);

enum { OLD_DAEMON_STREAMS = 3 };

/* Duplicates of the daemon's ends of a program's standard input, output and error; -1 where the program has
 * given its own away. `tree`: the pids of all its processes, `main_process` among them: one of the others may
 * still have what that has not. `redirected`: its standard error goes the way of its output, as configured.
 * The caller owns the descriptors. Returns 0 or negative errno. */
int old_daemon_take_pipes(OldDaemon *daemon, const GArray *tree, pid_t main_process, bool redirected,
                          int ret_fds[OLD_DAEMON_STREAMS]);

/* Duplicates of those of its sockets that are wanted: an array of int, owned by the caller, who closes them.
 * 0 or negative errno. */
int old_daemon_take_sockets(OldDaemon *daemon, bool (*wanted)(int fd), GArray **ret_fds);
/* For that: it listens. */
bool old_daemon_is_listening(int fd);
