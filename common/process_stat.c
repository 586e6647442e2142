#include "common/process_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

int process_stat_read(pid_t pid, ProcessStat *ret)
{
    char path[64], text[1024], state;
    int parent, group, session;
    unsigned long long start;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    ssize_t size = read(fd, text, sizeof text - 1);
    if (size < 0)
        return -errno;
    text[size] = '\0';
    /* The name stands in parentheses and may hold any of them. */
    const char *rest = strrchr(text, ')');
    if (!rest ||
        sscanf(rest + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &state, &parent, &group, &session, &start) != 5)
        return -ESRCH;
    *ret =
        (ProcessStat){.state = state, .parent = parent, .group = group, .session = session, .start = start};
    return 0;
}
