#include "bridge/backlog.h"

#include <string.h>

/* Old files that are kept open for being read. Beyond that, as when a small maxbytes rotates a thousand times
 * in a moment, the oldest ranges are read into memory. */
#define SEGMENTS_MAX 4
#define ITEMS_MAX    512
/* An item in memory takes more bytes until then, instead of a new one beside it. */
#define CHUNK_BYTES ((size_t)64 * 1024)

/* A range of `segment`, or bytes [begin, end) of `bytes`, or a gap of `gap` bytes. */
typedef struct Item {
    LogSegment *segment;
    GByteArray *bytes;
    off_t begin;
    off_t end;
    LogPlace origin; /* of byte 0 in the log; of a gap: its end */
    uint64_t gap;
    uint64_t since;
    pid_t writer;
    bool ends_line;
} Item;

struct Backlog {
    GQueue items;
    size_t memory;
    size_t memory_limit;
};

static void item_free(Item *item)
{
    log_segment_unref(item->segment);
    if (item->bytes)
        g_byte_array_unref(item->bytes);
    g_free(item);
}

Backlog *backlog_new(size_t memory_limit)
{
    Backlog *backlog = g_new0(Backlog, 1);

    g_queue_init(&backlog->items);
    backlog->memory_limit = memory_limit;
    return backlog;
}

void backlog_free(Backlog *backlog)
{
    if (!backlog)
        return;
    g_queue_clear_full(&backlog->items, (GDestroyNotify)item_free);
    g_free(backlog);
}

static Item *backlog_add(Backlog *backlog, pid_t writer, uint64_t now)
{
    Item *item = g_new0(Item, 1);

    item->writer = writer;
    item->since = now;
    g_queue_push_tail(&backlog->items, item);
    return item;
}

static Item *backlog_last(Backlog *backlog, pid_t writer)
{
    Item *last = g_queue_peek_tail(&backlog->items);

    return last && !last->ends_line && last->writer == writer ? last : NULL;
}

static void backlog_push_gap(Backlog *backlog, uint64_t size, const LogPlace *end, pid_t writer, uint64_t now)
{
    Item *last = g_queue_peek_tail(&backlog->items);

    if (!last || last->gap == 0) {
        /* The line that was going on has lost its end. */
        if (last)
            last->ends_line = true;
        last = backlog_add(backlog, writer, now);
    }
    last->gap += size;
    if (end)
        last->origin = *end;
}

/* Takes a range into memory, so that its file can be closed. What cannot be had or kept becomes a gap in its
 * place. */
static void backlog_load(Backlog *backlog, Item *item)
{
    size_t size = (size_t)(item->end - item->begin);
    ssize_t count = 0;

    if (backlog->memory + size <= backlog->memory_limit) {
        item->bytes = g_byte_array_sized_new((guint)size);
        g_byte_array_set_size(item->bytes, (guint)size);
        count = log_segment_read(item->segment, item->bytes->data, size, item->begin);
    }
    log_segment_unref(g_steal_pointer(&item->segment));
    item->origin.offset = (uint64_t)(count > 0 ? item->begin : item->end);
    if (count > 0) {
        item->begin = 0;
        item->end = count;
        backlog->memory += (size_t)count;
    } else {
        g_clear_pointer(&item->bytes, g_byte_array_unref);
        item->begin = item->end = 0;
        item->gap = size;
    }
}

/* How many files the items hold open; one that comes again counts again. */
static unsigned backlog_count_segments(const Backlog *backlog)
{
    const LogSegment *before = NULL;
    unsigned count = 0;

    for (GList *link = backlog->items.head; link; link = link->next) {
        const Item *item = link->data;

        if (item->segment && item->segment != before) {
            before = item->segment;
            count++;
        }
    }
    return count;
}

static void backlog_load_oldest_segment(Backlog *backlog)
{
    LogSegment *oldest = NULL;

    for (GList *link = backlog->items.head; link; link = link->next) {
        Item *item = link->data;

        if (!item->segment)
            continue;
        if (!oldest)
            oldest = item->segment;
        if (item->segment != oldest)
            break;
        /* The pointer is only compared from here on; the file may be closed with its last item. */
        backlog_load(backlog, item);
    }
}

