#include "ctl/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int wake_fd = -1;
static unsigned users;
static struct sigaction previous;

static void remember(int signal)
{
    int saved = errno;
    uint64_t one = 1;

    /* A full counter is as good: it is readable. */
    if (write(wake_fd, &one, sizeof(one)) < 0) {
    }
    errno = saved;
}

int interrupt_enable(void)
{
    /* No SA_RESTART: a read of the terminal has to come back. */
    struct sigaction action = {.sa_handler = remember};

    if (users == 0) {
        wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (wake_fd < 0)
            return -errno;
        if (sigaction(SIGINT, &action, &previous) < 0) {
            int error = errno;
            close(wake_fd);
            wake_fd = -1;
            return -error;
        }
    }
    users++;
    return 0;
}

void interrupt_disable(void)
{
    if (users == 0 || --users > 0)
        return;
    sigaction(SIGINT, &previous, NULL);
    close(wake_fd);
    wake_fd = -1;
}

int interrupt_fd(void)
{
    return wake_fd;
}

bool interrupt_take(void)
{
    uint64_t count;

    return wake_fd >= 0 && read(wake_fd, &count, sizeof(count)) == sizeof(count);
}
