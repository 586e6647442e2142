/* supersede-exec [--child] SPEC: becomes the program that a launch spec describes (common/launch_spec.h).
 *
 * With --child it is a child of the bridge: standard input and output are there already, it goes on when a
 * byte comes out of descriptor 3 (its scope holds it then), and it does not outlive the bridge.
 *
 * It does what the oracle's daemon does around fork(), in the same order and with the same words, so that the
 * unit's main process is the program itself and nothing about it passes through systemd's own parsing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/command.h"
#include "common/launch_spec.h"
#include "units/ambient.h"
#include "units/unit_environment.h"

enum { GO_FD = 3 };

/* As Python's errno.errorcode names it, which differs from glibc where two names share a number. */
static const char *error_name(int error)
{
    switch (error) {
    case EDEADLK:
        return "EDEADLOCK";
    case ENOTSUP:
        return "ENOTSUP";
    default: {
        const char *name = strerrorname_np(error);
        return name ? name : "EIO";
    }
    }
}

/* The start failed before there was a process of the program's own. */
__attribute__((noreturn, format(printf, 2, 3))) static void spawn_error(const char *path, const char *format,
                                                                        ...)
{
    CLEANUP_FREE char *message = NULL;
    va_list arguments;

    va_start(arguments, format);
    int r = vasprintf(&message, format, arguments);
    va_end(arguments);
    if (r < 0)
        message = NULL;
    r = launch_spec_write_companion(path, LAUNCH_SPEC_SPAWNERR, message ? message : "out of memory");
    if (r < 0)
        (void)fprintf(stderr, "supersede-exec: %s%s: %s\n", path, LAUNCH_SPEC_SPAWNERR, strerror(-r));
    (void)fprintf(stderr, "supersede-exec: %s\n", message ? message : "out of memory");
    _exit(LAUNCH_SPEC_EXIT_SPAWN_ERROR);
}

/* The process is there but cannot become the program: its own stderr is told, as by the oracle's child. */
__attribute__((noreturn, format(printf, 1, 2))) static void not_spawned(const char *format, ...)
{
    va_list arguments;

    if (format) {
        va_start(arguments, format);
        (void)vdprintf(STDERR_FILENO, format, arguments);
        va_end(arguments);
    }
    (void)dprintf(STDERR_FILENO, "supervisor: child process was not spawned\n");
    _exit(LAUNCH_SPEC_EXIT_NOT_SPAWNED);
}

/* Descriptors */

/* O_RDWR: opening waits for nobody, and a program that writes while no bridge reads fills the pipe instead of
 * dying by SIGPIPE. */
static int open_stream(const char *path, const LaunchSpec *spec, const char *spec_path)
{
    int fd = open(path ? path : "/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY | (path ? O_NOFOLLOW : 0));
    if (fd < 0)
        spawn_error(spec_path, "unknown error making dispatchers for '%s': %s", spec->process_name,
                    error_name(errno));
    /* Out of the way of 0, 1 and 2, which are about to be replaced. */
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (moved < 0)
        spawn_error(spec_path, "unknown error making dispatchers for '%s': %s", spec->process_name,
                    error_name(errno));
    close(fd);
    return moved;
}

static void close_others(void)
{
    if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
        return;
    DIR *directory = opendir("/proc/self/fd"); /* a kernel before 5.9, or a seccomp filter that is */
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        long fd = strtol(entry->d_name, NULL, 10);
        if (fd > STDERR_FILENO && fd != dirfd(directory))
            close((int)fd);
    }
    closedir(directory);
}

static bool is_listening(int fd)
{
    int listening = 0;
    socklen_t size = sizeof listening;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

/* Among what systemd passes (sd_listen_fds(3)) the one with our name. */
static int find_socket(void)
{
    enum { FIRST_PASSED = 3 };
    const char *pid = getenv("LISTEN_PID"), *names = getenv("LISTEN_FDNAMES");
    int fd = FIRST_PASSED;

    if (!pid || strtol(pid, NULL, 10) != (long)getpid())
        return -ENOENT;
    for (const char *name = names; name; fd++) {
        size_t length = strcspn(name, ":");
        if (length == strlen(LAUNCH_SPEC_SOCKET_NAME) && strncmp(name, LAUNCH_SPEC_SOCKET_NAME, length) == 0)
            return is_listening(fd) ? fd : -ENOTSOCK;
        name = name[length] ? name + length + 1 : NULL;
    }
    return -ENOENT;
}

/* Without its socket a FastCGI program would take itself for something else. */
static int take_socket(const LaunchSpec *spec, const char *spec_path)
{
    int fd = find_socket();

    if (fd < 0)
        spawn_error(spec_path, "Could not create FastCGI socket %s: systemd has not passed it", spec->socket);
    return fd;
}

static int keep_stream(int fd, const LaunchSpec *spec, const char *spec_path)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        spawn_error(spec_path, "unknown error making dispatchers for '%s': %s", spec->process_name,
                    error_name(errno));
    return copy;
}

