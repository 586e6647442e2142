/* supersede-gate --ended SPEC: runs after every end as ExecStopPost= and writes down how it was, for a bridge
 * that was not there to see it.
 *
 * supersede-gate SPEC: runs beside every start as ExecStartPost= and decides what the start was: RUNNING when
 * it ends well, BACKOFF while it waits, FATAL when it gives up. systemd does the rest, with or without a
 * bridge.
 *
 * It is started with every program, so it is small, static and talks to nobody but, when it gives up,
 * systemctl. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/launch_spec.h"
#include "common/process_stat.h"

#define NANOSECONDS 1000000000LL
/* How long startsecs=0 waits for the launcher to execute the program; only a user database that hangs takes
 * as long. */
#define LAUNCH_WAIT (10 * NANOSECONDS)
#define STOP_WAIT   (10 * 1000000LL)
#define LAUNCHER    "/supersede-exec"

/* The clock of /proc/PID/stat: it does not jump, and like the oracle's it goes on while the machine sleeps.
 */
static long long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_BOOTTIME, &time);
    return time.tv_sec * NANOSECONDS + time.tv_nsec;
}

/* Saturates: startsecs may be any number. */
static long long seconds_after(long long start, long long seconds)
{
    long long nanoseconds, end;

    if (__builtin_mul_overflow(seconds, NANOSECONDS, &nanoseconds) ||
        __builtin_add_overflow(start, nanoseconds, &end))
        return seconds < 0 ? start : INT64_MAX;
    return end;
}

/* Being stopped */

/* The child that asks systemd to stop the unit; 0: none. */
static volatile pid_t systemctl;

/* A stop request sends the program's stop signal to its control process too: to us. That is no failure, and
 * any end but exit 0 would make the unit a failed one. */
static void stopped(int number)
{
    /* A systemctl that is about to end is let end: systemd would kill it, and say so in the journal. */
    for (int wait = 0; systemctl > 0 && wait < 100 && waitpid(systemctl, NULL, WNOHANG) == 0; wait++)
        (void)poll(NULL, 0, 10);
    _exit(EXIT_SUCCESS);
}

static void expect_stop(void)
{
    static const int others[] = {SIGCONT, SIGCHLD, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
    struct sigaction action = {.sa_handler = stopped};

    for (int number = 1; number <= SIGRTMAX; number++) {
        bool other = number == LAUNCH_SPEC_RETRY_SIGNAL;
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            other |= number == others[i];
        if (!other)
            (void)sigaction(number, &action, NULL);
    }
}

__attribute__((noreturn)) static void end_for_restart(void)
{
    sigset_t all;

    (void)signal(LAUNCH_SPEC_RETRY_SIGNAL, SIG_DFL);
    sigemptyset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)raise(LAUNCH_SPEC_RETRY_SIGNAL);
    _exit(EXIT_FAILURE);
}

/* Waiting */

static int open_timer(long long end)
{
    struct itimerspec when = {.it_value = {.tv_sec = end / NANOSECONDS, .tv_nsec = end % NANOSECONDS}};

    if (end <= 0)
        when.it_value = (struct timespec){.tv_nsec = 1};
    int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd >= 0 && timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Waits until `end`, or until the process behind `process` (a pidfd, or -1 for none) is gone. */
static void wait_until(long long end, int process)
{
    CLEANUP_CLOSE int timer = open_timer(end);

    while (now() < end) {
        struct pollfd events[] = {{.fd = process, .events = POLLIN}, {.fd = timer, .events = POLLIN}};
        /* Without a timer (no descriptor left) look at the clock again every now and then. */
        int r = poll(events, 2, timer < 0 ? 100 : -1);
        if (r < 0 && errno != EINTR)
            return;
        if (r > 0 && events[0].revents != 0)
            return;
    }
}

static bool is_gone(int process)
{
    struct pollfd event = {.fd = process, .events = POLLIN};

    return poll(&event, 1, 0) > 0;
}

/* The main process */

/* The unit of time in /proc/PID/stat, 10 ms. */
static long long tick(void)
{
    return NANOSECONDS / sysconf(_SC_CLK_TCK);
}

/* Parent and start of a process. The start is rounded down to a tick. */
static int read_stat(pid_t pid, pid_t *ret_parent, long long *ret_start)
{
    ProcessStat stat;
    int r = process_stat_read(pid, &stat);

    if (r < 0)
        return r;
    *ret_start = (long long)stat.start * tick();
    *ret_parent = stat.parent;
    return 0;
}

/* Returns a pidfd and when the process was started, or negative errno when it is gone already. */
static int open_main_process(pid_t *ret_pid, long long *ret_start)
{
    const char *text = getenv("MAINPID");
    pid_t parent = 0;
    long long start = 0, begun = now();
    char *end;

    errno = 0;
    long pid = text ? strtol(text, &end, 10) : 0;
    if (!text || errno != 0 || *end || pid <= 1 || pid > INT32_MAX)
        return -ESRCH;
    int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0U);
    if (fd < 0)
        return -errno;
    /* Another parent than ours: systemd has reaped the main process, and the number went to a stranger. /proc
     * may hide a setuid program from a user's gate: then it must have been started just now. */
    int r = read_stat((pid_t)pid, &parent, &start);
    if (r < 0)
        start = begun;
    if (r < 0 ? is_gone(fd) : parent != getppid()) {
        close(fd);
        return -ESRCH;
    }
    *ret_pid = (pid_t)pid;
    *ret_start = start < begun ? start : begun;
    return fd;
}

