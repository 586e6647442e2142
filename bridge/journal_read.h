/* Reads a part of a JournalLog back from the journal. libsystemd's reader waits for the disk, and damaged
 * journal files may crash it: a child process does it, with ten seconds to live, and the loop goes on. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct JournalRead JournalRead;

/* `bytes` is valid during the call; holes are left out. `result`: 0, or negative errno. */
typedef void (*JournalReadDone)(int result, const char *bytes, size_t size, void *userdata);

/* Bytes [begin, end) of the log `id` (journal_log_id()). `done` is called once, later, from the event loop.
 * A few are read at a time, the others wait. Returns 0 or negative errno. */
int journal_read_new(sd_event *event, const char *id, uint64_t begin, uint64_t end, JournalReadDone done,
                     void *userdata, JournalRead **ret);
/* Nobody is interested any more: `done` is not called. NULL is fine. */
void journal_read_cancel(JournalRead *read);
