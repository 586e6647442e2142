/* Who may change something through the page: not another site by way of a visitor's browser.
 *
 * What the page itself sends is a POST with a token that only a reader of the page can know. The oracle's
 * links (GET with action=) have none. A script may use them, a browser is shown a page that asks first:
 * over plain HTTP to a host that is not this very machine browsers do not say where a request comes from, so
 * that a foreign site's link looks like a bookmark. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "bridge/http.h"

typedef struct WebGuard WebGuard;

WebGuard *web_guard_new(void);
void web_guard_free(WebGuard *guard);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WebGuard, web_guard_free)

/* The token for this visitor: of this daemon's life and these credentials. Newly allocated. */
char *web_guard_token(const WebGuard *guard, const HttpRequest *request);

typedef enum WebVerdict {
    WEB_TRUSTED,  /* the page's own, or a script's: do it */
    WEB_UNPROVEN, /* a browser without a valid token: ask the one who sits there */
    WEB_FOREIGN,  /* sent by another site, or to a name that is not ours: refuse */
} WebVerdict;

/* `token` NULL: none came. */
WebVerdict web_guard_judge(const WebGuard *guard, const HttpRequest *request, const char *token);
