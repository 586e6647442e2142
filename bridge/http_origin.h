/* Whether a request is a foreign web page's doing, by way of a visitor's browser. Pages cannot touch the
 * headers that are looked at here, and programs that are no browsers do not send them, so nobody else
 * notices. */
#pragma once

#include <stdbool.h>

#include "bridge/http.h"

/* Another site's page sent this: Sec-Fetch-Site says so, or, from browsers and to addresses where that header
 * is not sent, Origin is not the Host that was asked, or it is a form that was made to look like something
 * else. */
bool http_origin_is_cross_site(const HttpRequest *request);

/* A page sent this to a name that is not this machine's, and there is no password: the name's owner may have
 * made it point here to be let in (DNS rebinding). Where there is a password the browser does not give it to
 * such a page, since it keeps passwords by name. */
bool http_origin_is_rebound(const HttpRequest *request);

/* A Host that no stranger can have pointed at us: an address, a name that nobody can register, or the
 * machine's own. */
bool http_origin_is_local_name(const char *host);
