#include "bridge/journal_read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "bridge/journal_child.h"
#include "bridge/journal_entry.h"
#include "bridge/journal_log.h"
#include "bridge/reap.h"
#include "common/cleanup.h"

enum {
    CHILD_SECONDS = 10,
    AT_ONCE = 4,
    /* A line is at most 4 MiB long: one that covers an offset begins at most so many blocks before it. */
    BLOCKS_OF_A_LINE = (4 << 20 >> JOURNAL_LOG_BLOCK_BITS) + 1,
};

/* The last byte that the child writes, so that a part is not taken for the whole. */
#define COMPLETE 'C'

/* The child
 * -------------------------------------------------------------------------------------------------------- */

typedef struct Range {
    sd_journal *journal;
    const char *id;
    uint64_t begin;
    uint64_t end;
    uid_t writer; /* whom to believe: anybody may send entries with these fields */
    uint64_t last_end;
} Range;

static int write_out(const char *data, size_t size)
{
    while (size > 0) {
        ssize_t count = TEMP_FAILURE_RETRY(write(JOURNAL_CHILD_FD, data, size));

        if (count < 0)
            return -errno;
        data += count;
        size -= (size_t)count;
    }
    return 0;
}

/* What of [at, at + size) lies in the range. */
static int write_part(const Range *range, uint64_t at, const char *data, size_t size)
{
    uint64_t begin = MAX(at, range->begin);
    uint64_t end = MIN(at + size, range->end);

    return begin < end ? write_out(data + (begin - at), (size_t)(end - begin)) : 0;
}

static int write_entry(Range *range, uint64_t begin, uint64_t end)
{
    const char *message;
    size_t size;
    int r = journal_entry_field(range->journal, "MESSAGE", &message, &size);

    if (r < 0 || size > end - begin)
        return 0;
    /* The end of a line that was cut has no entry of its own. */
    if (range->last_end + 1 == begin && range->last_end > 0)
        r = write_part(range, range->last_end, "\n", 1);
    range->last_end = end;
    if (r >= 0)
        r = write_part(range, begin, message, size);
    if (r >= 0 && size < end - begin)
        r = write_part(range, begin + size, "\n", 1);
    return r;
}

/* 1: behind the range. */
static int take_entry(Range *range)
{
    uint64_t begin = 0, end = 0;

    if (!journal_entry_is_from(range->journal, range->writer) ||
        journal_entry_number(range->journal, "SUPERVISOR_OFFSET", &begin) < 0 ||
        journal_entry_number(range->journal, "SUPERVISOR_END", &end) < 0 || end < begin ||
        begin < range->last_end)
        return 0;
    if (begin >= range->end)
        return 1;
    return write_entry(range, begin, end);
}

static int match(sd_journal *journal, const char *field)
{
    sd_journal_flush_matches(journal);
    return sd_journal_add_match(journal, field, 0);
}

/* Goes to the first entry of a block that we have written. 1: there is one, and it does not begin behind the
 * offset. */
static int seek_block(const Range *range, uint64_t block)
{
    g_autofree char *field = g_strdup_printf("SUPERVISOR_BLOCK=%s:%" PRIx64, range->id, block);
    uint64_t begin = 0;
    int r = match(range->journal, field);

    if (r >= 0)
        r = sd_journal_seek_head(range->journal);
    while (r >= 0 && (r = sd_journal_next(range->journal)) > 0) {
        if (journal_entry_is_from(range->journal, range->writer) &&
            journal_entry_number(range->journal, "SUPERVISOR_OFFSET", &begin) == 0)
            return begin <= range->begin;
    }
    return r;
}

/* At the last entry that is known not to begin behind the range's begin, or at the oldest. */
static int seek_begin(const Range *range)
{
    g_autofree char *field = g_strdup_printf("SUPERVISOR_LOG=%s", range->id);
    CLEANUP_FREE char *cursor = NULL;
    uint64_t block = range->begin >> JOURNAL_LOG_BLOCK_BITS;
    int r = 0;

    for (unsigned i = 0; i < BLOCKS_OF_A_LINE && i <= block && r == 0; i++)
        r = seek_block(range, block - i);
    if (r > 0)
        r = sd_journal_get_cursor(range->journal, &cursor);
    if (r >= 0)
        r = match(range->journal, field);
    if (r < 0)
        return r;
    return cursor ? sd_journal_seek_cursor(range->journal, cursor) : sd_journal_seek_head(range->journal);
}

static int write_range(Range *range)
{
    int r = sd_journal_set_data_threshold(range->journal, 0);

    if (r >= 0)
        r = seek_begin(range);
    while (r >= 0) {
        r = sd_journal_next(range->journal);
        if (r > 0)
            r = take_entry(range);
        else
            break;
        if (r != 0)
            break;
    }
    return r < 0 ? r : write_out((const char[]){COMPLETE}, 1);
}