static int open_input(const LaunchSpec *spec, const char *spec_path, bool is_child)
{
    if (is_child)
        return keep_stream(STDIN_FILENO, spec, spec_path);
    return spec->socket ? take_socket(spec, spec_path) : open_stream(spec->stdin_path, spec, spec_path);
}

static void set_up_streams(const LaunchSpec *spec, const char *spec_path, bool is_child)
{
    int streams[3];

    streams[0] = open_input(spec, spec_path, is_child);
    streams[1] = is_child ? keep_stream(STDOUT_FILENO, spec, spec_path)
                          : open_stream(spec->stdout_path, spec, spec_path);
    streams[2] = spec->redirect_stderr ? streams[1] : open_stream(spec->stderr_path, spec, spec_path);
    for (int fd = 0; fd < 3; fd++) {
        if (dup2(streams[fd], fd) < 0)
            spawn_error(spec_path, "unknown error making dispatchers for '%s': %s", spec->process_name,
                        error_name(errno));
    }
    close_others();
}

/* Opening /dev/stdout opens the FIFO itself once more, as the program's user. */
static void give_streams_to(uid_t user)
{
    struct stat status;

    for (int fd = 0; fd < 3; fd++) {
        if (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) && status.st_uid != user)
            (void)!fchown(fd, user, (gid_t)-1);
    }
}

/* What a process inherits */

/* posix_spawn() of glibc leaves the two signals ignored that its threads use, and signal() does not touch
 * them. */
static void reset_hidden_signals(void)
{
    enum { FIRST_HIDDEN = 32 };
    static const unsigned long
        standard[32]; /* as large as any kernel's struct sigaction: SIG_DFL and nothing else */

    for (int number = FIRST_HIDDEN; number < SIGRTMIN; number++)
        (void)syscall(SYS_rt_sigaction, number, standard, NULL, (size_t)(_NSIG / 8));
}

