#include "ctl/server_url.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#define UNIX_PREFIX "unix://"
#define HTTP_PREFIX "http://"

char *server_url_scheme(const char *url)
{
    size_t length = strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    if (!g_ascii_isalpha(url[0]) || url[length] != ':')
        return g_strdup("");
    return g_ascii_strdown(url, (gssize)length);
}

bool server_url_is_url(const char *url)
{
    g_autofree char *scheme = server_url_scheme(url);
    const char *rest = url + strlen(scheme) + 1;

    if (!*scheme)
        return false;
    if (g_str_has_prefix(rest, "//") && strchr("/?#", rest[2]) != NULL)
        rest += 2;
    return *rest != '\0' && *rest != '?' && *rest != '#';
}

static int parse_unix(const char *path, ServerUrl *ret, char **ret_problem)
{
    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        *ret_problem = g_strdup("AF_UNIX path too long");
        return -EINVAL;
    }
    *ret = (ServerUrl){.socket_path = g_strdup(path)};
    return 0;
}

static int parse_port(const char *text, uint16_t *ret, char **ret_problem)
{
    guint64 port;

    if (!*text) {
        *ret = 80;
        return 0;
    }
    if (strspn(text, "0123456789") != strlen(text)) {
        *ret_problem = g_strdup_printf("Port could not be cast to integer value as '%s'", text);
        return -EINVAL;
    }
    if (!g_ascii_string_to_unsigned(text, 10, 0, UINT16_MAX, &port, NULL)) {
        *ret_problem = g_strdup("Port out of range 0-65535");
        return -EINVAL;
    }
    *ret = (uint16_t)port;
    return 0;
}

/* host, host:port, [v6], [v6]:port; what stands before the last @ is dropped, as the oracle does: credentials
 * come by -u and -p. */
static int parse_http(const char *text, ServerUrl *ret, char **ret_problem)
{
    g_autofree char *authority = g_strndup(text, strcspn(text, "/?#"));
    const char *at = strrchr(authority, '@');
    const char *start = at ? at + 1 : authority;
    const char *end = NULL;
    const char *port_text;
    uint16_t port = 80;
    int r;

    if (*start == '[' && (end = strchr(++start, ']')) != NULL) {
        port_text = end[1] == ':' ? end + 2 : "";
    } else {
        end = start + strcspn(start, ":");
        port_text = *end == ':' ? end + 1 : "";
    }
    r = parse_port(port_text, &port, ret_problem);
    if (r < 0)
        return r;
    *ret = (ServerUrl){.host = g_ascii_strdown(start, end - start), .port = port};
    /* Python connects to the own host then. */
    if (!*ret->host) {
        g_free(ret->host);
        ret->host = g_strdup("localhost");
    }
    return 0;
}

int server_url_parse(const char *url, ServerUrl *ret, char **ret_problem)
{
    if (g_str_has_prefix(url, UNIX_PREFIX))
        return parse_unix(url + strlen(UNIX_PREFIX), ret, ret_problem);
    if (g_str_has_prefix(url, HTTP_PREFIX))
        return parse_http(url + strlen(HTTP_PREFIX), ret, ret_problem);
    *ret_problem = g_strdup_printf("Unknown protocol for serverurl %s", url);
    return -EINVAL;
}

void server_url_clear(ServerUrl *server)
{
    g_clear_pointer(&server->socket_path, g_free);
    g_clear_pointer(&server->host, g_free);
}

char *server_url_host(const ServerUrl *server)
{
    if (server->socket_path)
        return g_strdup("localhost");
    if (strchr(server->host, ':'))
        return g_strdup_printf("[%s]:%u", server->host, server->port);
    return g_strdup_printf("%s:%u", server->host, server->port);
}
