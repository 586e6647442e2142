/* Descriptors that outlive the bridge: ends of FIFOs, listening sockets.
 *
 * systemd keeps them in the file descriptor store of the bridge's service over a crash, a restart and its own
 * reloads. Every descriptor in that store makes each daemon-reload slower (4,000 of them cost 6.7 s), so only
 * one is put there: a socketpair whose queue holds all the others, with their names, as SCM_RIGHTS messages.
 * The next bridge reads the queue without emptying it; dying at any instruction loses nothing.
 *
 * The service needs (bridge/daemonize.c; a static unit file the same): Type=notify, NotifyAccess=main,
 * FileDescriptorStoreMax=FD_STORE_SERVICE_MAX, and StartLimitIntervalSec=0, since a start limit that is hit
 * drops the store. Without systemd (supervisord -n in a shell) nothing can be kept: all of this works, and
 * nothing is there at the next start. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The queue, the one that takes its place while it is written anew, and room for what units of users add. */
#define FD_STORE_SERVICE_MAX 64

/* Of a name; any characters. */
#define FD_STORE_NAME_MAX 4096

typedef struct FdStore FdStore;

/* Whether a descriptor of another bridge's process is what holds all that it has kept. */
bool fd_store_is_queue(int fd);
/* Before that bridge is killed: from the return on, its queue survives the death of this process, too. 0 or
 * negative errno. */
int fd_store_secure(int queue);

/* Takes over what an earlier bridge left (`inherited`: the queue of another service's, which was secured; it
 * is taken; -1: none); what else is in LISTEN_FDS is left alone. There always is a store afterwards;
 * `ret_problem` is 0, or the negative errno that keeps it from reading what was there (-EMFILE) or from
 * keeping anything. */
FdStore *fd_store_open(int inherited, int *ret_problem);
/* The descriptors stay with systemd, for the next bridge. */
void fd_store_free(FdStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FdStore, fd_store_free)

/* Whether there is a systemd that keeps anything. */
bool fd_store_is_kept(const FdStore *store);

/* From the return on the descriptor survives; the caller keeps its own. One that was there under the same
 * name is dropped. 0 or negative errno. */
int fd_store_put(FdStore *store, const char *name, int fd);

/* The same, as if an earlier bridge had put it: for fd_store_take(). Takes `fd`, also on failure. */
int fd_store_leave(FdStore *store, const char *name, int fd);

/* What an earlier bridge has put: the descriptor is the caller's and stays in the store. -ENOENT when there
 * is none, or when it was taken already. */
int fd_store_take(FdStore *store, const char *name);

/* Whether the next bridge would find it. */
bool fd_store_has(const FdStore *store, const char *name);

/* Forgets it. Nothing happens when it is not there. 0 or negative errno. */
int fd_store_drop(FdStore *store, const char *name);

/* Forgets what an earlier bridge has left and nobody has taken: programs that are no more. */
void fd_store_drop_untaken(FdStore *store);

/* A clean end: nothing is to be found by the next bridge. Only fd_store_free() may follow. */
void fd_store_clear(FdStore *store);
