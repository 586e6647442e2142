/* What a bridge finds of the one before it, each kind from the same bytes: the store, the marks of the
 * journal's copy, the position of a log without a file, the note of an adoption, what a daemonising parent
 * passes on. */
#include <stdlib.h>
#include <string.h>

#include "bridge/adoption_note.h"
#include "bridge/copy_mark.h"
#include "bridge/handoff.h"
#include "bridge/journal_log.h"
#include "bridge/store.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/scratch_file.h"

/* After a line of our own the next bridge must know it, whatever stood before. */
static void try_store(const uint8_t *data, size_t size)
{
    static const StoreRecord ours = {
        .state = PROCESS_BACKOFF, .backoff = 3, .exitstatus = -9, .spawnerr = "a\tb\n"};
    const char *path = scratch_file(0, data, size);
    g_autoptr(Store) store = NULL;
    g_autoptr(Store) next = NULL;

    if (store_open(path, &store) < 0)
        abort();
    const StoreRecord *theirs = store_process(store, "p");
    if (theirs && theirs->state != PROCESS_UNKNOWN &&
        strcmp(process_state_name(theirs->state), "UNKNOWN") == 0)
        abort();
    if (store_put_process(store, "g:q", &ours) < 0 || store_open(path, &next) < 0)
        abort();
    const StoreRecord *found = store_process(next, "g:q");
    if (!store_is_restart(next) || !found || found->state != ours.state || found->backoff != ours.backoff ||
        strcmp(found->spawnerr, ours.spawnerr) != 0)
        abort();
    if ((store_process(next, "p") != NULL) != (store_process(store, "p") != NULL))
        abort();
    if (store_adopted(next, "p").pid != store_adopted(store, "p").pid)
        abort();
}

static void try_mark(const uint8_t *data, size_t size)
{
    static const LogPlace place = {.device = 1, .inode = 2, .born = 3, .offset = 4};
    g_autoptr(CopyMark) mark = NULL;
    LogPlace behind;

    if (copy_mark_open(scratch_file(1, data, size), &mark) < 0)
        abort();
    (void)copy_mark_is_set(mark);
    (void)copy_mark_doubt(mark, &behind);
    copy_mark_begin(mark, &place);
    if (copy_mark_doubt(mark, &behind) == 0 || behind.offset != place.offset)
        abort();
    copy_mark_finish(mark, &place, true);
    if (copy_mark_doubt(mark, &behind) != 0 || copy_mark_place(mark).offset != place.offset ||
        !copy_mark_was_cut(mark))
        abort();
}

static void try_position(const uint8_t *data, size_t size)
{
    g_autoptr(JournalLog) log = NULL;
    char read[8];

    if (journal_log_open(scratch_file(2, data, size), &log) < 0)
        abort();
    journal_log_append(log, "line\n", 5);
    if (journal_log_read(log, journal_log_recent(log), read, sizeof read) != 5 ||
        memcmp(read, "line\n", 5) != 0)
        abort();
    g_autoptr(GByteArray) entry = g_byte_array_new();
    journal_log_fields(log, 5, entry);
    journal_log_pass(log, 5);
    journal_log_clear(log);
    if (journal_log_size(log) != 0)
        abort();
}

static void try_notes(const uint8_t *data, size_t size)
{
    g_auto(AdoptionNote) note = {0};
    g_auto(Handoff) handoff = {0};
    const char *path = scratch_file(3, data, size);

    if (adoption_note_read(path, &note) == 0 &&
        (note.stage < 0 || note.stage >= ADOPTION_STAGES || !note.cgroup || !note.unit))
        abort();
    if (handoff_read(path, &handoff) == 0 &&
        (!handoff.directory || !handoff.arguments || !handoff.arguments[0]))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_store(data, size);
    try_mark(data, size);
    try_position(data, size);
    try_notes(data, size);
    return 0;
}