/* The file a process executes. Returns its length or negative errno. */
static int executable(pid_t pid, char *buffer, size_t size)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    ssize_t length = readlink(path, buffer, size - 1);
    if (length < 0)
        return -errno;
    buffer[length] = '\0';
    return (int)length;
}

static bool ends_with(const char *text, int length, const char *end)
{
    int end_length = (int)strlen(end);

    return length >= end_length && memcmp(text + length - end_length, end, (size_t)end_length) == 0;
}

/* With Type=simple the gate runs as soon as systemd has forked: the main process is then still a copy of
 * systemd (from 254 on its executor), next the launcher, then the program. */
static bool is_program(pid_t pid)
{
    static const char *const before[] = {"/systemd-executor", LAUNCHER};
    static const char deleted[] = " (deleted)"; /* an upgrade replaced the file */
    char file[PATH_MAX], manager[PATH_MAX];

    int length = executable(pid, file, sizeof file);
    if (length < 0)
        return length == -EACCES || length == -EPERM; /* none of ours forbids it to us */
    if (executable(getppid(), manager, sizeof manager) >= 0 && strcmp(file, manager) == 0)
        return false;
    if (ends_with(file, length, deleted))
        length -= (int)sizeof deleted - 1;
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        if (ends_with(file, length, before[i]))
            return false;
    }
    return true;
}

static void wait_for_program(int process, pid_t pid)
{
    long long end = now() + LAUNCH_WAIT;

    while (!is_program(pid) && now() < end) {
        struct pollfd event = {.fd = process, .events = POLLIN};
        if (poll(&event, 1, 1) > 0)
            return;
    }
}

static bool launcher_failed(const char *path)
{
    CLEANUP_FREE char *companion = launch_spec_companion(path, LAUNCH_SPEC_SPAWNERR);

    return companion && access(companion, F_OK) == 0;
}

/* Whether the start was one: the program lived for startsecs. As in the oracle the moment somebody looks
 * decides. */
static bool stays_up(const char *path, long long startsecs)
{
    pid_t pid = 0;
    long long start = 0;

    CLEANUP_CLOSE int process = open_main_process(&pid, &start);
    if (process < 0)
        return startsecs <= 0 && !launcher_failed(path);
    long long end = seconds_after(start, startsecs);
    if (startsecs <= 0)
        wait_for_program(process, pid);
    else
        /* RUNNING takes strictly more than startsecs. A death is early only if it certainly was: the oracle's
         * clock runs from before the fork, so "sleep 1" is no early end for startsecs=1. */
        wait_until(end < INT64_MAX - tick() ? end + tick() : end, process);
    if (!is_gone(process))
        return true;
    return (startsecs <= 0 || now() >= end) && !launcher_failed(path);
}

/* Giving up */

