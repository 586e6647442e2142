/* What a Follower is to a log file, this is to a JournalLog: from near its end and on as it grows. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "bridge/journal_log.h"

typedef struct JournalFollower JournalFollower;

/* There may be something to read again. Called from the event loop; the follower may be freed within. */
typedef void (*JournalFollowerWake)(JournalFollower *follower, void *userdata);

/* Begins `head` bytes before the end. `log` is referenced; NULL: there is nothing yet. Returns 0 or negative
 * errno. */
int journal_follower_open(sd_event *event, JournalLog *log, size_t head, JournalFollowerWake wake,
                          void *userdata, JournalFollower **ret);
void journal_follower_free(JournalFollower *follower);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JournalFollower, journal_follower_free)

/* Up to `size` (at least JOURNAL_FOLLOWER_LEAST) new bytes; a line in their place when too many came at once,
 * or when the log was cleared. 0: nothing now; `wake` is called when there may be. */
enum { JOURNAL_FOLLOWER_LEAST = 128 };
ssize_t journal_follower_read(JournalFollower *follower, char *buffer, size_t size);

/* Instead of reading: calls `wake` in `usec` microseconds. */
void journal_follower_pause(JournalFollower *follower, uint64_t usec);
