/* Prints what a supervised program sees of itself as one line of JSON, and a line on stderr. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void print_string(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c >= 0x7f || *c == '"' || *c == '\\')
            printf("\\u%04x", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

static void print_strings(const char *name, char **strings)
{
    printf(", \"%s\": [", name);
    for (char **string = strings; *string; string++) {
        if (string != strings)
            printf(", ");
        print_string(*string);
    }
    putchar(']');
}

static void print_number(const char *name, long long value)
{
    printf(", \"%s\": %lld", name, value);
}

/* Signals, capabilities and the like, as the kernel says it. */
static void print_status(void)
{
    static const char *const wanted[] = {"Uid",    "Gid",    "SigPnd",     "ShdPnd",  "SigBlk",
                                         "SigIgn", "SigCgt", "CapInh",     "CapPrm",  "CapEff",
                                         "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Umask"};
    char line[4096];

    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status)) {
        char *colon = strchr(line, ':');
        if (!colon)
            continue;
        *colon = '\0';
        line[strcspn(colon + 1, "\n") + (size_t)(colon + 1 - line)] = '\0';
        for (size_t i = 0; i < COUNT(wanted); i++) {
            if (strcmp(line, wanted[i]) != 0)
                continue;
            printf(", \"%s\": ", line);
            print_string(colon + 1 + strspn(colon + 1, "\t "));
        }
    }
    if (status)
        fclose(status);
}

static void print_groups(void)
{
    gid_t groups[NGROUPS_MAX];
    int count = getgroups(NGROUPS_MAX, groups);

    printf(", \"groups\": [");
    for (int i = 0; i < count; i++)
        printf("%s%u", i > 0 ? ", " : "", groups[i]);
    putchar(']');
}

static const char *reopened(int fd, int flags)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, flags | O_NONBLOCK | O_CLOEXEC);
    if (again < 0)
        return strerrorname_np(errno);
    close(again);
    return "";
}

static void print_descriptor(int fd)
{
    static const char *const modes[] = {"r", "w", "rw"};
    struct stat status;

    int flags = fcntl(fd, F_GETFL);
    if (fstat(fd, &status) < 0 || flags < 0)
        return;
    printf("{\"fd\": %d, \"fifo\": %s, \"mode\": \"%s\", \"nonblocking\": %s, \"append\": %s, \"reopened\": "
           "\"%s\"}",
           fd, S_ISFIFO(status.st_mode) ? "true" : "false", modes[flags & O_ACCMODE],
           flags & O_NONBLOCK ? "true" : "false", flags & O_APPEND ? "true" : "false",
           reopened(fd, fd == 0 ? O_RDONLY : O_WRONLY));
}

static int by_number(const void *one, const void *other)
{
    return *(const int *)one - *(const int *)other;
}

static void print_descriptors(void)
{
    int fds[4096];
    size_t count = 0;

    DIR *directory = opendir("/proc/self/fd");
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        if (entry->d_name[0] != '.' && fd != dirfd(directory) && count < COUNT(fds))
            fds[count++] = fd;
    }
    if (directory)
        closedir(directory);
    qsort(fds, count, sizeof *fds, by_number);
    printf(", \"descriptors\": [");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            printf(", ");
        print_descriptor(fds[i]);
    }
    putchar(']');
}

static void print_limits(void)
{
    printf(", \"limits\": [");
    for (int resource = 0; resource < (int)RLIM_NLIMITS; resource++) {
        struct rlimit limit = {0};
        getrlimit((__rlimit_resource_t)resource, &limit);
        printf("%s[%lld, %lld]", resource > 0 ? ", " : "", (long long)limit.rlim_cur,
               (long long)limit.rlim_max);
    }
    putchar(']');
}

static void print_path(const char *name, const char *link)
{
    char path[PATH_MAX];
    ssize_t length = readlink(link, path, sizeof path - 1);

    path[length < 0 ? 0 : length] = '\0';
    printf(", \"%s\": ", name);
    print_string(path);
}

static void print_oom_score(void)
{
    char text[32] = "";
    FILE *file = fopen("/proc/self/oom_score_adj", "re");

    if (file && fgets(text, sizeof text, file))
        print_number("oom_score_adj", strtol(text, NULL, 10));
    if (file)
        fclose(file);
}

int main(int argc, char **argv)
{
    /* Before anything is opened here. */
    printf("{\"leads_group\": %s", getpgrp() == getpid() ? "true" : "false");
    print_descriptors();
    print_status();
    print_groups();
    print_limits();
    print_path("cwd", "/proc/self/cwd");
    print_path("exe", "/proc/self/exe");
    print_number("dumpable", prctl(PR_GET_DUMPABLE));
    print_number("leads_session", getsid(0) == getpid());
    print_number("nice", getpriority(PRIO_PROCESS, 0));
    print_number("policy", sched_getscheduler(0));
    print_number("timer_slack", prctl(PR_GET_TIMERSLACK));
    print_oom_score();
    print_strings("argv", argv);
    print_strings("environment", environ);
    printf("}\n");
    fflush(stdout);
    fprintf(stderr, "on stderr\n");
    return argc > 100;
}
