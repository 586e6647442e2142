/* Whether the journal has an entry: asked after a crash, for the one that was being sent then. A child looks,
 * since a large journal on a slow disk takes its time, and the loop has programs to read. */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct JournalLookup JournalLookup;

JournalLookup *journal_lookup_new(sd_event *event);
void journal_lookup_free(JournalLookup *lookup);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JournalLookup, journal_lookup_free)

/* Whether there is an entry with this field ("SUPERVISOR_ID=…") that was sent at `since` (usec of the real
 * time) or later: 1, 0, or negative errno. -EINPROGRESS: ask the same again a little later; it takes ten
 * seconds at most, unless somebody else has asked before. Each answer is given once. `userdata` is the
 * JournalLookup. */
int journal_lookup_ask(const char *match, uint64_t since, void *userdata);