/* SIGPIPE and SIGXFSZ are ignored by Python, and its children inherit that. */
static void set_up_signals(void)
{
    sigset_t none;

    for (int number = 1; number <= SIGRTMAX; number++)
        (void)signal(number, number == SIGPIPE || number == SIGXFSZ ? SIG_IGN : SIG_DFL);
    reset_hidden_signals();
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The oracle's daemon does not start when it cannot raise a limit; here the daemon has checked already, and
 * what the unit or the user manager forbids beyond that must not keep the program from running. */
static void set_limit(int resource, struct rlimit limit)
{
    struct rlimit current;

    if (setrlimit(resource, &limit) == 0 || getrlimit(resource, &current) < 0)
        return;
    if (limit.rlim_max > current.rlim_max)
        limit.rlim_max = current.rlim_max;
    if (limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(resource, &limit);
}

/* A child of the bridge */

/* The kernel forgets about it when the user changes, so it is said once more then. */
static void die_with(pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
}

/* The end of the pipe instead of a byte: the bridge is gone, or has changed its mind. */
static void wait_for_go(void)
{
    char byte;
    ssize_t count;

    do
        count = read(GO_FD, &byte, 1);
    while (count < 0 && errno == EINTR);
    if (count != 1)
        _exit(0);
    close(GO_FD);
}

/* Privileges */

static bool user_is_number(const char *user, unsigned long long *ret)
{
    char *end;

    if (*user < '0' || *user > '9')
        return false;
    errno = 0;
    *ret = strtoull(user, &end, 10);
    return errno == 0 && !*end;
}

static const struct passwd *find_user(const char *user)
{
    unsigned long long number;
    const struct passwd *entry;

    if (!user_is_number(user, &number)) {
        entry = getpwnam(user);
        if (!entry) {
            CLEANUP_FREE char *shown = command_repr(user);
            not_spawned("supervisor: couldn't setuid to %s: Can't find username %s\n", user,
                        shown ? shown : user);
        }
        return entry;
    }
    entry = number < (uid_t)-1 ? getpwuid((uid_t)number) : NULL;
    if (!entry)
        not_spawned("supervisor: couldn't setuid to %s: Can't find uid %llu\n", user, number);
    return entry;
}

static bool is_member(const struct group *group, const char *user)
{
    for (char **member = group->gr_mem; *member; member++) {
        if (strcmp(*member, user) == 0)
            return true;
    }
    return false;
}

/* The oracle walks the group database itself, so initgroups() and its other sources would not do. */
static int set_groups(const char *user, gid_t primary)
{
    size_t count = 0, capacity = 16;
    CLEANUP_FREE gid_t *groups = malloc(capacity * sizeof *groups);
    if (!groups)
        return -ENOMEM;

    groups[count++] = primary;
    setgrent();
    for (struct group *group; (group = getgrent());) {
        if (!is_member(group, user))
            continue;
        if (count == capacity) {
            capacity *= 2;
            gid_t *larger = reallocarray(groups, capacity, sizeof *groups);
            if (!larger)
                return -ENOMEM;
            groups = larger;
        }
        groups[count++] = group->gr_gid;
    }
    endgrent();
    return setgroups(count, groups) < 0 ? -errno : 0;
}

static void drop_privileges(const char *user)
{
    const struct passwd *entry = find_user(user);
    uid_t uid = entry->pw_uid;
    gid_t gid = entry->pw_gid;

    if (getuid() == uid)
        return; /* groups stay as they are, too */
    if (getuid() != 0)
        not_spawned("supervisor: couldn't setuid to %s: Can't drop privilege as nonroot user\n", user);
    CLEANUP_FREE char *name = strdup(entry->pw_name); /* getgrent() may look users up */
    give_streams_to(uid);
    if (!name || set_groups(name, gid) < 0)
        not_spawned("supervisor: couldn't setuid to %s: Could not set groups of effective user\n", user);
    if (setgid(gid) < 0)
        not_spawned("supervisor: couldn't setuid to %s: Could not set group id of effective user\n", user);
    uint64_t ambient = ambient_get();
    if (ambient_hold(ambient) < 0 || setuid(uid) < 0 || ambient_restore(ambient) < 0)
        not_spawned(NULL);
}

__attribute__((noreturn)) static void become(const LaunchSpec *spec, const Command *command)
{
    close_others(); /* what the user database left open */
    if (spec->directory && chdir(spec->directory) < 0)
        not_spawned("supervisor: couldn't chdir to %s: %s\n", spec->directory, error_name(errno));
    umask(spec->umask);
    const char **merged = unit_environment_merge(spec->environment, spec->manager_environment, environ);
    execve(command->file, command->argv, (char *const *)(merged ?: (const char **)spec->environment));
    not_spawned("supervisor: couldn't exec %s: %s\n", command->argv[0], error_name(errno));
}

int main(int argc, char **argv)
{
    LaunchSpec spec;
    void *storage;
    Command command;
    char *message;

    bool is_child = argc == 3 && strcmp(argv[1], "--child") == 0;
    if (argc != 2 && !is_child) {
        (void)fprintf(stderr, "usage: supersede-exec [--child] SPEC\n");
        return LAUNCH_SPEC_EXIT_SPAWN_ERROR;
    }
    const char *path = argv[argc - 1];
    pid_t parent = getppid();
    if (is_child) {
        die_with(parent);
        wait_for_go();
    }
    (void)launch_spec_remove_companion(path, LAUNCH_SPEC_FATAL);
    int r = launch_spec_read(path, &spec, &storage);
    if (r < 0)
        spawn_error(path, "cannot read %s: %s", path, strerror(-r));
    /* When it is gone, what has an absolute path still works: the oracle's daemon would be in a deleted
     * directory. */
    (void)!chdir(spec.base_directory);
    r = command_resolve(spec.command, spec.search_path, &command, &message);
    if (r != COMMAND_OK)
        spawn_error(path, "%s", r < 0 ? strerror(-r) : message);

    (void)setpgid(0, 0); /* fails in a session leader, which has a group of its own already */
    set_up_signals();
    set_limit(RLIMIT_NOFILE, spec.open_files);
    set_limit(RLIMIT_NPROC, spec.processes);
    set_up_streams(&spec, path, is_child);
    (void)launch_spec_remove_companion(path, LAUNCH_SPEC_SPAWNERR);
    /* The oracle's daemon is that user already when it forks: another one cannot be reached from there. */
    if (spec.daemon_user)
        drop_privileges(spec.daemon_user);
    if (spec.user)
        drop_privileges(spec.user);
    if (is_child)
        die_with(parent);
    become(&spec, &command);
}
