/* Whose files the daemon makes. With user= the oracle's daemon drops its privileges; ours must stay root to
 * talk to systemd. So it takes that user's place for as long as it touches files that are not its own working
 * files: they get the right owner, what the user may not open is refused, and a symbolic link that the user
 * has put there leads to nothing that the user could not reach without us. */
#pragma once

#include <sys/types.h>

/* From now on, for the whole process. Takes over the user's groups at once: root needs none. The user may
 * send us signals then. Returns 0 or negative errno; 0 without doing anything when the process is that user
 * already. */
int identity_take(uid_t uid);

/* What identity_enter() returns and identity_leave() wants. */
typedef struct Identity {
    uid_t uid;
    gid_t gid;
} Identity;

/* Scopes nest. Without identity_take() they do nothing. */
Identity identity_enter(void);
void identity_leave(const Identity *before);

/* Until the end of the block. */
#define IDENTITY_SCOPE                                                                                       \
    __attribute__((cleanup(identity_leave), unused)) const Identity identity_before = identity_enter()
