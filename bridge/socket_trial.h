/* Makes the socket of a FastCGI group as the oracle would, and lets go of it: what goes wrong is known at
 * once and in the oracle's words, and who owns the file. The socket that stays is systemd's to make. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "translator/config.h"

typedef struct SocketTrial {
    char *address; /* for systemd: a path, or ADDRESS:PORT with the host's name resolved */
    uid_t uid;     /* of a unix socket's file */
    gid_t gid;
    mode_t mode;
    bool shared; /* another socket listens at the address as well: both must say SO_REUSEPORT */
} SocketTrial;

void socket_trial_clear(SocketTrial *trial);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SocketTrial, socket_trial_clear)

/* A host's name that is no number is looked up, for a second at most. Leaves a unix socket's
 * file behind that nobody serves, as the oracle's closed socket does. Returns 0, or negative errno with
 * `ret_message` newly allocated: "[Errno 98] Address already in use".
 * `holder` (0: none) is a process whose standard input is, or was, the socket that an old supervisord made at
 * this address: that one goes on beside ours until its processes have ended. */
int socket_trial_run(const SocketConfig *socket, pid_t holder, SocketTrial *ret, char **ret_message);

/* Gives the file that systemd has made (as root) the owner and the mode of the trial's. Follows no link:
 * whoever may write to the directory gets nothing else. Returns 0 or negative errno. */
int socket_trial_apply(const SocketTrial *trial, const char *path);
