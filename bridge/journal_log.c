#include "bridge/journal_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "bridge/journal.h"
#include "bridge/watch_list.h"
#include "common/cleanup.h"

/* What is kept in memory at least, and while somebody follows; twice as much before it is cut again. */
#define RECENT_BYTES   ((size_t)64 * 1024)
#define FOLLOWED_BYTES ((size_t)1024 * 1024)

/* No log gets there; offsets beyond could not be told to clients. */
#define SIZE_MAXIMUM ((uint64_t)INT64_MAX / 2)

/* The file's contents. */
typedef struct Position {
    sd_id128_t id;
    uint64_t size;
} Position;

struct JournalLog {
    unsigned references;
    Position *position; /* mapped */
    char id[SD_ID128_STRING_MAX];
    GByteArray *recent; /* its end is the end of the log */
    uint64_t passed;    /* the journal's copy is here */
    uint64_t stale;     /* bytes that it still has to pass and that were cleared */
    WatchList *watches;
    unsigned watch_count;
};

static int map_position(const char *path, Position **ret)
{
    CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    Position *position;

    if (fd < 0)
        return -errno;
    /* Writing to a mapped page that there is no room for would be a SIGBUS. */
    int r = posix_fallocate(fd, 0, sizeof(Position));
    if (r > 0)
        return -r;
    position = mmap(NULL, sizeof(Position), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (position == MAP_FAILED)
        return -errno;
    *ret = position;
    return 0;
}

static int give_number(JournalLog *log)
{
    sd_id128_t id;
    int r = sd_id128_randomize(&id);

    if (r < 0)
        return r;
    log->position->id = id;
    log->position->size = 0;
    return 0;
}

int journal_log_open(const char *path, JournalLog **ret)
{
    Position *position = NULL;
    int r = map_position(path, &position);

    if (r < 0)
        return r;
    g_autoptr(JournalLog) log = g_new0(JournalLog, 1);
    log->references = 1;
    log->position = position;
    log->recent = g_byte_array_new();
    log->watches = watch_list_new(log);
    if (sd_id128_is_null(position->id) || position->size > SIZE_MAXIMUM)
        r = give_number(log);
    if (r < 0)
        return r;
    sd_id128_to_string(position->id, log->id);
    log->passed = position->size;
    *ret = g_steal_pointer(&log);
    return 0;
}

JournalLog *journal_log_ref(JournalLog *log)
{
    log->references++;
    return log;
}

void journal_log_unref(JournalLog *log)
{
    if (!log || --log->references > 0)
        return;
    watch_list_free(log->watches);
    g_byte_array_unref(log->recent);
    (void)munmap(log->position, sizeof(Position));
    g_free(log);
}

const char *journal_log_id(const JournalLog *log)
{
    return log->id;
}

void journal_log_append(JournalLog *log, const char *data, size_t size)
{
    size_t limit = log->watch_count > 0 ? FOLLOWED_BYTES : RECENT_BYTES;

    if (size == 0)
        return;
    log->position->size += size;
    g_byte_array_append(log->recent, (const guint8 *)data, (guint)size);
    if (log->recent->len > 2 * limit)
        g_byte_array_remove_range(log->recent, 0, log->recent->len - (guint)limit);
    (void)watch_list_notify(log->watches);
}

void journal_log_clear(JournalLog *log)
{
    log->stale += log->position->size - log->passed;
    /* Without a random number (no entropy is no case on a running system) the old one goes on. */
    if (give_number(log) < 0)
        log->position->size = 0;
    sd_id128_to_string(log->position->id, log->id);
    log->passed = 0;
    g_byte_array_set_size(log->recent, 0);
    (void)watch_list_notify(log->watches);
}

void journal_log_pass(JournalLog *log, uint64_t size)
{
    uint64_t stale = MIN(log->stale, size);

    log->stale -= stale;
    log->passed += size - stale;
}

static void append_formatted(GByteArray *entry, const char *name, const char *value)
{
    journal_append_field(entry, name, value, strlen(value));
}

void journal_log_fields(const JournalLog *log, uint64_t size, GByteArray *entry)
{
    char begin[32], end[32], block[SD_ID128_STRING_MAX + 32];

    if (log->stale > 0)
        return;
    g_snprintf(begin, sizeof(begin), "%" PRIu64, log->passed);
    g_snprintf(end, sizeof(end), "%" PRIu64, log->passed + size);
    g_snprintf(block, sizeof(block), "%s:%" PRIx64, log->id, log->passed >> JOURNAL_LOG_BLOCK_BITS);
    append_formatted(entry, "SUPERVISOR_LOG", log->id);
    append_formatted(entry, "SUPERVISOR_OFFSET", begin);
    append_formatted(entry, "SUPERVISOR_END", end);
    append_formatted(entry, "SUPERVISOR_BLOCK", block);
}

uint64_t journal_log_size(const JournalLog *log)
{
    return log->position->size;
}

uint64_t journal_log_recent(const JournalLog *log)
{
    return log->position->size - log->recent->len;
}

size_t journal_log_read(const JournalLog *log, uint64_t offset, void *buffer, size_t size)
{
    uint64_t begin = journal_log_recent(log);

    if (offset < begin || offset >= log->position->size)
        return 0;
    size = MIN(size, (size_t)(log->position->size - offset));
    memcpy(buffer, log->recent->data + (offset - begin), size);
    return size;
}

unsigned journal_log_watch(JournalLog *log, JournalLogChanged changed, void *userdata)
{
    log->watch_count++;
    return watch_list_add(log->watches, (WatchFunction)changed, NULL, userdata);
}

void journal_log_unwatch(JournalLog *log, unsigned watch)
{
    log->watch_count--;
    watch_list_remove(log->watches, watch);
}
