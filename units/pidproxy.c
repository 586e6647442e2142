/* pidproxy PIDFILE COMMAND [ARGUMENT…]: runs a command that puts itself into the background, and passes the
 * signals it gets on to the process that a file names. Behaves as the oracle's, down to looking after its
 * child every five seconds only: a supervised pidproxy whose command returns at once must live long enough to
 * count as started. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"

#define LOOK_EVERY 5 /* seconds */

static const struct {
    int number;
    bool ends; /* pidproxy ends after passing it on */
} passed_on[] = {
    {SIGTERM, true}, {SIGHUP, false}, {SIGINT, true}, {SIGUSR1, false}, {SIGUSR2, false}, {SIGQUIT, true},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void usage(const char *program)
{
    (void)printf("Usage: %s PIDFILE COMMAND [ARGUMENT...]\n"
                 "\n"
                 "Runs COMMAND and waits for it to end. Each TERM, HUP, INT, QUIT, USR1 and USR2 that "
                 "arrives is sent\n"
                 "to the process whose number is in PIDFILE; after TERM, INT or QUIT pidproxy ends, too.\n",
                 program);
}

/* Signals are waited for, not handled: they stay blocked but for the child. */
static void block_signals(sigset_t *ret_passed, sigset_t *ret_before)
{
    sigemptyset(ret_passed);
    for (size_t i = 0; i < COUNT(passed_on); i++) {
        (void)signal(passed_on[i].number, SIG_DFL); /* an ignored signal would not wait */
        sigaddset(ret_passed, passed_on[i].number);
    }
    (void)signal(SIGCHLD, SIG_DFL);
    /* Python ignores these two, and its children inherit that. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)sigprocmask(SIG_BLOCK, ret_passed, ret_before);
}

/* Takes out empty components, "." and ".." without looking at links, as Python's normpath() does. `path` is
 * absolute. */
static void normalise(char *path)
{
    char *end = path + (path[1] == '/' && path[2] != '/'); /* two slashes, and only two, stay */
    char *root = end;

    for (const char *from = path; *from;) {
        from += strspn(from, "/");
        size_t length = strcspn(from, "/");
        if (length == 2 && from[0] == '.' && from[1] == '.') {
            while (end > root && *--end != '/')
                continue;
        } else if (length > 0 && !(length == 1 && from[0] == '.')) {
            *end++ = '/';
            memmove(end, from, length);
            end += length;
        }
        from += length;
    }
    if (end == root)
        *end++ = '/';
    *end = '\0';
}

/* The command is not looked for in PATH: the oracle takes it for a path from the working directory. */
static char *absolute_path(const char *command)
{
    char *path = NULL;
    CLEANUP_FREE char *here = *command == '/' ? strdup("") : getcwd(NULL, 0);

    if (!here || asprintf(&path, "%s%s%s", here, *command == '/' ? "" : "/", command) < 0)
        return NULL;
    normalise(path);
    return path;
}

static int start(char **argv, const sigset_t *mask)
{
    CLEANUP_FREE char *file = absolute_path(argv[0]);

    if (!file)
        return -errno;
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        (void)sigprocmask(SIG_SETMASK, mask, NULL);
        execv(file, argv);
        _exit(127);
    }
    return 0;
}

/* Only a single process: 0 and negative numbers would mean whole groups, or everybody. */
static int read_pid(const char *pidfile, pid_t *ret)
{
    char text[64], *end;

    CLEANUP_CLOSE int fd = open(pidfile, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t size = read(fd, text, sizeof text - 1);
    if (size < 0)
        return -errno;
    text[size] = '\0';
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end == text || errno != 0 || end[strspn(end, " \t\r\n\v\f")] || number <= 0 || number > INT_MAX)
        return -EBADMSG;
    *ret = (pid_t)number;
    return 0;
}

static void pass_on(const char *pidfile, int number)
{
    pid_t pid = 0;

    if (read_pid(pidfile, &pid) < 0) {
        (void)printf("Can't read child pidfile %s!\n", pidfile);
        (void)fflush(stdout);
        return;
    }
    if (kill(pid, number) < 0) {
        (void)fprintf(stderr, "pidproxy: process %d: %s\n", (int)pid, strerror(errno));
        exit(EXIT_FAILURE);
    }
    for (size_t i = 0; i < COUNT(passed_on); i++) {
        if (passed_on[i].number == number && passed_on[i].ends)
            exit(EXIT_SUCCESS);
    }
}

static struct timespec time_until(const struct timespec *end)
{
    struct timespec now, left;

    clock_gettime(CLOCK_MONOTONIC, &now);
    left.tv_sec = end->tv_sec - now.tv_sec;
    left.tv_nsec = end->tv_nsec - now.tv_nsec;
    if (left.tv_nsec < 0) {
        left.tv_sec--;
        left.tv_nsec += 1000000000;
    }
    return left.tv_sec < 0 ? (struct timespec){0} : left;
}

static void pass_signals_on(const char *pidfile, const sigset_t *passed)
{
    struct timespec end, left;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += LOOK_EVERY;
    for (;;) {
        left = time_until(&end);
        int number = sigtimedwait(passed, NULL, &left);
        if (number > 0)
            pass_on(pidfile, number);
        else if (errno == EAGAIN)
            return;
    }
}

int main(int argc, char **argv)
{
    sigset_t passed, before;

    if (argc < 3) {
        usage(argv[0]);
        return EXIT_FAILURE;
    }
    block_signals(&passed, &before);
    int r = start(argv + 2, &before);
    if (r < 0) {
        (void)fprintf(stderr, "pidproxy: %s: %s\n", argv[2], strerror(-r));
        return EXIT_FAILURE;
    }
    do {
        pass_signals_on(argv[1], &passed);
    } while (waitpid(-1, NULL, WNOHANG) <= 0);
    return EXIT_SUCCESS;
}
