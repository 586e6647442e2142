#include "bridge/journal_follower.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "bridge/journal_read.h"

#define TRUNCATED "==> File truncated <==\n"

enum {
    /* A program that writes all the time is read in turns this far apart. */
    PAUSE_USEC = 20 * 1000,
};

struct JournalFollower {
    JournalLog *log; /* NULL: empty for ever */
    char *id;        /* which one it was; another one: it was cleared */
    JournalFollowerWake wake;
    void *userdata;
    uint64_t offset;
    unsigned watch;
    bool hungry; /* the last read found nothing */
    sd_event *event;
    sd_event_source *timer;
    JournalRead *reading;
    GByteArray *head; /* from the journal, before what is in memory */
    guint head_done;
};

static void rest(JournalFollower *follower)
{
    (void)sd_event_source_set_enabled(follower->timer, SD_EVENT_OFF);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    JournalFollower *follower = userdata;

    rest(follower);
    follower->wake(follower, follower->userdata);
    return 0;
}

void journal_follower_pause(JournalFollower *follower, uint64_t usec)
{
    if (sd_event_source_set_time_relative(follower->timer, usec) >= 0)
        (void)sd_event_source_set_enabled(follower->timer, SD_EVENT_ONESHOT);
}

/* From within the pump: look a moment later, from the loop, and once for many pieces. */
static void on_changed(JournalLog *log, void *userdata)
{
    JournalFollower *follower = userdata;

    if (follower->hungry)
        journal_follower_pause(follower, PAUSE_USEC);
    follower->hungry = false;
}

static void on_head(int result, const char *bytes, size_t size, void *userdata)
{
    JournalFollower *follower = userdata;

    /* What cannot be had back is not shown: what comes next matters more. */
    follower->reading = NULL;
    g_byte_array_append(follower->head, (const guint8 *)bytes, (guint)size);
    follower->wake(follower, follower->userdata);
}

static int begin(JournalFollower *follower, size_t head)
{
    uint64_t size = journal_log_size(follower->log), recent = journal_log_recent(follower->log);
    uint64_t offset = size > head ? size - head : 0;

    g_free(follower->id);
    follower->id = g_strdup(journal_log_id(follower->log));
    follower->offset = MAX(offset, recent);
    if (offset >= recent)
        return 0;
    return journal_read_new(follower->event, follower->id, offset, recent, on_head, follower,
                            &follower->reading);
}

int journal_follower_open(sd_event *event, JournalLog *log, size_t head, JournalFollowerWake wake,
                          void *userdata, JournalFollower **ret)
{
    g_autoptr(JournalFollower) follower = g_new0(JournalFollower, 1);

    follower->event = sd_event_ref(event);
    follower->wake = wake;
    follower->userdata = userdata;
    follower->head = g_byte_array_new();
    int r = sd_event_add_time(event, &follower->timer, CLOCK_MONOTONIC, 0, PAUSE_USEC, on_timer, follower);
    if (r >= 0)
        r = sd_event_source_set_enabled(follower->timer, SD_EVENT_OFF);
    if (r >= 0 && log) {
        follower->log = journal_log_ref(log);
        follower->watch = journal_log_watch(log, on_changed, follower);
        r = begin(follower, head);
    }
    if (r < 0)
        return r;
    *ret = g_steal_pointer(&follower);
    return 0;
}

void journal_follower_free(JournalFollower *follower)
{
    if (!follower)
        return;
    journal_read_cancel(follower->reading);
    if (follower->watch != 0)
        journal_log_unwatch(follower->log, follower->watch);
    journal_log_unref(follower->log);
    sd_event_source_disable_unref(follower->timer);
    sd_event_unref(follower->event);
    g_byte_array_unref(follower->head);
    g_free(follower->id);
    g_free(follower);
}

static size_t read_head(JournalFollower *follower, char *buffer, size_t size)
{
    size = MIN(size, follower->head->len - follower->head_done);
    if (size > 0)
        memcpy(buffer, follower->head->data + follower->head_done, size);
    follower->head_done += (guint)size;
    return size;
}

/* The oracle's line for a file that was cut; ours for what went by too fast. 0: neither. */
static size_t read_note(JournalFollower *follower, char *buffer, size_t size)
{
    uint64_t recent = journal_log_recent(follower->log);

    if (strcmp(follower->id, journal_log_id(follower->log)) != 0) {
        (void)begin(follower, SIZE_MAX);
        return g_strlcpy(buffer, TRUNCATED, size);
    }
    if (follower->offset >= recent)
        return 0;
    int count = g_snprintf(buffer, size, "\n==> %" PRIu64 " bytes skipped <==\n", recent - follower->offset);
    follower->offset = recent;
    return (size_t)count;
}

ssize_t journal_follower_read(JournalFollower *follower, char *buffer, size_t size)
{
    size_t count;

    rest(follower);
    follower->hungry = false;
    if (!follower->log || follower->reading)
        return 0;
    count = read_head(follower, buffer, size);
    if (count == 0)
        count = read_note(follower, buffer, size);
    if (count > 0)
        return (ssize_t)count;
    count = journal_log_read(follower->log, follower->offset, buffer, size);
    follower->offset += count;
    follower->hungry = count == 0;
    return (ssize_t)count;
}
