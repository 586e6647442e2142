#include "bridge/adoption_listener.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "bridge/adoption_member.h"
#include "bridge/process_facts.h"

/* What they have for their ends, all of them together: programs' output waits meanwhile. */
enum { PATIENCE_MSEC = 250 };

char **adoption_listeners_name(const GPtrArray *members)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    for (unsigned i = 0; i < members->len; i++) {
        const AdoptionMember *member = g_ptr_array_index(members, i);
        if (adoption_member_is_listener(member) && member->pid > 0)
            g_ptr_array_add(names, g_strdup_printf("%d %" G_GUINT64_FORMAT, (int)member->pid, member->start));
    }
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_steal(names, NULL);
}

/* A pidfd; -1: it has ended. */
static int open_listener(const char *name)
{
    guint64 start;
    int pid;

    if (sscanf(name, "%d %" G_GUINT64_FORMAT, &pid, &start) != 2 || pid <= 1)
        return -1;
    int pidfd = pidfd_open(pid, 0);
    if (pidfd >= 0 && !process_facts_is_alive(pid, start)) {
        close(pidfd);
        return -1;
    }
    return pidfd;
}

static void wait_for_end(int pidfd, gint64 until)
{
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    gint64 rest = (until - g_get_monotonic_time()) / 1000;

    if (TEMP_FAILURE_RETRY(poll(&ended, 1, (int)MAX(rest, 0))) == 0)
        (void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
}

void adoption_listeners_end(char *const *names)
{
    g_autoptr(GArray) pidfds = g_array_new(FALSE, FALSE, sizeof(int));
    gint64 until = g_get_monotonic_time() + PATIENCE_MSEC * 1000;

    for (; names && *names; names++) {
        int pidfd = open_listener(*names);
        if (pidfd < 0)
            continue;
        (void)pidfd_send_signal(pidfd, SIGTERM, NULL, 0);
        g_array_append_val(pidfds, pidfd);
    }
    for (unsigned i = 0; i < pidfds->len; i++) {
        wait_for_end(g_array_index(pidfds, int, i), until);
        close(g_array_index(pidfds, int, i));
    }
}
