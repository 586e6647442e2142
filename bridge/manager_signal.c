/* Signals to the manager: the oracle's, and what systemd means by its SIGTERM. */
#include <errno.h>
#include <signal.h>
#include <systemd/sd-daemon.h>

#include "bridge/manager_internal.h"
#include "common/signal_name.h"

/* systemctl restart, or the upgrade of a package: the next bridge takes up what is there. Everything that it
 * needs has been written before it mattered, as for a bridge that is killed. */
static void leave_running(Manager *manager)
{
    main_log_write(manager->log, LOG_LEVEL_INFO,
                   "received SIGTERM to be restarted by systemd: programs go on");
    (void)sd_notify(false, "STOPPING=1");
    http_leave_files(manager->http);
    (void)sd_event_exit(manager->event, 0);
}

static void stop_on_signal(Manager *manager, const char *name)
{
    main_log_write(manager->log, LOG_LEVEL_WARN, "received %s indicating exit request", name);
    manager_shutdown(manager);
}

static void on_own_job(int result, const char *type, void *userdata)
{
    Manager *manager = userdata;

    /* Asked again as soon as there is a connection: a restart that is taken for a stop would end every
     * program. */
    manager->term_unexplained = result == -ENOTCONN;
    if (manager->term_unexplained)
        return;
    if (g_strcmp0(type, "restart") == 0 && !manager->stopping)
        leave_running(manager);
    else
        stop_on_signal(manager, "SIGTERM");
}

static void ask_own_job(Manager *manager)
{
    int r = systemd_ask_job(manager->systemd, manager->own_unit, on_own_job, manager);

    if (r < 0)
        on_own_job(r, NULL, manager);
}

/* systemd sends SIGTERM to stop the service and to restart it; only its job tells which. */
static void on_term_signal(Manager *manager, const char *name)
{
    if (manager->own_unit)
        ask_own_job(manager);
    else
        stop_on_signal(manager, name);
}

void manager_explain_term(Manager *manager)
{
    if (manager->term_unexplained)
        ask_own_job(manager);
}

static void on_restart_signal(Manager *manager, const char *name)
{
    if (manager->state == DAEMON_SHUTDOWN) {
        main_log_write(manager->log, LOG_LEVEL_WARN,
                       "ignored %s indicating restart request (shutdown in progress)", name);
        return;
    }
    main_log_write(manager->log, LOG_LEVEL_WARN, "received %s indicating restart request", name);
    manager_restart(manager);
}

static void on_reopen_signal(Manager *manager, const char *name)
{
    g_autoptr(GPtrArray) instances = manager_instances(manager, ORDER_PRIORITY);

    main_log_write(manager->log, LOG_LEVEL_INFO, "received %s indicating log reopen request", name);
    main_log_write(manager->log, LOG_LEVEL_INFO, "supervisord logreopen");
    (void)main_log_reopen(manager->log);
    for (unsigned i = 0; i < instances->len; i++)
        instance_reopen_logs(g_ptr_array_index(instances, i));
}

static const struct {
    int number;
    void (*handle)(Manager *manager, const char *name);
} handled_signals[] = {
    {SIGTERM, on_term_signal},   {SIGINT, stop_on_signal},    {SIGQUIT, stop_on_signal},
    {SIGHUP, on_restart_signal}, {SIGUSR2, on_reopen_signal},
};

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    for (size_t i = 0; i < G_N_ELEMENTS(handled_signals); i++) {
        if (handled_signals[i].number == (int)info->ssi_signo)
            handled_signals[i].handle(userdata, signal_name((int)info->ssi_signo));
    }
    return 0;
}

int manager_watch_signals(Manager *manager)
{
    sigset_t mask;

    sigemptyset(&mask);
    for (size_t i = 0; i < G_N_ELEMENTS(handled_signals); i++)
        sigaddset(&mask, handled_signals[i].number);
    if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
        return -errno;
    for (size_t i = 0; i < G_N_ELEMENTS(handled_signals); i++) {
        int r = sd_event_add_signal(manager->event, NULL, handled_signals[i].number, on_signal, manager);
        if (r < 0)
            return r;
    }
    return 0;
}
