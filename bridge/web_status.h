/* The status page, and the same as JSON for its script. */
#pragma once

#include "bridge/accounting.h"
#include "bridge/manager.h"

typedef struct WebStatus {
    const Manager *manager;
    const Accounting *accounting; /* was just refreshed with web_status_units() */
    const char *token;            /* goes into the form */
    const char *query;            /* what is searched for; "" for nothing */
    const char *message;          /* NULL: none */
} WebStatus;

/* Every unit that the page tells about. `ret_count` of them; the names live as long as the instances. */
AccountingUnit *web_status_units(const Manager *manager, size_t *ret_count);

/* Free with g_string_free. */
GString *web_status_page(const WebStatus *status);
/* {"token", "assets", "at", "processes": [[name, state, description, memory, CPU time, restarts, CPU
 * microseconds], …]}. The texts are those of the page. */
GString *web_status_json(const WebStatus *status);
