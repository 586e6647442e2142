/* journald as far as a sender sees it: a datagram socket that takes entries of the native protocol. */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct FakeJournald FakeJournald;

typedef struct FakeEntry {
    pid_t pid;          /* from the credentials */
    GHashTable *fields; /* name → GBytes */
} FakeEntry;

FakeJournald *fake_journald_new(const char *path);
void fake_journald_free(FakeJournald *journald);

/* Takes in what has been sent; a journald on which this is not called hangs. Returns how many entries there
 * are by now. */
guint fake_journald_receive(FakeJournald *journald);
const FakeEntry *fake_journald_entry(const FakeJournald *journald, guint index);
void fake_journald_forget(FakeJournald *journald);

/* The field as a string; fails the test when it is not there. */
const char *fake_entry_string(const FakeEntry *entry, const char *name);
/* Every MESSAGE followed by a newline: what `journalctl -o cat` would print. */
GByteArray *fake_journald_cat(FakeJournald *journald);
