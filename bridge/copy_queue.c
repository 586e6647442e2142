#include "bridge/copy_queue.h"

#include <time.h>

/* Passes over all copies when the queue is freed: enough for what a healthy journald takes at once. */
#define FAREWELL_ROUNDS 64

/* A copy's place. It is in at most one of the lists. */
typedef struct Place {
    JournalCopy *copy;
    GQueue *list; /* NULL: nothing to do */
    GList link;
    uint64_t later;
    bool released;
} Place;

struct CopyQueue {
    sd_event *event;
    Journal *journal;
    SyslogSender *syslog;
    char *syslog_path;
    sd_event_source *turn;  /* while somebody is ready */
    sd_event_source *timer; /* for those who sleep */
    GHashTable *places;     /* JournalCopy → Place */
    GQueue ready;
    GQueue blocked;
    GQueue sleeping;
};

static uint64_t monotonic_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void place_free(Place *place)
{
    journal_copy_free(place->copy);
    g_free(place);
}

static void place_leave(Place *place)
{
    if (place->list)
        g_queue_unlink(place->list, &place->link);
    place->list = NULL;
}

static void place_enter(Place *place, GQueue *list)
{
    place_leave(place);
    place->list = list;
    g_queue_push_tail_link(list, &place->link);
}

static void queue_take_turns(CopyQueue *queue)
{
    (void)sd_event_source_set_enabled(queue->turn, queue->ready.length > 0 ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void queue_set_timer(CopyQueue *queue)
{
    uint64_t first = UINT64_MAX;

    for (GList *link = queue->sleeping.head; link; link = link->next)
        first = MIN(first, ((Place *)link->data)->later);
    if (first == UINT64_MAX) {
        (void)sd_event_source_set_enabled(queue->timer, SD_EVENT_OFF);
        return;
    }
    (void)sd_event_source_set_time(queue->timer, first);
    (void)sd_event_source_set_enabled(queue->timer, SD_EVENT_ONESHOT);
}

static void queue_done(CopyQueue *queue, Place *place)
{
    place_leave(place);
    if (place->released)
        g_hash_table_remove(queue->places, place->copy);
}

static JournalCopyResult queue_run(CopyQueue *queue, Place *place)
{
    uint64_t later = 0;
    JournalCopyResult result =
        journal_copy_run(place->copy, queue->journal, queue->syslog, monotonic_now(), &later);

    switch (result) {
    case JOURNAL_COPY_DONE:
        queue_done(queue, place);
        break;
    case JOURNAL_COPY_MORE:
        place_enter(place, &queue->ready);
        break;
    case JOURNAL_COPY_BLOCKED:
        place_enter(place, &queue->blocked);
        break;
    case JOURNAL_COPY_LATER:
        place->later = later;
        place_enter(place, &queue->sleeping);
        break;
    }
    return result;
}

static int on_turn(sd_event_source *source, void *userdata)
{
    CopyQueue *queue = userdata;
    Place *place = g_queue_peek_head(&queue->ready);

    if (place && queue_run(queue, place) == JOURNAL_COPY_LATER)
        queue_set_timer(queue);
    queue_take_turns(queue);
    return 0;
}

static void queue_wake(CopyQueue *queue, GQueue *list, uint64_t until)
{
    GList *next;

    for (GList *link = list->head; link; link = next) {
        Place *place = link->data;

        next = link->next;
        if (place->later <= until)
            place_enter(place, &queue->ready);
    }
    queue_take_turns(queue);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    CopyQueue *queue = userdata;

    queue_wake(queue, &queue->sleeping, monotonic_now());
    queue_set_timer(queue);
    return 0;
}

static void on_journal_writable(void *userdata)
{
    CopyQueue *queue = userdata;

    queue_wake(queue, &queue->blocked, UINT64_MAX);
}

/* A defer source is ready in every round while it is on; at idle priority it has its turn when nothing else
 * is to be done. */
static int queue_add_sources(CopyQueue *queue)
{
    int r = sd_event_add_defer(queue->event, &queue->turn, on_turn, queue);

    if (r >= 0)
        r = sd_event_source_set_priority(queue->turn, SD_EVENT_PRIORITY_IDLE);
    if (r >= 0)
        r = sd_event_source_set_enabled(queue->turn, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_add_time(queue->event, &queue->timer, CLOCK_MONOTONIC, 0, 10000, on_timer, queue);
    if (r >= 0)
        r = sd_event_source_set_enabled(queue->timer, SD_EVENT_OFF);
    return r;
}

int copy_queue_new(sd_event *event, const char *journal_path, const char *syslog_path, CopyQueue **ret)
{
    g_autoptr(CopyQueue) queue = g_new0(CopyQueue, 1);
    int r;

    queue->event = sd_event_ref(event);
    queue->syslog_path = g_strdup(syslog_path);
    queue->syslog = syslog_sender_new(queue->syslog_path);
    queue->places = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)place_free);
    r = journal_new(event, journal_path, on_journal_writable, queue, &queue->journal);
    if (r < 0)
        return r;
    r = queue_add_sources(queue);
    if (r < 0)
        return r;
    *ret = g_steal_pointer(&queue);
    return 0;
}

static void queue_say_farewell(CopyQueue *queue)
{
    queue_wake(queue, &queue->sleeping, UINT64_MAX);
    for (unsigned round = 0; round < FAREWELL_ROUNDS; round++) {
        guint count = queue->ready.length;

        if (count == 0)
            return;
        while (count-- > 0)
            (void)queue_run(queue, g_queue_peek_head(&queue->ready));
    }
}

void copy_queue_free(CopyQueue *queue)
{
    if (!queue)
        return;
    if (queue->turn)
        queue_say_farewell(queue);
    sd_event_source_disable_unref(queue->turn);
    sd_event_source_disable_unref(queue->timer);
    g_hash_table_unref(queue->places);
    journal_free(queue->journal);
    syslog_sender_free(queue->syslog);
    g_free(queue->syslog_path);
    sd_event_unref(queue->event);
    g_free(queue);
}

void copy_queue_add(CopyQueue *queue, JournalCopy *copy)
{
    Place *place = g_new0(Place, 1);

    place->copy = copy;
    place->link.data = place;
    g_hash_table_insert(queue->places, copy, place);
}

void copy_queue_schedule(CopyQueue *queue, JournalCopy *copy)
{
    Place *place = g_hash_table_lookup(queue->places, copy);

    /* Those who sleep may have been waiting for just this; those who are blocked know when to go on. */
    if (place->list == &queue->ready || place->list == &queue->blocked)
        return;
    place_enter(place, &queue->ready);
    queue_take_turns(queue);
}

void copy_queue_release(CopyQueue *queue, JournalCopy *copy)
{
    Place *place = g_hash_table_lookup(queue->places, copy);

    place->released = true;
    if (!place->list)
        queue_done(queue, place);
}
