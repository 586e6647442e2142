#include "ctl/daemon_address.h"

#include <string.h>

static DaemonAddress make(char *url, const char *username, const char *password)
{
    return (DaemonAddress){url, g_strdup(username), g_strdup(password)};
}

static bool has_client_section(const Config *daemon)
{
    for (size_t i = 0; i < config_section_count(daemon); i++) {
        if (strcmp(config_section(daemon, i)->name, "supervisorctl") == 0)
            return true;
    }
    return false;
}

DaemonAddress daemon_address_find(const Config *daemon, const Config *client)
{
    const ClientConfig *settings = client && has_client_section(daemon) ? config_client(client) : NULL;

    if (settings)
        return make(g_strdup(settings->serverurl), settings->username, settings->password);
    if (config_server_count(daemon) == 0)
        return make(g_strdup("http://localhost:9001"), NULL, NULL);
    const ServerConfig *server = config_server(daemon, 0);
    char *url = server->is_unix ? g_strconcat("unix://", server->file, NULL)
                                : g_strdup_printf("http://%s:%u", *server->host ? server->host : "127.0.0.1",
                                                  server->port);
    return make(url, server->username, server->password);
}

void daemon_address_clear(DaemonAddress *address)
{
    g_free(address->url);
    g_free(address->username);
    g_free(address->password);
}
