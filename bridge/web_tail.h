/* tail.html: the end of a process's log. */
#pragma once

#include "bridge/manager.h"

typedef struct WebTail WebTail;

/* As in the query; NULL: not there. `stream` "stderr" is an addition to the oracle's. */
typedef struct WebTailWish {
    const char *name;
    const char *limit;
    const char *stream;
} WebTailWish;

typedef void (*WebTailDone)(const GString *page, void *userdata);

/* Makes the page. What is in the journal takes a moment to read; otherwise `done` is called before this
 * returns, and then NULL is returned. */
WebTail *web_tail_read(Manager *manager, const WebTailWish *wish, WebTailDone done, void *userdata);
/* Nobody wants it any more. NULL is fine. */
void web_tail_cancel(WebTail *tail);
