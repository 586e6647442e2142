/* Whom this supervisord comes after: one of the old kind, whose programs it adopts, or one of our own that
 * was there for the time being. */
#include <errno.h>
#include <sys/resource.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "bridge/adoption.h"
#include "bridge/manager_internal.h"
#include "bridge/runtime_directory.h"
#include "bridge/takeover.h"

/* Of a service with Type=notify it is the main process: what a shell or cron has started is not. */
char *manager_find_own_unit(void)
{
    char *unit = NULL;
    bool user_manager = geteuid() != 0;

    if (!g_getenv("NOTIFY_SOCKET") ||
        (user_manager ? sd_pid_get_user_unit(0, &unit) : sd_pid_get_unit(0, &unit)) < 0)
        return NULL;
    if (g_str_has_suffix(unit, ".service"))
        return unit;
    g_free(unit);
    return NULL;
}

int manager_lock_directory(Manager *manager)
{
    const char *configuration = config_path(manager->config);

    int r = runtime_directory_prepare(manager->runtime_directory, &manager->lock);
    if (r == -EBUSY && manager->own_unit) {
        r = takeover_run(manager->runtime_directory, configuration, manager->own_unit, &manager->inherited,
                         &manager->former_unit);
        if (r >= 0)
            r = runtime_directory_prepare(manager->runtime_directory, &manager->lock);
    }
    if (r >= 0)
        runtime_directory_sign(manager->lock, configuration);
    return r;
}

void manager_end_former(Manager *manager)
{
    if (!manager->former_unit)
        return;
    main_log_write(manager->log, LOG_LEVEL_INFO, "took the place of the supervisord in %s; programs go on",
                   manager->former_unit);
    manager_dismiss(manager, manager->former_unit);
}

/* Programs that write wait for this process now, on a host that may be busy. What it starts is to be as nice
 * as ever. */
static void hurry(Manager *manager, bool now)
{
    if (now)
        manager->niceness = getpriority(PRIO_PROCESS, 0);
    (void)setpriority(PRIO_PROCESS, 0, now ? PRIO_MIN : manager->niceness);
}

int manager_adopt(Manager *manager, char **ret_message)
{
    if (!manager->line->adopt)
        return 0;
    hurry(manager, true);
    return adoption_run(
        &(AdoptionContext){
            .file = manager->line->adopt,
            .runtime_directory = manager->runtime_directory,
            .user_manager = geteuid() != 0,
            .config = manager->config,
            .identifier = manager->settings->identifier,
            .childlogdir = manager->settings->childlogdir,
            .log = manager->log,
            .store = manager->store,
            .fd_store = manager->fd_store,
        },
        ret_message);
}

void manager_end_adoption(Manager *manager)
{
    hurry(manager, false);
    manager->adoption_end = adoption_end_begin(&(AdoptionEndContext){
        .systemd = manager->systemd,
        .log = manager->log,
        .runtime_directory = manager->runtime_directory,
        .file = manager->line->adopt,
        .identifier = manager->settings->identifier,
        .configuration = config_path(manager->config),
        .own_unit = manager->own_unit,
        .user_manager = geteuid() != 0,
    });
}
