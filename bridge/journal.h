/* Sender of journald's native protocol that never waits: entries under the pid of the program that wrote the
 * line. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <systemd/sd-event.h>

typedef struct Journal Journal;

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* `writable` is called, from the event loop, when journald takes entries again after journal_send() said
 * -EAGAIN. Returns 0 or negative errno; that journald is not there is no failure. */
typedef void (*JournalWritable)(void *userdata);
int journal_new(sd_event *event, const char *path, JournalWritable writable, void *userdata, Journal **ret);
void journal_free(Journal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Journal, journal_free)

/* Sends one entry, its fields serialized in `parts`. Under the pid of another process when that lives and we
 * may (root); else under our own. Returns 0; -EAGAIN when journald is full, hung or away: nothing was sent,
 * `writable` will tell when to try again; or another negative errno: this entry will never be taken. */
int journal_send(Journal *journal, pid_t pid, const struct iovec *parts, size_t count);

/* Serializes one field. Values may hold any bytes. */
void journal_append_field(GByteArray *entry, const char *name, const void *value, size_t size);
