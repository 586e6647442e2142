/* Shell patterns in the place of names: "web*", "web:*_0?". */
#pragma once

#include <stdbool.h>

/* Whether a word is more than a name. "group:*" is Supervisor's own, and "*" alone stays the name that
 * nothing has: "all" is how one says everything. */
bool pattern_is(const char *word);

/* Without a colon the pattern is held against the name that `status` shows ("web", "web:web_00"), with one
 * its halves against group and process; an empty second half is "*". */
bool pattern_matches(const char *pattern, const char *group, const char *process);