void backlog_push_extent(Backlog *backlog, const LogExtent *extent, pid_t writer, uint64_t now)
{
    Item *last = backlog_last(backlog, writer);
    Item *tail = g_queue_peek_tail(&backlog->items);

    if (last && last->segment == extent->segment && last->end == extent->begin) {
        last->end = extent->end;
        return;
    }
    if (backlog->items.length >= ITEMS_MAX) {
        const LogPlace end = log_segment_place(extent->segment, extent->end);

        backlog_push_gap(backlog, (uint64_t)(extent->end - extent->begin), &end, writer, now);
        return;
    }
    last = backlog_add(backlog, writer, now);
    last->segment = log_segment_ref(extent->segment);
    last->origin = log_segment_place(extent->segment, 0);
    last->begin = extent->begin;
    last->end = extent->end;
    if (tail && tail->segment != extent->segment && backlog_count_segments(backlog) > SEGMENTS_MAX)
        backlog_load_oldest_segment(backlog);
}

void backlog_push_bytes(Backlog *backlog, const void *data, size_t size, pid_t writer, uint64_t now)
{
    Item *last = backlog_last(backlog, writer);

    if (size == 0)
        return;
    if (backlog->memory + size > backlog->memory_limit || backlog->items.length >= ITEMS_MAX) {
        backlog_push_gap(backlog, size, NULL, writer, now);
        return;
    }
    if (!last || !last->bytes || last->bytes->len + size > CHUNK_BYTES) {
        last = backlog_add(backlog, writer, now);
        last->bytes = g_byte_array_new();
    }
    g_byte_array_append(last->bytes, data, (guint)size);
    last->end += (off_t)size;
    backlog->memory += size;
}

void backlog_claim(Backlog *backlog, pid_t writer)
{
    for (GList *link = backlog->items.head; link; link = link->next) {
        Item *item = link->data;

        if (item->writer == BACKLOG_WRITER_UNKNOWN)
            item->writer = writer;
    }
}

bool backlog_end_line(Backlog *backlog)
{
    Item *last = g_queue_peek_tail(&backlog->items);

    if (last)
        last->ends_line = true;
    return last != NULL;
}

bool backlog_is_empty(const Backlog *backlog)
{
    return backlog->items.length == 0;
}

static void backlog_drop_first(Backlog *backlog)
{
    Item *item = g_queue_pop_head(&backlog->items);

    if (item->bytes)
        backlog->memory -= MIN(backlog->memory, (size_t)item->end);
    item_free(item);
}

/* The file was cut from outside before it was read: the rest of the range is missing. */
static void item_becomes_gap(Item *item)
{
    item->gap = (uint64_t)(item->end - item->begin);
    item->origin.offset = (uint64_t)item->end;
    item->begin = item->end = 0;
    log_segment_unref(g_steal_pointer(&item->segment));
}

bool backlog_peek(Backlog *backlog, void *buffer, size_t size, BacklogPiece *ret)
{
    Item *item = g_queue_peek_head(&backlog->items);
    size_t left;

    if (!item)
        return false;
    left = (size_t)(item->end - item->begin);
    size = MIN(size, left);
    if (item->segment) {
        ssize_t count = log_segment_read(item->segment, buffer, size, item->begin);

        size = count > 0 ? (size_t)count : 0;
        if (size == 0)
            item_becomes_gap(item);
    } else if (item->bytes) {
        memcpy(buffer, item->bytes->data + item->begin, size);
    }
    LogPlace place = item->origin;
    place.offset += (uint64_t)item->begin;
    *ret = (BacklogPiece){
        .size = item->gap > 0 ? 0 : size,
        .gap = item->gap,
        .writer = item->writer,
        .since = item->since,
        .place = place,
        .ends_line = item->ends_line && (item->gap > 0 || size == left),
    };
    return true;
}

static char item_last_byte(const Item *item)
{
    char byte = '\0';

    if (item->segment)
        (void)log_segment_read(item->segment, &byte, 1, item->end - 1);
    else if (item->bytes)
        byte = (char)item->bytes->data[item->end - 1];
    return byte;
}

bool backlog_skip(Backlog *backlog, BacklogSkipped *ret)
{
    const Item *item = g_queue_peek_head(&backlog->items);

    if (!item)
        return false;
    *ret = (BacklogSkipped){
        .size = item->gap + (uint64_t)(item->end - item->begin),
        .behind = item->origin,
        .ends_line = item->ends_line || item_last_byte(item) == '\n',
    };
    ret->behind.offset += (uint64_t)item->end;
    backlog_drop_first(backlog);
    return true;
}

void backlog_consume(Backlog *backlog, size_t size)
{
    Item *item = g_queue_peek_head(&backlog->items);

    item->begin += (off_t)size;
    if (item->gap > 0 || item->begin >= item->end)
        backlog_drop_first(backlog);
}
