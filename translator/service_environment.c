#include "translator/service_environment.h"

#include <glib.h>

static const char *const about_the_service[] = {
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PIDFDID",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "MAINPID",
    "MAINPIDFDID",
    "FDSTORE",
    "NOTIFY_ACCESS",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "CPU_PRESSURE_WATCH",
    "CPU_PRESSURE_WRITE",
    "IO_PRESSURE_WATCH",
    "IO_PRESSURE_WRITE",
};

char **service_environment_forget(char **environment)
{
    for (size_t i = 0; i < G_N_ELEMENTS(about_the_service); i++)
        environment = g_environ_unsetenv(environment, about_the_service[i]);
    return environment;
}
