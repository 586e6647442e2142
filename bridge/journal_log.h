/* The log of a stream that has no log file: it lives in the journal, and its latest part in memory.
 *
 * Offsets count everything that the program has written since the log began or was cleared, as they would in
 * a file: what did not get into the journal (a flood is limited) is a hole, and nothing moves. Entries name
 * the log (SUPERVISOR_LOG, a random number that a clearing changes), where they begin and end in it
 * (SUPERVISOR_OFFSET, SUPERVISOR_END), and their block of 64 KiB (SUPERVISOR_BLOCK), by which they are found.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct JournalLog JournalLog;

enum { JOURNAL_LOG_BLOCK_BITS = 16 };

/* `path`: a small file that keeps number and size while the bridge is dead; made when it is missing. Returns
 * 0 or negative errno. */
int journal_log_open(const char *path, JournalLog **ret);
JournalLog *journal_log_ref(JournalLog *log);
void journal_log_unref(JournalLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JournalLog, journal_log_unref)

/* Value of SUPERVISOR_LOG. */
const char *journal_log_id(const JournalLog *log);

/* For the pump: output has come; somebody wants to forget what there is. */
void journal_log_append(JournalLog *log, const char *data, size_t size);
void journal_log_clear(JournalLog *log);

/* For the journal's copy, which comes behind: so many bytes of what was appended are dealt with.
 * `journal_log_fields()` adds the fields of an entry that holds the next `size` of them; nothing for what was
 * cleared in between. */
void journal_log_pass(JournalLog *log, uint64_t size);
void journal_log_fields(const JournalLog *log, uint64_t size, GByteArray *entry);

/* For readers. What lies before journal_log_recent() is only in the journal. */
uint64_t journal_log_size(const JournalLog *log);
uint64_t journal_log_recent(const JournalLog *log);
/* Copies what is in memory from `offset`, which is not before journal_log_recent(). Returns how many bytes.
 */
size_t journal_log_read(const JournalLog *log, uint64_t offset, void *buffer, size_t size);

/* `changed` is called when there is more, and when it was cleared, until unwatched. It must not free the
 * stream; it may unwatch. While somebody watches more is kept in memory. Identifiers are > 0. */
typedef void (*JournalLogChanged)(JournalLog *log, void *userdata);
unsigned journal_log_watch(JournalLog *log, JournalLogChanged changed, void *userdata);
void journal_log_unwatch(JournalLog *log, unsigned watch);
