/* Who wants to know when an instance changes. Watchers may come and go while they are being called. */
#pragma once

#include <stdbool.h>

typedef struct WatchList WatchList;
typedef void (*WatchFunction)(void *subject, void *userdata);

WatchList *watch_list_new(void *subject);
/* Tells everybody `gone`, then frees. From inside a call it frees when that call is over. */
void watch_list_free(WatchList *list);

unsigned watch_list_add(WatchList *list, WatchFunction changed, WatchFunction gone, void *userdata);
void watch_list_remove(WatchList *list, unsigned identifier);
/* Calls `changed` of everybody who was there when this began and still is. Returns false when the list was
 * freed meanwhile. */
bool watch_list_notify(WatchList *list);
