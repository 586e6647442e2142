/* Moves bytes from one pipe to another, in the kernel: between the pipes of an adopted program, which an old
 * supervisord has made, and the FIFOs that everything else here works with. A death of the bridge in between
 * loses nothing: what has left the one pipe is in the other. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

typedef struct Relay Relay;

/* Takes both descriptors, which must be pipes or FIFOs and are made non-blocking. At the end of `from`, or
 * when nobody reads `to`, it falls silent. 0 or negative errno; the descriptors are taken in any case. */
int relay_new(sd_event *event, int from, int to, Relay **ret);
void relay_free(Relay *relay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Relay, relay_free)

/* Moves what is there now, as far as the other side has room. Returns the number of bytes; 0: nothing more to
 * be had, or no room. */
size_t relay_move(Relay *relay);