static _Noreturn void be_child(const char *id, uint64_t begin, uint64_t end, int fd)
{
    Range range = {.id = id, .begin = begin, .end = end, .writer = geteuid()};
    int r = journal_child_settle(fd, CHILD_SECONDS);

    if (r >= 0)
        r = sd_journal_open(&range.journal, SD_JOURNAL_LOCAL_ONLY);
    if (r >= 0)
        r = write_range(&range);
    _exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* The parent
 * -------------------------------------------------------------------------------------------------------- */

struct JournalRead {
    sd_event *event;
    char *id;
    uint64_t begin;
    uint64_t end;
    JournalReadDone done;
    void *userdata;
    pid_t child; /* 0: waits for its turn */
    int fd;
    sd_event_source *input;
    sd_event_source *turn;
    GByteArray *bytes;
    GList link;
};

static GQueue waiting = G_QUEUE_INIT;
static unsigned running;

static void read_start_next(void);

static void read_free(JournalRead *read)
{
    sd_event_source_disable_unref(read->input);
    sd_event_source_disable_unref(read->turn);
    if (read->child > 0) {
        /* It has closed its end, or is not wanted any more. One that waits for the disk takes a while to go.
         */
        (void)kill(read->child, SIGKILL);
        reap_later(read->event, read->child);
        running--;
    } else {
        g_queue_unlink(&waiting, &read->link);
    }
    if (read->fd >= 0)
        close(read->fd);
    sd_event_unref(read->event);
    g_byte_array_unref(read->bytes);
    g_free(read->id);
    g_free(read);
}

static void read_finish(JournalRead *read, int result)
{
    g_autoptr(GByteArray) bytes = g_byte_array_ref(read->bytes);
    JournalReadDone done = read->done;
    void *userdata = read->userdata;

    if (result == 0 && (bytes->len == 0 || bytes->data[bytes->len - 1] != COMPLETE))
        result = -EIO;
    read_free(read);
    read_start_next();
    done(result, (const char *)bytes->data, result == 0 ? bytes->len - 1 : 0, userdata);
}

static int on_bytes(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    JournalRead *read_ = userdata;
    guint8 buffer[32768];
    ssize_t count = TEMP_FAILURE_RETRY(read(fd, buffer, sizeof(buffer)));

    if (count < 0 && errno == EAGAIN)
        return 0;
    /* One byte more than there may be: somebody plays tricks. */
    if (count > 0 && read_->bytes->len + (uint64_t)count > read_->end - read_->begin + 1)
        read_finish(read_, -EFBIG);
    else if (count > 0)
        g_byte_array_append(read_->bytes, buffer, (guint)count);
    else
        read_finish(read_, count < 0 ? -errno : 0);
    return 0;
}

static int read_start(JournalRead *read)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    read->fd = fds[0];
    (void)fcntl(read->fd, F_SETFL, O_NONBLOCK);
    int r = sd_event_add_io(read->event, &read->input, read->fd, EPOLLIN, on_bytes, read);
    pid_t child = r < 0 ? -1 : fork();
    if (child == 0)
        be_child(read->id, read->begin, read->end, fds[1]);
    if (r >= 0 && child < 0)
        r = -errno;
    close(fds[1]);
    if (r < 0)
        return r;
    read->child = child;
    running++;
    return 0;
}

static int on_turn(sd_event_source *source, void *userdata)
{
    JournalRead *read = userdata;

    read->turn = sd_event_source_disable_unref(read->turn);
    g_queue_unlink(&waiting, &read->link);
    int r = read_start(read);
    if (r < 0) {
        g_queue_push_tail_link(&waiting, &read->link);
        read_finish(read, r);
    }
    read_start_next();
    return 0;
}

static void read_start_next(void)
{
    JournalRead *next = g_queue_peek_head(&waiting);

    if (next && running < AT_ONCE && !next->turn)
        (void)sd_event_add_defer(next->event, &next->turn, on_turn, next);
}

int journal_read_new(sd_event *event, const char *id, uint64_t begin, uint64_t end, JournalReadDone done,
                     void *userdata, JournalRead **ret)
{
    JournalRead *read = g_new0(JournalRead, 1);

    read->event = sd_event_ref(event);
    read->id = g_strdup(id);
    read->begin = begin;
    read->end = end;
    read->done = done;
    read->userdata = userdata;
    read->fd = -1;
    read->bytes = g_byte_array_new();
    read->link.data = read;
    g_queue_push_tail_link(&waiting, &read->link);
    read_start_next();
    *ret = read;
    return 0;
}

void journal_read_cancel(JournalRead *read)
{
    if (!read)
        return;
    read_free(read);
    read_start_next();
}
