#include "bridge/server_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "bridge/identity.h"
#include "bridge/socket_file.h"
#include "bridge/socket_binding.h"

/* One that a socket unit has passed. */
typedef struct Passed {
    int fd;
    char *unit; /* LISTEN_FDNAMES: the unit's name where the unit does not say otherwise */
    bool used;
} Passed;

struct ServerSockets {
    GArray *passed; /* of Passed */
};

static void passed_clear(void *data)
{
    Passed *passed = data;

    close(passed->fd);
    g_free(passed->unit);
}

static void take_passed(ServerSockets *sockets, int fd, const char *name)
{
    Passed passed = {.fd = fd, .unit = g_strdup(name)};

    if (g_str_has_suffix(name, ".socket") && sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) > 0)
        g_array_append_val(sockets->passed, passed);
    else
        g_free(passed.unit);
}

ServerSockets *server_sockets_new(void)
{
    ServerSockets *sockets = g_new0(ServerSockets, 1);
    char **names = NULL;
    int count = sd_listen_fds_with_names(false, &names);

    sockets->passed = g_array_new(FALSE, FALSE, sizeof(Passed));
    g_array_set_clear_func(sockets->passed, passed_clear);
    for (int i = 0; i < count; i++) {
        take_passed(sockets, SD_LISTEN_FDS_START + i, names[i]);
        free(names[i]);
    }
    free(names);
    return sockets;
}

void server_sockets_free(ServerSockets *sockets)
{
    if (!sockets)
        return;
    g_array_unref(sockets->passed);
    g_free(sockets);
}

/* Addresses */

static int file_of(const char *path, HttpSocketFile *ret)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return -errno;
    if (!S_ISSOCK(status.st_mode))
        return -ENOTSOCK;
    *ret = (HttpSocketFile){.device = status.st_dev, .inode = status.st_ino};
    return 0;
}

static bool is_inet_at(int fd, const ServerConfig *server)
{
    struct sockaddr_storage bound = {0}, wanted = {0};
    socklen_t bound_size = sizeof bound, wanted_size = 0;

    return getsockname(fd, (struct sockaddr *)&bound, &bound_size) >= 0 &&
           http_listen_address(server, &wanted, &wanted_size) >= 0 && bound_size == wanted_size &&
           memcmp(&bound, &wanted, bound_size) == 0;
}

bool server_socket_is_at(int fd, const ServerConfig *server)
{
    int family = server->is_unix ? AF_UNIX : AF_UNSPEC;

    if (sd_is_socket(fd, family, SOCK_STREAM, 1) <= 0)
        return false;
    return server->is_unix ? socket_binding_is_at(fd, server->file) : is_inet_at(fd, server);
}

/* In the store: the address, and for a unix socket its file, since somebody may have put another in its
 * place. NULL: there is no such file. */
static char *store_name(const ServerConfig *server)
{
    HttpSocketFile file = {0};

    if (!server->is_unix)
        return g_strdup_printf("server:inet:%s:%u", server->host ? server->host : "", (unsigned)server->port);
    if (file_of(server->file, &file) < 0)
        return NULL;
    return g_strdup_printf("server:unix:%s:%llu:%llu", server->file, (unsigned long long)file.device,
                           (unsigned long long)file.inode);
}

/* Getting one */

static int take_from_units(ServerSockets *sockets, const ServerConfig *server)
{
    for (unsigned i = 0; i < sockets->passed->len; i++) {
        Passed *passed = &g_array_index(sockets->passed, Passed, i);
        if (passed->used || !server_socket_is_at(passed->fd, server))
            continue;
        passed->used = true;
        int fd = fcntl(passed->fd, F_DUPFD_CLOEXEC, 3);
        return fd < 0 ? -errno : fd;
    }
    return -ENOENT;
}

static int take_from_store(FdStore *store, const ServerConfig *server)
{
    g_autofree char *name = store_name(server);

    int fd = name ? fd_store_take(store, name) : -ENOENT;
    if (fd >= 0 && sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
        close(fd);
        return -ENOENT;
    }
    return fd;
}

/* The configuration may have changed since the socket was made. */
static void settle_file(const ServerConfig *server)
{
    IDENTITY_SCOPE;

    if (!server->is_unix)
        return;
    if (server->has_chown)
        (void)socket_file_set_owner(server->file, server->uid, server->gid);
    (void)socket_file_set_mode(server->file, server->chmod);
}

int server_socket_keep(FdStore *store, const ServerConfig *server, int fd)
{
    g_autofree char *name = server_socket_is_at(fd, server) ? store_name(server) : NULL;
    int copy = name ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;

    if (!name)
        return 0;
    return copy < 0 ? -errno : fd_store_leave(store, name, copy);
}

int server_sockets_open(ServerSockets *sockets, FdStore *store, const ServerConfig *server,
                        HttpSocketFile *ret_file, bool *ret_ours)
{
    HttpSocketFile file = {0};
    bool ours = false;

    int fd = take_from_units(sockets, server);
    if (fd < 0) {
        ours = server->is_unix;
        fd = take_from_store(store, server);
    }
    if (fd >= 0) {
        settle_file(server);
        if (server->is_unix)
            (void)file_of(server->file, &file);
    } else {
        fd = http_listen_open(server, &file);
        g_autofree char *name = fd >= 0 ? store_name(server) : NULL;
        /* Without a store it lives as long as this process, as ever. */
        if (name)
            (void)fd_store_put(store, name, fd);
    }
    if (fd >= 0) {
        *ret_file = file;
        *ret_ours = ours;
    }
    return fd;
}

char **server_sockets_units(const ServerSockets *sockets, bool used)
{
    GPtrArray *units = g_ptr_array_new();

    for (unsigned i = 0; i < sockets->passed->len; i++) {
        const Passed *passed = &g_array_index(sockets->passed, Passed, i);
        if (passed->used == used)
            g_ptr_array_add(units, g_strdup(passed->unit));
    }
    g_ptr_array_add(units, NULL);
    return (char **)g_ptr_array_free(units, FALSE);
}

void server_sockets_pass_on(ServerSockets *sockets)
{
    for (unsigned i = 0; i < sockets->passed->len; i++)
        (void)fcntl(g_array_index(sockets->passed, Passed, i).fd, F_SETFD, 0);
    /* They are the next image's, which finds them by LISTEN_FDS under the same numbers. */
    for (unsigned i = 0; i < sockets->passed->len; i++)
        g_array_index(sockets->passed, Passed, i).fd = -1;
}
