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
#include <sys/syscall.h>
#include <unistd.h>

#include "bridge/process_facts.h"

enum { LOOK_USEC = 100, FREEZE_USEC = 2000000, FREEZE_TRIES = 4000, KILL_MSEC = 10000 };

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

/* In its wait for something to do, all that it has read from programs is in their log files; anywhere else it
 * may hold some of that in its memory alone. 0, -EAGAIN, or another negative errno. */
static int check_waiting(const OldDaemon *daemon)
{
    static const long waits[] = {
#ifdef SYS_poll
        SYS_poll,
#endif
#ifdef SYS_select
        SYS_select,
#endif
#ifdef SYS_epoll_wait
        SYS_epoll_wait,
#endif
#ifdef SYS_epoll_pwait2
        SYS_epoll_pwait2,
#endif
        SYS_ppoll,        SYS_pselect6, SYS_epoll_pwait,
    };
    g_autofree char *path = g_strdup_printf("/proc/%d/syscall", (int)daemon->pid), *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return -EPERM;
    for (size_t i = 0; i < G_N_ELEMENTS(waits); i++) {
        if (g_ascii_isdigit(*text) && strtol(text, NULL, 10) == waits[i])
            return 0;
    }
    return -EAGAIN;
}

static int stop_and_wait(const OldDaemon *daemon)
{
    int r = send_signal(daemon, SIGSTOP);

    for (int waited = 0; r >= 0; waited += LOOK_USEC) {
        ProcessStat facts;
        r = process_stat_read(daemon->pid, &facts);
        if (r >= 0 && facts.state == 'T')
            return 0;
        if (r >= 0 && waited >= FREEZE_USEC)
            r = -ETIMEDOUT;
        (void)usleep(LOOK_USEC);
    }
    return r;
}

