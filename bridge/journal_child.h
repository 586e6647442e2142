/* Children that read the journal for us: libsystemd's reader waits for the disk, and damaged journal files
 * may crash it. */
#pragma once

/* Where such a child writes what it has found. */
#define JOURNAL_CHILD_FD 3

/* In the child, first of all: `fd` becomes JOURNAL_CHILD_FD, everything beyond is closed, and it lives
 * `seconds` at most, and no longer than we do. 0 or negative errno. */
int journal_child_settle(int fd, unsigned seconds);
