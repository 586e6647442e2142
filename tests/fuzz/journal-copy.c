/* What becomes of output on its way to the journal: cut into lines, sent, taken apart again by a journald of
 * ours. The first byte says how large the pieces are, and after how many of them the writer ends (which
 * finishes its line). Nothing may be missing or doubled. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/journal_copy.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake-journald.h"

enum { MEMORY = 1 << 20, RUNS = 10000, SIZE_MAXIMUM = 4096 };

static FakeJournald *journald;
static Journal *journal;
static sd_event *event;

static void on_writable(void *userdata)
{
}

static void start(void)
{
    g_autofree char *directory = g_dir_make_tmp("fuzz-journal-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "socket", NULL);

    journald = fake_journald_new(path);
    if (sd_event_new(&event) < 0 || journal_new(event, path, on_writable, NULL, &journal) < 0)
        abort();
    /* The first entry connects it. */
    GByteArray *entry = g_byte_array_new();
    journal_append_field(entry, "MESSAGE", "x", 1);
    const struct iovec part = {entry->data, entry->len};
    if (journal_send(journal, 0, &part, 1) < 0)
        abort();
    g_byte_array_unref(entry);
    (void)unlink(path);
    (void)rmdir(directory);
}

static void run(JournalCopy *copy)
{
    uint64_t later;

    for (unsigned i = 0; i < RUNS; i++) {
        JournalCopyResult result = journal_copy_run(copy, journal, NULL, 1000000, &later);
        (void)fake_journald_receive(journald);
        if (result == JOURNAL_COPY_DONE)
            return;
        while (sd_event_run(event, 0) > 0)
            ;
    }
    abort();
}

/* Pushes everything; returns what `journalctl -o cat` must show. */
static GByteArray *push(JournalCopy *copy, const uint8_t *data, size_t size, size_t piece, unsigned life)
{
    GByteArray *expected = g_byte_array_new();
    unsigned pieces = 0;

    for (size_t at = 0; at < size; at += piece) {
        size_t count = MIN(piece, size - at);
        backlog_push_bytes(journal_copy_backlog(copy), data + at, count, BACKLOG_WRITER_NOBODY, 1);
        g_byte_array_append(expected, data + at, (guint)count);
        if (++pieces % life != 0 && at + count < size)
            continue;
        journal_copy_end_line(copy);
        if (expected->data[expected->len - 1] != '\n')
            g_byte_array_append(expected, (const guint8 *)"\n", 1);
    }
    return expected;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const JournalCopyConfig config = {.process = "p",
                                             .group = "g",
                                             .unit = "supervisor:g:p.service",
                                             .journal = true,
                                             .memory_limit = MEMORY};

    /* A byte may become an entry: thousands of them would take seconds. */
    if (size < 2 || size > SIZE_MAXIMUM)
        return 0;
    if (!journal)
        start();
    (void)fake_journald_receive(journald);
    fake_journald_forget(journald);
    JournalCopy *copy = journal_copy_new(&config);
    g_autoptr(GByteArray) expected =
        push(copy, data + 1, size - 1, 1 + (data[0] & 15) * size / 64, 1 + (data[0] >> 4));
    run(copy);
    g_autoptr(GByteArray) shown = fake_journald_cat(journald);
    if (shown->len != expected->len || memcmp(shown->data, expected->data, shown->len) != 0)
        abort();
    journal_copy_free(copy);
    return 0;
}
