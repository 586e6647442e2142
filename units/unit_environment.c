#include "units/unit_environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Every service gets these, asked for or not. NOTIFY_SOCKET and WATCHDOG_USEC are not among them: they are
 * there only when NotifyAccess= or WatchdogSec= was set. */
static const char *const about_the_launcher[] = {
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "MANAGERPID",
    "MANAGERPIDFDID",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "CPU_PRESSURE_WATCH",
    "CPU_PRESSURE_WRITE",
    "IO_PRESSURE_WATCH",
    "IO_PRESSURE_WRITE",
    "FDSTORE",
    NULL,
};

static size_t name_length(const char *variable)
{
    return strcspn(variable, "=");
}

static bool same_name(const char *a, const char *b)
{
    size_t length = name_length(a);
    return length == name_length(b) && strncmp(a, b, length) == 0;
}

static size_t count(const char *const *list)
{
    size_t length = 0;

    while (list[length])
        length++;
    return length;
}

static bool has_been_set(const char *variable, const char *const *manager)
{
    for (size_t i = 0; about_the_launcher[i]; i++) {
        if (same_name(variable, about_the_launcher[i]))
            return false;
    }
    for (; *manager; manager++) {
        if (strcmp(*manager, variable) == 0)
            return false;
    }
    return strchr(variable, '=') != NULL;
}

static size_t put(const char **list, size_t length, const char *variable)
{
    for (size_t i = 0; i < length; i++) {
        if (same_name(list[i], variable)) {
            list[i] = variable;
            return length;
        }
    }
    list[length] = variable;
    return length + 1;
}

const char **unit_environment_merge(const char *const *own, const char *const *manager, char *const *given)
{
    size_t length = count(own);
    const char **merged = calloc(length + count((const char *const *)given) + 1, sizeof *merged);

    if (!merged)
        return NULL;
    memcpy(merged, own, length * sizeof *merged);
    for (; manager && *given; given++) {
        if (has_been_set(*given, manager))
            length = put(merged, length, *given);
    }
    return merged;
}
