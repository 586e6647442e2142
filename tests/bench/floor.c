/* floor METHOD PIPE_BYTES REST_USEC FILE: how cheaply this kernel lets anybody bring a pipe into log files.
 * Reads standard input to its end and does nothing beyond that: no loop of events, no journal, no followers.
 *
 *   splice   straight into FILE, which is rotated at 50 MB with 10 backups
 *   copy     the same with read() and write(), 64 KiB at a time
 *   discard  splice to /dev/null: nothing is copied, only the pipe is emptied
 *
 * After a look that found less than half a pipe it rests so long, or the writer would be chased line by line.
 * Prints MB/s and CPU seconds per GB. */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MAXBYTES = 50 * 1000 * 1000, BACKUPS = 10, COPY_BYTES = 64 * 1024, TAKE_BYTES = 1024 * 1024 };

struct log {
    const char *path;
    int fd;
    size_t size;
};

static double monotonic_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void open_log(struct log *log)
{
    log->fd = open(log->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (log->fd < 0)
        err(1, "%s", log->path);
    log->size = 0;
}

static void rotate(struct log *log)
{
    char source[PATH_MAX];
    char target[PATH_MAX];

    close(log->fd);
    for (int i = BACKUPS - 1; i >= 0; i--) {
        snprintf(source, sizeof(source), i > 0 ? "%s.%d" : "%s", log->path, i);
        snprintf(target, sizeof(target), "%s.%d", log->path, i + 1);
        (void)rename(source, target);
    }
    open_log(log);
}

static ssize_t splice_into(struct log *log)
{
    size_t room = MAXBYTES - log->size;
    ssize_t count = splice(STDIN_FILENO, NULL, log->fd, NULL, room < TAKE_BYTES ? room : TAKE_BYTES, 0);

    if (count > 0)
        log->size += (size_t)count;
    return count;
}

static ssize_t copy_into(struct log *log)
{
    static char buffer[COPY_BYTES];
    ssize_t count = read(STDIN_FILENO, buffer, sizeof(buffer));

    for (ssize_t done = 0; done < count;) {
        ssize_t written = write(log->fd, buffer + done, (size_t)(count - done));

        if (written < 0)
            err(1, "write");
        done += written;
    }
    if (count > 0)
        log->size += (size_t)count;
    return count;
}

static ssize_t discard(struct log *log)
{
    return splice(STDIN_FILENO, NULL, log->fd, NULL, TAKE_BYTES, 0);
}

static const struct method {
    const char *name;
    ssize_t (*take)(struct log *log);
    ssize_t most; /* that one take brings */
} methods[] = {
    {"splice", splice_into, TAKE_BYTES},
    {"copy", copy_into, COPY_BYTES},
    {"discard", discard, TAKE_BYTES},
};

static const struct method *find_method(const char *name)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    errx(2, "usage: floor splice|copy|discard PIPE_BYTES REST_USEC FILE");
}

int main(int argc, char **argv)
{
    const struct method *method = find_method(argc == 5 ? argv[1] : "");
    int pipe_size = fcntl(STDIN_FILENO, F_SETPIPE_SZ, (int)strtol(argv[2], NULL, 10));
    const struct timespec rest = {.tv_nsec = strtol(argv[3], NULL, 10) * 1000};
    struct log log = {.path = argv[4]};
    double begin = 0;
    double total = 0;
    ssize_t count;

    if (pipe_size < 0)
        err(1, "F_SETPIPE_SZ");
    open_log(&log);
    while ((count = method->take(&log)) > 0) {
        if (total == 0)
            begin = monotonic_seconds();
        total += (double)count;
        if (log.size >= MAXBYTES)
            rotate(&log);
        if (rest.tv_nsec > 0 && count < (pipe_size < method->most ? pipe_size : method->most) / 2)
            nanosleep(&rest, NULL);
    }
    if (count < 0)
        err(1, "%s", method->name);
    printf("%f %f\n", total / 1e6 / (monotonic_seconds() - begin), cpu_seconds() / (total / 1e9));
    return 0;
}
