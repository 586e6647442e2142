#include "bridge/reap.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_reaped(pid_t pid)
{
    return TEMP_FAILURE_RETRY(waitpid(pid, NULL, WNOHANG)) != 0;
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)is_reaped(GPOINTER_TO_INT(userdata));
    sd_event_source_disable_unref(source);
    return 0;
}

void reap_later(sd_event *event, pid_t pid)
{
    sd_event_source *source;

    if (is_reaped(pid))
        return;
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0U);
    if (pidfd < 0)
        return;
    if (sd_event_add_io(event, &source, pidfd, EPOLLIN, on_end, GINT_TO_POINTER(pid)) < 0) {
        close(pidfd);
        return;
    }
    /* Both go with the loop if the child outlives it. */
    (void)sd_event_source_set_io_fd_own(source, true);
    (void)sd_event_source_set_floating(source, true);
    sd_event_source_unref(source);
}
