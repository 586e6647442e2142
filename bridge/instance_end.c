/* What an end was: failed start, exit, stop; in the oracle's words and with its consequences. */
#include <signal.h>
#include <sys/wait.h>

#include "bridge/instance_internal.h"
#include "common/signal_name.h"

double instance_end_seconds(uint64_t usec)
{
    return usec > 0 ? (double)usec / G_USEC_PER_SEC : (double)g_get_real_time() / G_USEC_PER_SEC;
}

void instance_end_describe(const Observed *observed, int *ret_status, char **ret_text)
{
    if (observed->exit_code == CLD_EXITED) {
        *ret_status = observed->exit_status;
        *ret_text = g_strdup_printf("exit status %d", observed->exit_status);
        return;
    }
    *ret_status = -1;
    if (observed->exit_code == 0) {
        *ret_text = g_strdup("not seen");
        return;
    }
    const char *name = signal_name(observed->exit_status);
    g_autofree char *number = g_strdup_printf("signal %d", observed->exit_status);
    *ret_text = g_strconcat("terminated by ", name ? name : number,
                            observed->exit_code == CLD_DUMPED ? " (core dumped)" : "", NULL);
}

bool instance_end_is_expected(const Instance *instance, int status)
{
    const ProcessConfig *config = instance->planned->config;

    for (size_t i = 0; i < config->exitcode_count; i++) {
        if (config->exitcodes[i] == status)
            return true;
    }
    return false;
}

void instance_end_give_up(Instance *instance)
{
    main_log_write(instance->context->log, LOG_LEVEL_INFO,
                   "gave up: %s entered FATAL state, too many start retries too quickly",
                   instance_name(instance));
    instance_apply(instance, STATE_EVENT_GIVE_UP);
}

static void see_stopped(Instance *instance, int status, const char *text)
{
    bool expected = instance_end_is_expected(instance, status);

    instance->exitstatus = status;
    main_log_write(instance->context->log, expected ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "stopped: %s (%s)",
                   instance_name(instance), text);
    instance_apply(instance, STATE_EVENT_EXITED);
}

static void see_failed(Instance *instance, const char *text)
{
    g_autofree char *spawnerr = launch_read_spawn_error(instance->planned, &instance->context->launch);

    instance->exitstatus = 0;
    if (spawnerr) {
        instance_fail_start(instance, spawnerr);
    } else {
        instance_set_spawnerr(instance, "Exited too quickly (process log may have details)");
        main_log_write(instance->context->log, LOG_LEVEL_WARN, "exited: %s (%s; not expected)",
                       instance_name(instance), text);
        instance_apply(instance, STATE_EVENT_FAILED);
    }
    if (instance->state == PROCESS_BACKOFF && instance->backoff > instance->planned->config->startretries)
        instance_end_give_up(instance);
}

static void see_exited(Instance *instance, int status, const char *text)
{
    bool expected = instance_end_is_expected(instance, status);

    instance->exitstatus = status;
    if (!expected) {
        g_autofree char *spawnerr = g_strdup_printf("Bad exit code %d", status);
        instance_set_spawnerr(instance, spawnerr);
    }
    main_log_write(instance->context->log, expected ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "exited: %s (%s; %s)",
                   instance_name(instance), text, expected ? "expected" : "not expected");
    instance_apply(instance, STATE_EVENT_EXITED);
}

void instance_end_take(Instance *instance, const Observed *observed, bool failed)
{
    g_autofree char *text = NULL;
    int status;

    instance->laststop = instance_end_seconds(observed->time);
    instance_end_describe(observed, &status, &text);
    if (instance->state == PROCESS_STOPPING)
        see_stopped(instance, status, text);
    else if (failed)
        see_failed(instance, text);
    else
        see_exited(instance, status, text);
    if (instance->state != PROCESS_STARTING && instance->state != PROCESS_RUNNING)
        instance->pid = 0;
}

bool instance_end_is_to_come_back(const Instance *instance)
{
    switch (instance->planned->config->autorestart) {
    case AUTORESTART_ALWAYS:
        return true;
    case AUTORESTART_UNEXPECTED:
        return !instance_end_is_expected(instance, instance->exitstatus);
    case AUTORESTART_NEVER:
        break;
    }
    return false;
}

void instance_end_come_up(Instance *instance)
{
    instance_apply(instance, STATE_EVENT_UP);
    if (instance->state == PROCESS_RUNNING)
        main_log_write(
            instance->context->log, LOG_LEVEL_INFO,
            "success: %s entered RUNNING state, process has stayed up for > than %lld seconds (startsecs)",
            instance_name(instance), (long long)instance->planned->config->startsecs);
}

void instance_end_tell_killing(Instance *instance, pid_t pid)
{
    main_log_write(instance->context->log, LOG_LEVEL_WARN, "killing '%s' (%d) with SIGKILL",
                   instance_name(instance), (int)pid);
    main_log_write(instance->context->log, LOG_LEVEL_DEBUG, "killing %s (pid %d) %swith signal SIGKILL",
                   instance_name(instance), (int)pid,
                   instance->planned->config->killasgroup ? "process group " : "");
}
