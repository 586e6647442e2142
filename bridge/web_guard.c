#include "bridge/web_guard.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "bridge/http_origin.h"

struct WebGuard {
    guint8 secret[32];
};

WebGuard *web_guard_new(void)
{
    WebGuard *guard = g_new0(WebGuard, 1);

    /* At most 256 bytes come at once and whole; before the kernel has entropy nothing else runs either. */
    while (getrandom(guard->secret, sizeof guard->secret, 0) < 0 && errno == EINTR)
        ;
    return guard;
}

void web_guard_free(WebGuard *guard)
{
    if (!guard)
        return;
    explicit_bzero(guard->secret, sizeof guard->secret);
    g_free(guard);
}

char *web_guard_token(const WebGuard *guard, const HttpRequest *request)
{
    const char *credentials = http_request_header(request, "Authorization");

    return g_compute_hmac_for_string(G_CHECKSUM_SHA256, guard->secret, sizeof guard->secret,
                                     credentials ? credentials : "", -1);
}

/* Takes the same time wherever they differ. */
static bool is_same_token(const char *expected, const char *token)
{
    unsigned difference = 0;

    if (strlen(token) != strlen(expected))
        return false;
    for (size_t i = 0; expected[i]; i++)
        difference |= (unsigned char)expected[i] ^ (unsigned char)token[i];
    return difference == 0;
}

/* Every browser sends one of the last three with everything; the first ones tell more, but not always. */
static bool is_browser(const HttpRequest *request)
{
    static const char *const signs[] = {"Sec-Fetch-Site", "Origin", "Referer", "Upgrade-Insecure-Requests",
                                        "Accept-Language"};
    const char *agent = http_request_header(request, "User-Agent");

    for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
        if (http_request_header(request, signs[i]))
            return true;
    }
    return agent && g_str_has_prefix(agent, "Mozilla/");
}

WebVerdict web_guard_judge(const WebGuard *guard, const HttpRequest *request, const char *token)
{
    g_autofree char *expected = web_guard_token(guard, request);
    bool proven = token && is_same_token(expected, token);
    /* A proxy may have put another Host in, so that the Origin looks foreign: the token is better proof. What
     * Sec-Fetch-Site says holds in any case. */
    bool matters = !proven || http_request_header(request, "Sec-Fetch-Site");

    if (!is_browser(request))
        return WEB_TRUSTED;
    /* The site that was let in by a name of its own can read our pages, tokens included. */
    if (http_origin_is_rebound(request) || (matters && http_origin_is_cross_site(request)))
        return WEB_FOREIGN;
    return proven ? WEB_TRUSTED : WEB_UNPROVEN;
}
