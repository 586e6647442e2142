#include "bridge/watch_list.h"

#include <glib.h>

typedef struct Watch {
    unsigned identifier; /* 0: removed while the list was being walked */
    WatchFunction changed;
    WatchFunction gone;
    void *userdata;
} Watch;

struct WatchList {
    void *subject;
    GArray *watches; /* of Watch, in order of arrival */
    unsigned last;
    unsigned depth; /* of notifications under way */
    bool freed;
};

WatchList *watch_list_new(void *subject)
{
    WatchList *list = g_new0(WatchList, 1);
    list->subject = subject;
    list->watches = g_array_new(FALSE, FALSE, sizeof(Watch));
    return list;
}

static void destroy(WatchList *list)
{
    g_array_unref(list->watches);
    g_free(list);
}

void watch_list_free(WatchList *list)
{
    if (!list)
        return;
    list->freed = true;
    list->depth++;
    for (unsigned i = 0; i < list->watches->len; i++) {
        Watch watch = g_array_index(list->watches, Watch, i);
        g_array_index(list->watches, Watch, i).identifier = 0;
        if (watch.identifier != 0 && watch.gone)
            watch.gone(list->subject, watch.userdata);
    }
    if (--list->depth == 0)
        destroy(list);
}

unsigned watch_list_add(WatchList *list, WatchFunction changed, WatchFunction gone, void *userdata)
{
    Watch watch = {.identifier = ++list->last, .changed = changed, .gone = gone, .userdata = userdata};
    g_array_append_val(list->watches, watch);
    return watch.identifier;
}

void watch_list_remove(WatchList *list, unsigned identifier)
{
    for (unsigned i = 0; i < list->watches->len; i++) {
        Watch *watch = &g_array_index(list->watches, Watch, i);
        if (watch->identifier != identifier)
            continue;
        if (list->depth > 0)
            watch->identifier = 0;
        else
            g_array_remove_index(list->watches, i);
        return;
    }
}

static void sweep(WatchList *list)
{
    for (unsigned i = list->watches->len; i > 0; i--) {
        if (g_array_index(list->watches, Watch, i - 1).identifier == 0)
            g_array_remove_index(list->watches, i - 1);
    }
}

bool watch_list_notify(WatchList *list)
{
    unsigned present = list->watches->len;

    list->depth++;
    for (unsigned i = 0; i < present && !list->freed; i++) {
        Watch watch = g_array_index(list->watches, Watch, i);
        if (watch.identifier != 0)
            watch.changed(list->subject, watch.userdata);
    }
    bool alive = !list->freed;
    if (--list->depth == 0) {
        if (alive)
            sweep(list);
        else
            destroy(list);
    }
    return alive;
}
