#include "bridge/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bridge/reap.h"

/* As the oracle: so much at once. */
enum { READ_BYTES = 128 * 1024, MAXIMUM_PENDING = 16 << 20 };
/* Where the launcher expects the end of a pipe that tells it to go on. */
enum { GO_FD = 3, FIRST_FREE_FD = 4 };

struct Child {
    sd_event *event;
    pid_t pid;
    int pidfd;
    int input;  /* its standard input; -1: closed */
    int output; /* its standard output */
    int go;
    GByteArray *pending; /* input that the pipe did not take */
    sd_event_source *exit_source;
    sd_event_source *input_source;
    sd_event_source *output_source;
    ChildCallbacks callbacks;
    void *userdata;
    bool freed; /* from inside a callback: the memory goes when that is through */
    unsigned callbacks_running;
};

typedef struct Pipe {
    int read;
    int write;
} Pipe;

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void pipe_clear(Pipe *pipe)
{
    close_fd(&pipe->read);
    close_fd(&pipe->write);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pipe, pipe_clear)

/* Out of the way of the numbers that the child is to have them under. */
static int move_up(int *fd)
{
    if (*fd >= FIRST_FREE_FD)
        return 0;
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    if (moved < 0)
        return -errno;
    close(*fd);
    *fd = moved;
    return 0;
}

static int pipe_open(Pipe *ret)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    *ret = (Pipe){.read = fds[0], .write = fds[1]};
    int r = move_up(&ret->read);
    return r < 0 ? r : move_up(&ret->write);
}

static int set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* Starting
 * ---------------------------------------------------------------------------------------------------- */

static int add_file_actions(posix_spawn_file_actions_t *actions, const Pipe *input, const Pipe *output,
                            const Pipe *go)
{
    int r = posix_spawn_file_actions_adddup2(actions, input->read, STDIN_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, output->write, STDOUT_FILENO);
    /* The launcher opens the program's own. */
    if (r == 0)
        r = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, go->read, GO_FD);
    return -r;
}

/* posix_spawn() is safe in a process with threads and large mappings, which fork() is not. */
static int spawn(const char *launcher, const char *spec, const Pipe *input, const Pipe *output,
                 const Pipe *go, pid_t *ret)
{
    char *arguments[] = {(char *)launcher, (char *)"--child", (char *)spec, NULL};
    char *environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;

    sigemptyset(&none);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return -ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -ENOMEM;
    }
    int r = -posix_spawnattr_setsigmask(&attributes, &none);
    if (r == 0)
        r = -posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    if (r == 0)
        r = add_file_actions(&actions, input, output, go);
    if (r == 0)
        r = -posix_spawn(ret, launcher, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return r;
}

static int on_exit_possible(sd_event_source *source, int fd, uint32_t events, void *userdata);
static int on_output(sd_event_source *source, int fd, uint32_t events, void *userdata);

static int watch(Child *child)
{
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0U);
    if (child->pidfd < 0)
        return -errno;
    int r =
        sd_event_add_io(child->event, &child->exit_source, child->pidfd, EPOLLIN, on_exit_possible, child);
    if (r >= 0)
        r = set_nonblocking(child->output);
    if (r >= 0)
        r = set_nonblocking(child->input);
    if (r >= 0)
        r = sd_event_add_io(child->event, &child->output_source, child->output, EPOLLIN, on_output, child);
    return r;
}

int child_spawn(sd_event *event, const char *launcher, const char *spec, const ChildCallbacks *callbacks,
                void *userdata, Child **ret)
{
    g_auto(Pipe) input = {-1, -1}, output = {-1, -1}, go = {-1, -1};
    pid_t pid;

    int r = pipe_open(&input);
    if (r >= 0)
        r = pipe_open(&output);
    if (r >= 0)
        r = pipe_open(&go);
    if (r >= 0)
        r = spawn(launcher, spec, &input, &output, &go, &pid);
    if (r < 0)
        return r;
    g_autoptr(Child) child = g_new0(Child, 1);
    *child = (Child){.event = sd_event_ref(event),
                     .pid = pid,
                     .pidfd = -1,
                     .input = g_steal_fd(&input.write),
                     .output = g_steal_fd(&output.read),
                     .go = g_steal_fd(&go.write),
                     .pending = g_byte_array_new(),
                     .callbacks = *callbacks,
                     .userdata = userdata};
    r = watch(child);
    if (r < 0)
        return r;
    *ret = g_steal_pointer(&child);
    return 0;
}

