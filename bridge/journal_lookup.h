/* Whether the journal has an entry: asked once after a crash, for the one that was being sent then. */
#pragma once

#include <stdint.h>

/* Whether there is an entry with this field ("SUPERVISOR_ID=…") that was sent at `since` (usec of the real
 * time) or later. 1, 0, or negative errno. Opens the journal, which takes a few milliseconds. */
int journal_lookup(const char *match, uint64_t since);
