#include "bridge/journal_child.h"

#include <errno.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <unistd.h>

int journal_child_settle(int fd, unsigned seconds)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(seconds);
    (void)setfsuid(geteuid());
    /* Nobody shall notice that somebody else has these, too. */
    if (fd != JOURNAL_CHILD_FD && dup2(fd, JOURNAL_CHILD_FD) < 0)
        return -errno;
    return close_range(JOURNAL_CHILD_FD + 1, ~0U, 0) == 0 ? 0 : -errno;
}
