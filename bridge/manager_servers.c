/* The manager's servers: what is to be had there, and the sockets, which outlive it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bridge/logtail.h"
#include "bridge/manager_internal.h"

#define BUILT_IN_INTERFACE "supervisor.rpcinterface:make_main_rpcinterface"

static void on_rpc(HttpRequest *request, void *userdata)
{
    Manager *manager = userdata;
    rpc_server_handle(manager->rpc, request);
}

static void on_logtail(HttpRequest *request, void *userdata)
{
    logtail_handle_process(userdata, request);
}

static void on_mainlogtail(HttpRequest *request, void *userdata)
{
    logtail_handle_main(userdata, request);
}

static void on_web(HttpRequest *request, void *userdata)
{
    Manager *manager = userdata;
    web_handle(manager->web, request);
}

static const HttpRoute routes[] = {
    {"/", on_web, false},
    {"/RPC2", on_rpc, true},
    {"/logtail", on_logtail, false},
    {"/mainlogtail", on_mainlogtail, false},
    {NULL, NULL, false},
};

int manager_make_http(Manager *manager)
{
    int r = rpc_server_new(manager, &manager->rpc);

    if (r >= 0)
        r = web_new(manager, &manager->web);
    if (r >= 0)
        r = http_new(manager->event, manager->log, routes, manager, &manager->http);
    return r;
}

static char *describe_listen_failure(int error)
{
    if (error == -EADDRINUSE)
        return g_strdup("Another program is already listening on a port that one of our HTTP servers is "
                        "configured to use.  "
                        "Shut this program down first before starting supervisord.");
    return g_strdup_printf("Cannot open an HTTP server: socket.error reported errno.%s (%d)",
                           strerrorname_np(-error), -error);
}

/* The oracle makes its interface anew for every server, and says so each time. */
static void tell_interfaces(Manager *manager)
{
    for (size_t i = 0; i < config_rpcinterface_count(manager->config); i++) {
        const PluginConfig *plugin = config_rpcinterface(manager->config, i);
        if (strcmp(plugin->factory, BUILT_IN_INTERFACE) == 0)
            main_log_write(manager->log, LOG_LEVEL_INFO, "RPC interface '%s' initialized", plugin->name);
    }
}

static int open_server(Manager *manager, const ServerConfig *server)
{
    HttpSocketFile file;
    bool ours;

    int fd = server_sockets_open(manager->sockets, manager->fd_store, server, &file, &ours);
    if (fd < 0)
        return fd;
    int r = http_serve(manager->http, server, fd, ours ? &file : NULL);
    if (r < 0)
        close(fd);
    return r;
}

/* Whoever connected to a socket that no server takes would wait for ever. */
void manager_stop_sockets(Manager *manager, bool used)
{
    g_auto(GStrv) units = server_sockets_units(manager->sockets, used);

    for (char **unit = units; *unit; unit++) {
        if (!used)
            main_log_write(manager->log, LOG_LEVEL_WARN,
                           "%s listens where no server of the configuration does: stopping it", *unit);
        (void)systemd_stop(manager->systemd, *unit, NULL, NULL);
    }
}

int manager_open_servers(Manager *manager, char **ret_message)
{
    for (size_t i = 0; i < config_server_count(manager->config); i++) {
        tell_interfaces(manager);
        int r = open_server(manager, config_server(manager->config, i));
        if (r < 0) {
            *ret_message = describe_listen_failure(r);
            return r;
        }
    }
    return 0;
}
