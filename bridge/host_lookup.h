/* The address of a host. A name may have to be asked for in the network, and a resolver takes its time: a
 * short-lived child asks, and the daemon does not wait for it longer than a second. */
#pragma once

#include <netinet/in.h>

/* Returns 0, or as getaddrinfo(3) does: EAI_AGAIN when there is no answer in time, EAI_SYSTEM with errno. */
int host_lookup(const char *host, struct in_addr *ret);
