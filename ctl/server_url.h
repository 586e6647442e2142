/* Where the daemon is: unix:///path or http://host:port, read as the oracle reads it. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ServerUrl {
    char *socket_path; /* NULL: inet */
    char *host;        /* NULL: unix. Without the brackets of an IPv6 address */
    uint16_t port;
} ServerUrl;

/* Returns 0, or -EINVAL with `ret_problem` newly allocated: what the oracle's exception says. */
int server_url_parse(const char *url, ServerUrl *ret, char **ret_problem);
void server_url_clear(ServerUrl *server);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ServerUrl, server_url_clear)

/* The scheme in lower case ("http"), or "" when there is none. Newly allocated. */
char *server_url_scheme(const char *url);
/* Whether it has a scheme and something behind it: what -s asks for. */
bool server_url_is_url(const char *url);

/* "host:port" for the Host header; a unix socket needs a host's name too. Newly allocated. */
char *server_url_host(const ServerUrl *server);
