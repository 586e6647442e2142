#include "bridge/socket_trial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridge/host_lookup.h"
#include "bridge/identity.h"
#include "bridge/socket_file.h"
#include "common/cleanup.h"
#include "translator/text.h"

void socket_trial_clear(SocketTrial *trial)
{
    g_free(trial->address);
    *trial = (SocketTrial){0};
}

/* Python's str() of an OSError; `path` only where Python knows it. */
static int fail(int error, const char *path, const char *what, char **ret_message)
{
    g_autofree char *shown = path ? text_repr(path) : NULL;

    *ret_message = g_strdup_printf("%s[Errno %d] %s%s%s", what, error, g_strerror(error), shown ? ": " : "",
                                   shown ? shown : "");
    return -error;
}

/* tcp
 * ---------------------------------------------------------------------------------------------------------
 */

static int resolve(const char *host, struct sockaddr_in *ret, char **ret_message)
{
    struct in_addr address;

    int r = host_lookup(host, &address);
    if (r == EAI_SYSTEM)
        return fail(errno, NULL, "", ret_message);
    if (r != 0) {
        *ret_message = g_strdup_printf("[Errno %d] %s", r, gai_strerror(r));
        return -EADDRNOTAVAIL;
    }
    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = address};
    return 0;
}

static bool is_listening_at(int fd, const struct sockaddr_in *address)
{
    struct sockaddr_in own = {0};
    socklen_t size = sizeof own, option_size = sizeof(int);
    int listening = 0;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &option_size) == 0 && listening &&
           getsockname(fd, (struct sockaddr *)&own, &size) == 0 && size == sizeof own &&
           own.sin_family == AF_INET && own.sin_port == address->sin_port &&
           own.sin_addr.s_addr == address->sin_addr.s_addr;
}

/* A socket may take this option after it was bound; the kernel then lets another one of the same user in. */
static bool share_with(pid_t holder, const struct sockaddr_in *address)
{
    CLEANUP_CLOSE int pidfd = holder > 0 ? pidfd_open(holder, 0) : -1;
    CLEANUP_CLOSE int fd = pidfd >= 0 ? pidfd_getfd(pidfd, STDIN_FILENO, 0) : -1;

    return fd >= 0 && is_listening_at(fd, address) &&
           setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int)) == 0;
}

static int bind_inet(int fd, const struct sockaddr_in *address)
{
    return bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? -errno : 0;
}

static int try_inet(const SocketConfig *socket_config, pid_t holder, SocketTrial *ret, char **ret_message)
{
    CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address;
    char text[INET_ADDRSTRLEN];

    if (fd < 0)
        return fail(errno, NULL, "", ret_message);
    int r = resolve(socket_config->host, &address, ret_message);
    if (r < 0)
        return r;
    address.sin_port = htons(socket_config->port);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0)
        return fail(errno, NULL, "", ret_message);
    r = bind_inet(fd, &address);
    if (r == -EADDRINUSE && share_with(holder, &address) &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int)) == 0) {
        r = bind_inet(fd, &address);
        ret->shared = r == 0;
    }
    if (r < 0)
        return fail(-r, NULL, "", ret_message);
    (void)inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    ret->address = g_strdup_printf("%s:%u", text, socket_config->port);
    return 0;
}

/* unix
 * --------------------------------------------------------------------------------------------------------
 */

/* systemd 252 writes a socket's address down with escapes when it reloads itself, reads it back without
 * resolving them, and closes what it does not find again. */
static bool survives_reload(const char *path)
{
    for (const char *p = path; *p; p++) {
        if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0177 || strchr("\"'\\", *p))
            return false;
    }
    return !g_str_has_suffix(path, " ");
}

/* The oracle would delete a regular file here; a mistyped path should not cost a file. */
static int remove_stale(const char *path, char **ret_message)
{
    struct stat status;

    if (lstat(path, &status) < 0)
        return 0; /* what else is wrong, bind() tells */
    if (!S_ISSOCK(status.st_mode) && !S_ISLNK(status.st_mode))
        return fail(EEXIST, path, "", ret_message);
    if (unlink(path) < 0 && errno != ENOENT)
        return fail(errno, path, "", ret_message);
    return 0;
}

static int set_owner_and_mode(const SocketConfig *socket_config, const char *path, char **ret_message)
{
    int r =
        socket_config->has_owner ? socket_file_set_owner(path, socket_config->uid, socket_config->gid) : 0;

    if (r < 0)
        return fail(-r, path, "Could not change ownership of socket file: ", ret_message);
    r = socket_config->has_mode ? socket_file_set_mode(path, socket_config->mode) : 0;
    if (r < 0)
        return fail(-r, path, "Could not change permissions of socket file: ", ret_message);
    return 0;
}

static int bind_unix(int fd, const char *path, char **ret_message)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path) {
        *ret_message = g_strdup("AF_UNIX path too long");
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, strlen(path));
    /* Linux gives the file the mode of the socket's own inode: closed to everybody else at first. */
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return fail(errno, NULL, "", ret_message);
    return 0;
}

static int try_unix(const SocketConfig *socket_config, SocketTrial *ret, char **ret_message)
{
    IDENTITY_SCOPE;
    const char *path = socket_config->path;
    CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct stat status;

    if (fd < 0)
        return fail(errno, NULL, "", ret_message);
    if (!survives_reload(path)) {
        g_autofree char *shown = text_repr(path);
        *ret_message = g_strdup_printf("systemd would lose a socket of this name at its next reload: only "
                                       "plain ASCII without quotes and backslashes will do (%s)",
                                       shown);
        return -EINVAL;
    }
    int r = remove_stale(path, ret_message);
    if (r < 0)
        return r;
    r = bind_unix(fd, path, ret_message);
    if (r < 0)
        return r;
    r = set_owner_and_mode(socket_config, path, ret_message);
    if (r == 0 && lstat(path, &status) < 0)
        r = fail(errno, path, "", ret_message);
    if (r < 0) {
        (void)unlink(path);
        return r;
    }
    *ret = (SocketTrial){.address = g_strdup(path),
                         .uid = status.st_uid,
                         .gid = status.st_gid,
                         .mode = status.st_mode & 07777};
    return 0;
}

int socket_trial_run(const SocketConfig *socket, pid_t holder, SocketTrial *ret, char **ret_message)
{
    return socket->is_unix ? try_unix(socket, ret, ret_message) : try_inet(socket, holder, ret, ret_message);
}

int socket_trial_apply(const SocketTrial *trial, const char *path)
{
    int r = socket_file_set_owner(path, trial->uid, trial->gid);

    return r < 0 ? r : socket_file_set_mode(path, trial->mode);
}
