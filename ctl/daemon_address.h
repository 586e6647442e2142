/* Where the daemon of a configuration listens. */
#pragma once

#include "translator/config.h"

typedef struct DaemonAddress {
    char *url;
    char *username; /* NULL: none */
    char *password;
} DaemonAddress;

/* Where the client would look; without a section for it, where the daemon listens. `client` may be NULL. */
DaemonAddress daemon_address_find(const Config *daemon, const Config *client);
void daemon_address_clear(DaemonAddress *address);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DaemonAddress, daemon_address_clear)
