#include "bridge/http_origin.h"

#include <arpa/inet.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

/* "http://host:80" and "host" are one place. Newly allocated. */
static char *authority(const char *text, const char *default_port)
{
    g_autofree char *lower = g_ascii_strdown(text, -1);

    if (g_str_has_suffix(lower, default_port))
        lower[strlen(lower) - strlen(default_port)] = '\0';
    return g_steal_pointer(&lower);
}

static bool is_same_place(const char *origin, const char *host)
{
    bool is_secure = g_str_has_prefix(origin, "https://");
    const char *port = is_secure ? ":443" : ":80";
    g_autofree char *theirs = authority(origin + strlen(is_secure ? "https://" : "http://"), port);
    g_autofree char *ours = authority(host, port);

    return g_str_equal(theirs, ours);
}

/* Pages have origins of these kinds ("null": a page that hides where it is from). Browser extensions and the
 * like have others; the user has installed them. */
static bool is_foreign_page(const char *origin, const char *host)
{
    if (!g_str_has_prefix(origin, "http://") && !g_str_has_prefix(origin, "https://"))
        return g_str_equal(origin, "null");
    return !host || !is_same_place(origin, host);
}

/* The only kind of form whose content can be XML. Old browsers send it without an Origin. */
static bool is_disguised_form(const HttpRequest *request)
{
    const char *type = http_request_header(request, "Content-Type");
    const char *agent = http_request_header(request, "User-Agent");

    return type && agent && g_ascii_strncasecmp(type, "text/plain", strlen("text/plain")) == 0 &&
           g_str_has_prefix(agent, "Mozilla/");
}

bool http_origin_is_cross_site(const HttpRequest *request)
{
    const char *site = http_request_header(request, "Sec-Fetch-Site");
    const char *origin = http_request_header(request, "Origin");

    /* Also right behind a proxy that puts another Host in. */
    if (site)
        return !g_str_equal(site, "same-origin") && !g_str_equal(site, "none");
    if (origin)
        return is_foreign_page(origin, http_request_header(request, "Host"));
    return is_disguised_form(request);
}

static char *without_port(const char *host)
{
    if (*host == '[') {
        const char *bracket = strchr(host, ']');
        bool is_whole = bracket && (bracket[1] == '\0' || bracket[1] == ':');
        return is_whole ? g_ascii_strdown(host + 1, bracket - host - 1) : g_ascii_strdown(host, -1);
    }
    const char *colon = strrchr(host, ':');
    return g_ascii_strdown(host, colon ? colon - host : -1);
}

static bool is_address(const char *name)
{
    struct in6_addr address;

    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

/* Names that no public registry gives away. */
static bool has_private_ending(const char *name)
{
    static const char *const endings[] = {".localhost", ".local", ".internal", ".home.arpa"};

    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
        if (g_str_has_suffix(name, endings[i]))
            return true;
    }
    return false;
}

static bool is_this_machine(const char *name)
{
    char own[256] = "";

    return gethostname(own, sizeof own - 1) == 0 && *own && g_ascii_strcasecmp(name, own) == 0;
}

bool http_origin_is_local_name(const char *host)
{
    g_autofree char *name = without_port(host);

    return !strchr(name, '.') || is_address(name) || has_private_ending(name) || is_this_machine(name);
}

static bool is_from_a_page(const HttpRequest *request)
{
    static const char *const signs[] = {"Origin", "Referer", "Sec-Fetch-Site"};

    for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
        if (http_request_header(request, signs[i]))
            return true;
    }
    return false;
}

bool http_origin_is_rebound(const HttpRequest *request)
{
    const char *host = http_request_header(request, "Host");

    return host && !http_request_is_local(request) && !http_request_is_authenticated(request) &&
           is_from_a_page(request) && !http_origin_is_local_name(host);
}
