/* A child that was killed and that nobody wants to hear of: it may still be waiting for a disk, and the event
 * loop must not wait with it. */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

/* Takes the child's exit status away, now or when it has ended. Where the loop or the machine has no room for
 * that it stays a zombie. */
void reap_later(sd_event *event, pid_t pid);
