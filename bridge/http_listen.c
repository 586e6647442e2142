#include "bridge/http_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridge/identity.h"
#include "bridge/socket_file.h"
#include "common/cleanup.h"

enum {
    BACKLOG = 1024, /* the oracle's */
    LINK_ATTEMPTS = 3,
};

static int unix_address(const char *path, struct sockaddr_un *ret, socklen_t *ret_size)
{
    size_t length = strlen(path);

    if (length >= sizeof ret->sun_path)
        return -ENAMETOOLONG;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, path, length);
    *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return 0;
}

/* Whether somebody accepts connections there. A full backlog (EAGAIN) is somebody, too. */
static bool unix_answers(const char *path)
{
    CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address;
    socklen_t size;

    if (fd < 0 || unix_address(path, &address, &size) < 0)
        return false;
    return connect(fd, (struct sockaddr *)&address, size) == 0 || errno == EAGAIN;
}

/* Makes room for a new socket: removes one that nobody serves. */
static int unix_remove_stale(const char *path)
{
    struct stat status;

    if (lstat(path, &status) < 0)
        return errno == ENOENT ? 0 : -errno;
    /* The oracle would delete a regular file here; a mistyped path should not cost a file. */
    if (!S_ISSOCK(status.st_mode) && !S_ISLNK(status.st_mode))
        return -EEXIST;
    if (unix_answers(path))
        return -EADDRINUSE;
    return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* Gives the finished socket its real name. link() never replaces, so that two daemons that start at once
 * cannot both win. */
static int unix_publish(const char *temporary, const char *path)
{
    for (int attempt = 0; attempt < LINK_ATTEMPTS; attempt++) {
        if (link(temporary, path) == 0)
            return 0;
        if (errno != EEXIST)
            return -errno;
        int r = unix_remove_stale(path);
        if (r < 0)
            return r;
    }
    return -EADDRINUSE;
}

static int unix_prepare(int fd, const char *temporary, const ServerConfig *server, HttpSocketFile *ret_file)
{
    struct sockaddr_un address;
    struct stat status;
    socklen_t size;

    int r = unix_address(temporary, &address, &size);
    if (r < 0)
        return r;
    /* Linux gives the file the mode of the socket's own inode: closed to everybody else from its first
     * moment. */
    if (fchmod(fd, 0600) < 0)
        return -errno;
    if (unlink(temporary) < 0 && errno != ENOENT)
        return -errno;
    if (bind(fd, (struct sockaddr *)&address, size) < 0)
        return -errno;
    if (server->has_chown)
        r = socket_file_set_owner(temporary, server->uid, server->gid);
    if (r >= 0)
        r = socket_file_set_mode(temporary, server->chmod);
    if (r < 0)
        return r;
    if (listen(fd, BACKLOG) < 0 || lstat(temporary, &status) < 0)
        return -errno;
    *ret_file = (HttpSocketFile){.device = status.st_dev, .inode = status.st_ino};
    return 0;
}

static int open_unix(const ServerConfig *server, HttpSocketFile *ret_file)
{
    IDENTITY_SCOPE;
    /* The oracle's name for it, so that `ss -lx` shows what people know. */
    g_autofree char *temporary = g_strdup_printf("%s.%d", server->file, (int)getpid());
    CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    HttpSocketFile file;

    if (fd < 0)
        return -errno;
    int r = unix_prepare(fd, temporary, server, &file);
    if (r >= 0)
        r = unix_publish(temporary, server->file);
    unlink(temporary);
    if (r < 0)
        return r;
    *ret_file = file;
    return g_steal_fd(&fd);
}

static int bind_inet(const struct addrinfo *address)
{
    CLEANUP_CLOSE int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0)
        return -errno;
    if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    return g_steal_fd(&fd);
}

static int find_address(const char *host, const char *port, int family, struct addrinfo **ret)
{
    const struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};

    switch (getaddrinfo(host, port, &hints, ret)) {
    case 0:
        return 0;
    case EAI_SYSTEM:
        return errno > 0 ? -errno : -EIO;
    case EAI_MEMORY:
        return -ENOMEM;
    default:
        return -EADDRNOTAVAIL;
    }
}

/* An empty host is every address of IPv4 and a name with addresses of both kinds is that of IPv4, as in the
 * oracle, which knows no other. An address of IPv6 is written in brackets, as in the URL that leads there. */
static int resolve(const ServerConfig *server, struct addrinfo **ret)
{
    const char *host = server->host && *server->host ? server->host : NULL;
    g_autofree char *port = g_strdup_printf("%u", (unsigned)server->port);
    g_autofree char *bare = NULL;

    if (host && *host == '[' && g_str_has_suffix(host, "]"))
        host = bare = g_strndup(host + 1, strlen(host) - 2);
    int r = find_address(host, port, AF_INET, ret);
    return r == -EADDRNOTAVAIL ? find_address(host, port, AF_INET6, ret) : r;
}

int http_listen_address(const ServerConfig *server, struct sockaddr_storage *ret, socklen_t *ret_size)
{
    struct addrinfo *addresses = NULL;

    int r = resolve(server, &addresses);
    if (r < 0)
        return r;
    memset(ret, 0, sizeof *ret);
    memcpy(ret, addresses->ai_addr, addresses->ai_addrlen);
    *ret_size = addresses->ai_addrlen;
    freeaddrinfo(addresses);
    return 0;
}

static int open_inet(const ServerConfig *server)
{
    struct addrinfo *addresses = NULL;

    int r = resolve(server, &addresses);
    if (r < 0)
        return r;
    r = bind_inet(addresses);
    freeaddrinfo(addresses);
    return r;
}

int http_listen_open(const ServerConfig *server, HttpSocketFile *ret_file)
{
    return server->is_unix ? open_unix(server, ret_file) : open_inet(server);
}

void http_listen_unlink(const char *path, const HttpSocketFile *file)
{
    IDENTITY_SCOPE;
    struct stat status;

    if (lstat(path, &status) == 0 && status.st_dev == file->device && status.st_ino == file->inode)
        unlink(path);
}