int old_daemon_freeze(OldDaemon *daemon)
{
    int r;

    for (int tries = 0; tries < FREEZE_TRIES; tries++) {
        r = stop_and_wait(daemon);
        if (r >= 0)
            r = check_waiting(daemon);
        if (r != -EAGAIN)
            return r;
        r = old_daemon_thaw(daemon);
        if (r < 0)
            return r;
        /* Not in step with whatever it does. */
        (void)usleep((useconds_t)(LOOK_USEC * (1 + tries % 7)));
    }
    return -ETIMEDOUT;
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

/* A pipe between the daemon and one of its programs. */
typedef struct Pipe {
    ino_t inode;
    int fd;          /* the daemon's */
    bool is_input;   /* of the program: the daemon writes */
    unsigned places; /* a bit for each of the main process's descriptors 0, 1 and 2 that leads there */
} Pipe;

static bool pipe_inode(const char *target, ino_t *ret)
{
    char *end;

    if (!target || !g_str_has_prefix(target, "pipe:["))
        return false;
    *ret = strtoul(target + strlen("pipe:["), &end, 10);
    return *end == ']';
}

static Pipe *find_pipe(const GArray *pipes, ino_t inode)
{
    for (unsigned i = 0; i < pipes->len; i++) {
        if (g_array_index(pipes, Pipe, i).inode == inode)
            return &g_array_index(pipes, Pipe, i);
    }
    return NULL;
}

/* All pipes that the daemon has an end of. */
static GArray *list_pipes(const OldDaemon *daemon)
{
    GArray *pipes = g_array_new(FALSE, TRUE, sizeof(Pipe));
    g_autoptr(GArray) fds = list_descriptors(daemon->pid);

    for (unsigned i = 0; i < fds->len; i++) {
        Pipe pipe = {.fd = g_array_index(fds, int, i)};
        g_autofree char *target = descriptor_target(daemon->pid, pipe.fd);
        pipe.is_input = descriptor_mode(daemon->pid, pipe.fd) == O_WRONLY;
        if (pipe_inode(target, &pipe.inode))
            g_array_append_val(pipes, pipe);
    }
    return pipes;
}

static int compare_inodes(const void *a, const void *b)
{
    const Pipe *one = a, *other = b;
    return (one->inode > other->inode) - (one->inode < other->inode);
}

static void add_pipe(GArray *mine, const Pipe *pipe, bool is_main, int fd)
{
    Pipe *known = find_pipe(mine, pipe->inode);

    if (!known) {
        g_array_append_val(mine, *pipe);
        known = &g_array_index(mine, Pipe, mine->len - 1);
    }
    if (is_main && fd < OLD_DAEMON_STREAMS)
        known->places |= 1U << fd;
}

/* Those of them that the program has: whichever of its processes, as whichever descriptor. In order of age.
 */
static GArray *select_pipes(const GArray *pipes, const GArray *tree, pid_t main_process)
{
    GArray *mine = g_array_new(FALSE, TRUE, sizeof(Pipe));

    for (unsigned i = 0; i < tree->len; i++) {
        pid_t pid = g_array_index(tree, pid_t, i);
        g_autoptr(GArray) fds = list_descriptors(pid);
        for (unsigned j = 0; j < fds->len; j++) {
            int fd = g_array_index(fds, int, j);
            g_autofree char *target = descriptor_target(pid, fd);
            ino_t inode;
            const Pipe *pipe = pipe_inode(target, &inode) ? find_pipe(pipes, inode) : NULL;
            /* Its other end: not what both have inherited from somebody else. */
            if (pipe && descriptor_mode(pid, fd) == (pipe->is_input ? O_RDONLY : O_WRONLY))
                add_pipe(mine, pipe, pid == main_process, fd);
        }
    }
    g_array_sort(mine, compare_inodes);
    return mine;
}

enum { STDOUT = 1, STDERR = 2 };

/* Nobody writes there any more: the program has given it up. The daemon keeps its end open all the same. */
static bool is_given_up(const OldDaemon *daemon, const Pipe *pipe)
{
    int copy = duplicate(daemon, pipe->fd);
    struct pollfd state = {.fd = copy, .events = POLLIN};

    if (copy < 0)
        return false;
    bool ended = poll(&state, 1, 0) == 1 && (state.revents & (POLLIN | POLLHUP)) == POLLHUP;
    close(copy);
    return ended;
}

/* Among the daemon's ends of outputs, by number: the one next to this. NULL: there is none. */
static const Pipe *find_neighbour(const GArray *pipes, const Pipe *output, bool below)
{
    const Pipe *nearest = NULL;

    for (unsigned i = 0; i < pipes->len; i++) {
        const Pipe *pipe = &g_array_index(pipes, Pipe, i);
        bool fits = !pipe->is_input && (below ? pipe->fd < output->fd : pipe->fd > output->fd);
        if (fits && (!nearest || (pipe->fd > nearest->fd) == below))
            nearest = pipe;
    }
    return nearest;
}

/* The only output pipe that is left of two. The three of a program are made one after the other, so most
 * often the distance from the one of its standard input tells which it is; otherwise the one that is given up
 * does, which has the number next to it in the daemon. */
static int place_of_one(const OldDaemon *daemon, const GArray *pipes, const Pipe *output, const Pipe *input)
{
    if (input && output->inode > input->inode && output->inode - input->inode <= STDERR)
        return (int)(output->inode - input->inode);
    const Pipe *below = find_neighbour(pipes, output, true), *above = find_neighbour(pipes, output, false);
    if (below && is_given_up(daemon, below))
        return STDERR;
    if (above && is_given_up(daemon, above))
        return STDOUT;
    return output->places == 1U << STDERR ? STDERR : STDOUT;
}

static void place_outputs(const OldDaemon *daemon, const GArray *pipes, const Pipe *outputs[2],
                          bool redirected, const Pipe *places[OLD_DAEMON_STREAMS])
{
    const Pipe *first = outputs[0], *second = outputs[1];

    if (!first)
        return;
    if (!second) {
        places[redirected ? STDOUT : place_of_one(daemon, pipes, first, places[0])] = first;
        return;
    }
    /* As a program has them that leaves its descriptors alone, whatever their age. */
    bool swapped = second->places & 1U << STDOUT && !(first->places & 1U << STDOUT);
    places[STDOUT] = swapped ? second : first;
    places[STDERR] = swapped ? first : second;
}

int old_daemon_take_pipes(OldDaemon *daemon, const GArray *tree, pid_t main_process, bool redirected,
                          int ret_fds[OLD_DAEMON_STREAMS])
{
    g_autoptr(GArray) pipes = list_pipes(daemon);
    g_autoptr(GArray) mine = select_pipes(pipes, tree, main_process);
    const Pipe *outputs[2] = {NULL, NULL}, *places[OLD_DAEMON_STREAMS] = {NULL, NULL, NULL};
    int taken[OLD_DAEMON_STREAMS] = {-1, -1, -1};
    unsigned count = 0;
    int r = 0;

    for (unsigned i = 0; i < mine->len; i++) {
        const Pipe *pipe = &g_array_index(mine, Pipe, i);
        if (pipe->is_input)
            places[0] = pipe;
        else if (count < G_N_ELEMENTS(outputs))
            outputs[count++] = pipe;
    }
    place_outputs(daemon, pipes, outputs, redirected, places);
    for (int place = 0; place < OLD_DAEMON_STREAMS && r >= 0; place++) {
        if (places[place])
            taken[place] = r = duplicate(daemon, places[place]->fd);
    }
    for (int place = 0; place < OLD_DAEMON_STREAMS && r < 0; place++) {
        if (taken[place] >= 0)
            close(taken[place]);
    }
    if (r < 0)
        return r;
    memcpy(ret_fds, taken, sizeof taken);
    return 0;
}

bool old_daemon_is_listening(int fd)
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

int old_daemon_take_sockets(OldDaemon *daemon, bool (*wanted)(int fd), GArray **ret_fds)
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
        if (wanted(copy))
            g_array_append_val(taken, copy);
        else
            close(copy);
    }
    *ret_fds = g_steal_pointer(&taken);
    return 0;
}
