#include "bridge/crash_pause.h"

#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/cleanup.h"

/* Somebody who kills it a few times, or a crash that passes, costs no program a wait for its pipe. */
enum { FREE_STARTS = 10 };
#define QUICK_USEC   ((uint64_t)G_USEC_PER_SEC)
#define STEP_USEC    ((uint64_t)G_USEC_PER_SEC / 10)
#define LONGEST_USEC ((uint64_t)G_USEC_PER_SEC)

static char *counter_path(const char *runtime_directory)
{
    return g_build_filename(runtime_directory, "quick-starts", NULL);
}

/* How many starts there were in a row, and until when the last one had time to crash. */
static unsigned read_counter(const char *path, uint64_t *ret_until)
{
    g_autofree char *text = NULL;
    unsigned count;

    if (!g_file_get_contents(path, &text, NULL, NULL) ||
        sscanf(text, "%9u %" G_GUINT64_FORMAT, &count, ret_until) != 2)
        return 0;
    return count;
}

uint64_t crash_pause_count(const char *runtime_directory, uint64_t now)
{
    g_autofree char *path = counter_path(runtime_directory);
    uint64_t until = 0;

    unsigned count = read_counter(path, &until);
    bool quick = now <= until && until - now <= LONGEST_USEC + QUICK_USEC;
    count = quick ? count + 1 : 1;
    uint64_t pause = count > FREE_STARTS ? MIN((count - FREE_STARTS) * STEP_USEC, LONGEST_USEC) : 0;
    g_autofree char *text = g_strdup_printf("%u %" G_GUINT64_FORMAT "\n", count, now + pause + QUICK_USEC);
    (void)g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL);
    return pause;
}

void crash_pause_wait(uint64_t usec)
{
    static const int ends[] = {SIGTERM, SIGINT, SIGQUIT};
    sigset_t signals;

    if (usec == 0)
        return;
    sigemptyset(&signals);
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
        sigaddset(&signals, ends[i]);
    /* They stay blocked: the event loop takes them from here. */
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    CLEANUP_CLOSE int fd = signalfd(-1, &signals, SFD_CLOEXEC);
    struct pollfd pending = {.fd = fd, .events = POLLIN};
    (void)poll(&pending, fd >= 0, (int)(usec / 1000));
}

void crash_pause_forget(const char *runtime_directory)
{
    g_autofree char *path = counter_path(runtime_directory);

    (void)unlink(path);
}
