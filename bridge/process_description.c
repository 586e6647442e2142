#include "bridge/process_description.h"

#include <glib.h>
#include <time.h>

enum {
    DAY = 24 * 60 * 60,
};

/* str() of Python's timedelta. A clock that was set back shows as no time at all. */
static char *describe_running(const ProcessFacts *facts)
{
    int64_t uptime = MAX(facts->now - facts->start, 0);
    int64_t days = uptime / DAY;
    int seconds = (int)(uptime % DAY);
    g_autofree char *day_part = NULL;

    if (days > 0)
        day_part = g_strdup_printf("%" G_GINT64_FORMAT " day%s, ", days, days == 1 ? "" : "s");
    return g_strdup_printf("pid %d, uptime %s%d:%02d:%02d", facts->pid, day_part ? day_part : "",
                           seconds / 3600, seconds / 60 % 60, seconds % 60);
}

static char *describe_failure(const ProcessFacts *facts)
{
    if (*facts->spawnerr)
        return g_strdup(facts->spawnerr);
    return g_strdup_printf("unknown error (try \"tail %s\")", facts->name);
}

/* Local time; English whatever the locale is, as in the oracle, which never sets one. */
static char *describe_stopped(const ProcessFacts *facts)
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t stop = (time_t)facts->stop;
    struct tm time;

    if (facts->start == 0 || !localtime_r(&stop, &time))
        return g_strdup("Not started");
    return g_strdup_printf("%s %02d %02d:%02d %s", months[time.tm_mon], time.tm_mday,
                           (time.tm_hour + 11) % 12 + 1, time.tm_min, time.tm_hour < 12 ? "AM" : "PM");
}

char *process_description(const ProcessFacts *facts)
{
    switch (facts->state) {
    case PROCESS_RUNNING:
        return describe_running(facts);
    case PROCESS_FATAL:
    case PROCESS_BACKOFF:
        return describe_failure(facts);
    case PROCESS_STOPPED:
    case PROCESS_EXITED:
        return describe_stopped(facts);
    default:
        return g_strdup("");
    }
}