static bool stop_unit(const LaunchSpec *spec)
{
    static const char *const places[] = {"/usr/bin/systemctl", "/bin/systemctl", "/usr/local/bin/systemctl",
                                         "/run/current-system/sw/bin/systemctl"};
    const char *argv[] = {"systemctl",  spec->user_manager ? "--user" : "--system",
                          "--no-block", "--quiet",
                          "stop",       "--",
                          spec->unit,   NULL};
    posix_spawnattr_t attributes;
    sigset_t all;
    pid_t pid = 0;
    int status;

    sigfillset(&all);
    if (posix_spawnattr_init(&attributes) != 0)
        return false;
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    for (size_t i = 0; pid == 0 && i < sizeof places / sizeof *places; i++) {
        if (posix_spawn(&pid, places[i], NULL, &attributes, (char *const *)argv, environ) != 0)
            pid = 0;
    }
    (void)posix_spawnattr_destroy(&attributes);
    systemctl = pid;
    if (pid == 0) {
        (void)fprintf(stderr, "supersede-gate: cannot run systemctl to stop %s\n", spec->unit);
        return false;
    }
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return false;
    }
    systemctl = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Only a stop request keeps every kind of Restart= from starting the unit again, so it must get through; its
 * signal ends this program. */
__attribute__((noreturn)) static void give_up(const char *path, const LaunchSpec *spec)
{
    const char *invocation = getenv("INVOCATION_ID");

    int r = launch_spec_write_companion(path, LAUNCH_SPEC_FATAL, invocation ? invocation : "");
    if (r < 0)
        (void)fprintf(stderr, "supersede-gate: %s%s: %s\n", path, LAUNCH_SPEC_FATAL, strerror(-r));
    (void)launch_spec_write_failures(path, 0);
    for (long long delay = 1;; delay = delay < 32 ? delay * 2 : delay) {
        if (stop_unit(spec))
            delay = 32;
        wait_until(seconds_after(now(), delay), -1);
    }
}

__attribute__((noreturn)) static void fail(const char *path, const LaunchSpec *spec)
{
    long long noticed = now();

    /* A stop signals the program first and the gate next: what looks like an early death may be the stop, and
     * is no failure then. */
    wait_until(noticed + STOP_WAIT, -1);
    unsigned failures = launch_spec_read_failures(path);

    if (failures < UINT_MAX)
        failures++;
    if (failures > spec->startretries)
        give_up(path, spec);
    int r = launch_spec_write_failures(path, failures);
    if (r < 0)
        (void)fprintf(stderr, "supersede-gate: %s%s: %s\n", path, LAUNCH_SPEC_FAILURES, strerror(-r));
    /* systemd itself waits RestartSec before every start. */
    long long restart_delay = spec->startsecs <= 0 ? LAUNCH_SPEC_RESTART_DELAY : 0;
    wait_until(seconds_after(noticed, failures - restart_delay), -1);
    end_for_restart();
}

/* systemd forgets a unit whose end was a success to it; what it says here is all that is left. A start that
 * never had a main process has no end. */
static int note_end(const char *path)
{
    const char *code = getenv("EXIT_CODE"), *status = getenv("EXIT_STATUS");

    if (!code || !status)
        return EXIT_SUCCESS;
    int r = launch_spec_write_companion(path, LAUNCH_SPEC_ENDED, strcmp(code, "exited") == 0 ? status : "-1");
    if (r < 0)
        (void)fprintf(stderr, "supersede-gate: %s%s: %s\n", path, LAUNCH_SPEC_ENDED, strerror(-r));
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    LaunchSpec spec;
    void *storage;

    if (argc == 3 && strcmp(argv[1], LAUNCH_SPEC_NOTE_END) == 0)
        return note_end(argv[2]);
    expect_stop();
    if (argc != 2) {
        (void)fprintf(stderr, "usage: supersede-gate [--ended] SPEC\n");
        return EXIT_FAILURE;
    }
    const char *path = argv[1];
    int r = launch_spec_read(path, &spec, &storage);
    if (r < 0) {
        (void)fprintf(stderr, "supersede-gate: cannot read %s: %s\n", path, strerror(-r));
        /* systemd may start the unit again at once, and again: not in a busy loop. */
        wait_until(seconds_after(now(), 5), -1);
        return EXIT_FAILURE;
    }
    if (!stays_up(path, spec.startsecs))
        fail(path, &spec);
    (void)launch_spec_write_failures(path, 0);
    return EXIT_SUCCESS;
}
