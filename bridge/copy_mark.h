/* How far the journal has the copy of a log file: kept in a small mapped file, so that a killed bridge leaves
 * it behind and the next one goes on there.
 *
 * A place is marked before an entry is sent and again afterwards. When the bridge dies in between, nobody can
 * tell from here whether the journal has the entry: it must be asked for one that is not older than
 * copy_mark_doubt(). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "bridge/logfile.h"

typedef struct CopyMark CopyMark;

/* Opens the file or makes it. 0 or negative errno. */
int copy_mark_open(const char *path, CopyMark **ret);
void copy_mark_free(CopyMark *mark);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CopyMark, copy_mark_free)

/* False as long as nothing was marked. */
bool copy_mark_is_set(const CopyMark *mark);
/* Everything before is dealt with. */
LogPlace copy_mark_place(const CopyMark *mark);
/* When an entry was about to be sent that may or may not have got through (usec of the real time), and what
 * lies behind it; 0: no doubt. */
uint64_t copy_mark_doubt(const CopyMark *mark, LogPlace *ret_behind);
/* The place is inside a line that was too long for one entry. */
bool copy_mark_was_cut(const CopyMark *mark);

/* Another stream writes to the same file: what stands behind the place is not all ours. Stays so. */
void copy_mark_set_shared(CopyMark *mark);
bool copy_mark_is_shared(const CopyMark *mark);

/* An entry is about to be sent, at the end of which everything before `behind` is dealt with. */
void copy_mark_begin(CopyMark *mark, const LogPlace *behind);
/* It was sent, or will never be. */
void copy_mark_finish(CopyMark *mark, const LogPlace *place, bool was_cut);
