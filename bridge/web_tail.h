/* tail.html: the end of a process's log. */
#pragma once

#include "bridge/manager.h"

/* As in the query; NULL: not there. `stream` "stderr" is an addition to the oracle's. */
typedef struct WebTail {
    Manager *manager;
    const char *name;
    const char *limit;
    const char *stream;
} WebTail;

/* Free with g_string_free. */
GString *web_tail_page(const WebTail *tail);
