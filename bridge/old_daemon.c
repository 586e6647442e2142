#include "bridge/old_daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bridge/process_facts.h"

enum { LOOK_USEC = 200, FREEZE_USEC = 2000000, KILL_MSEC = 10000 };

struct OldDaemon {
    pid_t pid;
    uint64_t start;
    int pidfd;
};

int old_daemon_open(pid_t pid, uint64_t start, OldDaemon **ret)
{
    int pidfd = pidfd_open(pid, 0);

    if (pidfd < 0)
        return -errno;
    /* Only now nobody else can get this pid. */
    if (!process_facts_is_alive(pid, start)) {
        close(pidfd);
        return -ESRCH;
    }
    OldDaemon *daemon = g_new(OldDaemon, 1);
    *daemon = (OldDaemon){.pid = pid, .start = start, .pidfd = pidfd};
    *ret = daemon;
    return 0;
}

void old_daemon_free(OldDaemon *daemon)
{
    if (!daemon)
        return;
    close(daemon->pidfd);
    g_free(daemon);
}

static int send_signal(const OldDaemon *daemon, int signal)
{
    return pidfd_send_signal(daemon->pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int old_daemon_freeze(OldDaemon *daemon)
{
    int r = send_signal(daemon, SIGSTOP);

    for (int waited = 0; r >= 0; waited += LOOK_USEC) {
        ProcessFacts facts;
        r = process_facts_get(daemon->pid, &facts);
        if (r >= 0 && facts.state == 'T')
            return 0;
        if (r >= 0 && waited >= FREEZE_USEC)
            r = -ETIMEDOUT;
        (void)usleep(LOOK_USEC);
    }
    return r;
}

int old_daemon_thaw(OldDaemon *daemon)
{
    return send_signal(daemon, SIGCONT);
}

int old_daemon_kill(OldDaemon *daemon)
{
    struct pollfd ended = {.fd = daemon->pidfd, .events = POLLIN};
    int r = send_signal(daemon, SIGKILL);

    if (r == -ESRCH)
        return 0;
    if (r < 0)
        return r;
    r = TEMP_FAILURE_RETRY(poll(&ended, 1, KILL_MSEC));
    return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

/* Descriptors of others
 * ----------------------------------------------------------------------------------------------- */

/* What stands behind a descriptor ("pipe:[4711]"), newly allocated; NULL when there is none. */
static char *descriptor_target(pid_t pid, int fd)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd/%d", (int)pid, fd);
    return g_file_read_link(path, NULL);
}

/* O_RDONLY, O_WRONLY or O_RDWR; -1 when it cannot be told. */
static int descriptor_mode(pid_t pid, int fd)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fdinfo/%d", (int)pid, fd);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return -1;
    const char *flags = strstr(text, "flags:");
    return flags ? (int)(strtol(flags + strlen("flags:"), NULL, 8) & O_ACCMODE) : -1;
}

static GArray *list_descriptors(pid_t pid)
{
    GArray *fds = g_array_new(FALSE, FALSE, sizeof(int));
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    const struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        char *end;
        int fd = (int)strtol(entry->d_name, &end, 10);
        if (*end == '\0' && end != entry->d_name)
            g_array_append_val(fds, fd);
    }
    if (directory)
        closedir(directory);
    return fds;
}

static int duplicate(const OldDaemon *daemon, int fd)
{
    int copy = pidfd_getfd(daemon->pidfd, fd, 0);
    return copy < 0 ? -errno : copy;
}

/* The daemon's other end of a child's pipe: the same inode, open the other way. A socketpair has an inode for
 * each end, so the ends of one cannot be told from here; Supervisor uses pipes. */
static int find_other_end(const OldDaemon *daemon, const GArray *fds, const char *target, int child_mode)
{
    for (unsigned i = 0; i < fds->len; i++) {
        int fd = g_array_index(fds, int, i);
        g_autofree char *other = descriptor_target(daemon->pid, fd);
        int mode = descriptor_mode(daemon->pid, fd);
        if (g_strcmp0(other, target) == 0 && mode >= 0 && mode != child_mode)
            return fd;
    }
    return -ENOENT;
}

static const int child_modes[OLD_DAEMON_STREAMS] = {O_RDONLY, O_WRONLY, O_WRONLY};

static int find_end_of(const OldDaemon *daemon, const GArray *fds, pid_t pid, int stream)
{
    g_autofree char *target = descriptor_target(pid, stream);

    if (!target || !g_str_has_prefix(target, "pipe:"))
        return -ENOENT;
    return find_other_end(daemon, fds, target, child_modes[stream]);
}

static int find_end(const OldDaemon *daemon, const GArray *fds, const GArray *tree, int stream)
{
    for (unsigned i = 0; i < tree->len; i++) {
        int fd = find_end_of(daemon, fds, g_array_index(tree, pid_t, i), stream);
        if (fd >= 0)
            return fd;
    }
    return -ENOENT;
}

int old_daemon_take_pipes(OldDaemon *daemon, const GArray *tree, int ret_fds[OLD_DAEMON_STREAMS])
{
    g_autoptr(GArray) fds = list_descriptors(daemon->pid);
    int taken[OLD_DAEMON_STREAMS] = {-1, -1, -1}, ends[OLD_DAEMON_STREAMS];
    int r = 0;

    for (int stream = 0; stream < OLD_DAEMON_STREAMS && r >= 0; stream++) {
        ends[stream] = find_end(daemon, fds, tree, stream);
        if (ends[stream] < 0 || (stream == 2 && ends[2] == ends[1]))
            continue;
        taken[stream] = r = duplicate(daemon, ends[stream]);
    }
    for (int stream = 0; stream < OLD_DAEMON_STREAMS && r < 0; stream++) {
        if (taken[stream] >= 0)
            close(taken[stream]);
    }
    if (r < 0)
        return r;
    memcpy(ret_fds, taken, sizeof taken);
    return 0;
}

static bool is_listening(int fd)
{
    int value = 0;
    socklen_t size = sizeof value;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value;
}

static void close_all(GArray *fds)
{
    for (unsigned i = 0; i < fds->len; i++)
        close(g_array_index(fds, int, i));
}

int old_daemon_take_listening(OldDaemon *daemon, GArray **ret_fds)
{
    g_autoptr(GArray) fds = list_descriptors(daemon->pid);
    g_autoptr(GArray) taken = g_array_new(FALSE, FALSE, sizeof(int));

    for (unsigned i = 0; i < fds->len; i++) {
        g_autofree char *target = descriptor_target(daemon->pid, g_array_index(fds, int, i));
        if (!target || !g_str_has_prefix(target, "socket:"))
            continue;
        int copy = duplicate(daemon, g_array_index(fds, int, i));
        if (copy < 0) {
            close_all(taken);
            return copy;
        }
        if (is_listening(copy))
            g_array_append_val(taken, copy);
        else
            close(copy);
    }
    *ret_fds = g_steal_pointer(&taken);
    return 0;
}