pid_t child_pid(const Child *child)
{
    return child->pid;
}

void child_release(Child *child)
{
    if (child->go >= 0)
        (void)!write(child->go, "", 1);
    close_fd(&child->go);
}

int child_signal(const Child *child, int signal, bool group)
{
    /* Not reaped yet, so the number is still its own. */
    if (child->pid == 0)
        return -ESRCH;
    return kill(group ? -child->pid : child->pid, signal) < 0 ? -errno : 0;
}

/* Input
 * ---------------------------------------------------------------------------------------------------- */

/* Returns 1 when everything is written, 0 when the pipe is full. */
static int flush(Child *child)
{
    while (child->pending->len > 0) {
        ssize_t written = write(child->input, child->pending->data, child->pending->len);
        if (written < 0 && errno == EAGAIN)
            return 0;
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0)
            g_byte_array_remove_range(child->pending, 0, (guint)written);
    }
    return 1;
}

static void stop_writing(Child *child)
{
    child->input_source = sd_event_source_disable_unref(child->input_source);
    g_byte_array_set_size(child->pending, 0);
}

static int on_input_possible(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    Child *child = userdata;
    int r = flush(child);

    if (r != 0)
        stop_writing(child);
    if (r < 0)
        close_fd(&child->input);
    return 0;
}

int child_write(Child *child, const char *data, size_t size)
{
    if (child->input < 0)
        return -EPIPE;
    if (size > MAXIMUM_PENDING - child->pending->len)
        return -ENOBUFS;
    g_byte_array_append(child->pending, (const guint8 *)data, (guint)size);
    if (child->input_source)
        return 0;
    int r = flush(child);
    if (r == 0)
        r = sd_event_add_io(child->event, &child->input_source, child->input, EPOLLOUT, on_input_possible,
                            child);
    if (r < 0)
        stop_writing(child);
    return r < 0 ? r : 0;
}

/* Output and end
 * ---------------------------------------------------------------------------------------------------- */

static void enter(Child *child)
{
    child->callbacks_running++;
}

static void leave(Child *child)
{
    if (--child->callbacks_running == 0 && child->freed)
        g_free(child);
}

/* Hands over what is there. False: there is nothing more. */
static bool read_once(Child *child)
{
    static char buffer[READ_BYTES];
    ssize_t count = TEMP_FAILURE_RETRY(read(child->output, buffer, sizeof buffer));

    /* Closed at the other end: epoll would say so for ever. */
    if (count == 0)
        child->output_source = sd_event_source_disable_unref(child->output_source);
    if (count > 0)
        child->callbacks.output(buffer, (size_t)count, child->userdata);
    return count > 0;
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    Child *child = userdata;

    enter(child);
    (void)read_once(child);
    leave(child);
    return 0;
}

/* What its children keep writing is not waited for. */
enum { LAST_READS = 16 };

static int on_exit_possible(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    Child *child = userdata;
    siginfo_t info = {0};

    if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
        return 0;
    child->exit_source = sd_event_source_disable_unref(child->exit_source);
    child->pid = 0;
    enter(child);
    for (unsigned i = 0; i < LAST_READS && !child->freed && read_once(child); i++)
        ;
    if (!child->freed)
        child->callbacks.ended(info.si_code, info.si_status, child->userdata);
    leave(child);
    return 0;
}

void child_free(Child *child)
{
    if (!child)
        return;
    sd_event_source_disable_unref(child->exit_source);
    sd_event_source_disable_unref(child->input_source);
    sd_event_source_disable_unref(child->output_source);
    if (child->pid > 0) {
        (void)kill(child->pid, SIGKILL);
        reap_later(child->event, child->pid);
    }
    close_fd(&child->pidfd);
    close_fd(&child->input);
    close_fd(&child->output);
    close_fd(&child->go);
    g_byte_array_unref(child->pending);
    sd_event_unref(child->event);
    child->freed = true;
    if (child->callbacks_running == 0)
        g_free(child);
}
