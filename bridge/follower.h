/* Reads a log file from near its end and goes on as it grows, is truncated, or is replaced by another of its
 * name. inotify says when to look; a timer that runs only while somebody waits covers what inotify cannot
 * see. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <time.h>

typedef struct Follower Follower;

/* There may be something to read again. Called from the event loop; the follower may be freed within. */
typedef void (*FollowerWake)(Follower *follower, void *userdata);

/* Begins `head` bytes before the end. What is no regular file (/dev/null is a popular log file) counts as
 * empty. Returns 0 or negative errno. */
int follower_open(sd_event *event, const char *path, size_t head, FollowerWake wake, void *userdata,
                  Follower **ret);
void follower_free(Follower *follower);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Follower, follower_free)

/* Of the file, when it was opened. */
time_t follower_modified(const Follower *follower);

/* Up to `size` (at least FOLLOWER_LEAST) new bytes, or the oracle's line about a truncation. 0: there is
 * nothing new; `wake` is called when there may be. Until then, and as long as nobody reads, nothing is
 * watched. Returns the count or negative errno. */
enum { FOLLOWER_LEAST = 64 };
ssize_t follower_read(Follower *follower, char *buffer, size_t size);

/* Instead of reading: calls `wake` in `usec` microseconds, some milliseconds late at most. */
void follower_pause(Follower *follower, uint64_t usec);
