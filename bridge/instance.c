#include "bridge/instance.h"

#include <errno.h>
#include <string.h>

#include "bridge/dropin_file.h"
#include "bridge/instance_internal.h"
#include "common/command.h"
#include "common/signal_name.h"

static double now_seconds(void)
{
    return (double)g_get_real_time() / G_USEC_PER_SEC;
}

const char *instance_name(const Instance *instance)
{
    return instance->planned->config->name;
}

const char *instance_namespec(const Instance *instance)
{
    return instance->planned->namespec;
}

const char *instance_unit(const Instance *instance)
{
    return instance->adopted ? instance->scope : instance->planned->unit;
}

const char *instance_planned_unit(const Instance *instance)
{
    return instance->planned->unit;
}

const char *instance_scope(const Instance *instance)
{
    return instance->scope;
}

const ProcessConfig *instance_config(const Instance *instance)
{
    return instance->planned->config;
}

Group *instance_group(const Instance *instance)
{
    return instance->group;
}

ProcessState instance_state(const Instance *instance)
{
    return instance->state;
}

pid_t instance_pid(const Instance *instance)
{
    return instance->pid;
}

double instance_laststart(const Instance *instance)
{
    return instance->laststart;
}

double instance_laststop(const Instance *instance)
{
    return instance->laststop;
}

int instance_exitstatus(const Instance *instance)
{
    return instance->exitstatus;
}

unsigned instance_restarts(const Instance *instance)
{
    return instance->restarts;
}

const char *instance_spawnerr(const Instance *instance)
{
    return instance->spawnerr;
}

const char *instance_logfile(const Instance *instance, Stream stream)
{
    return instance->logfiles[stream];
}

bool instance_at_rest(const Instance *instance)
{
    return instance->runner->at_rest(instance);
}

/* Signals
 * -------------------------------------------------------------------------------------------------------- */

struct SignalRequest {
    Instance *instance;
    InstanceSignalDone done;
    void *userdata;
};

static void finish_signal(SignalRequest *request, int result)
{
    Instance *instance = request->instance;

    instance->signals = g_slist_remove(instance->signals, request);
    if (request->done)
        request->done(instance, result, request->userdata);
    g_free(request);
}

static void on_signalled(const char *unit, int result, const char *message, void *userdata)
{
    finish_signal(userdata, result);
}

/* The instance goes: whoever waits for an answer gets one. */
static void abandon_signals(Instance *instance)
{
    while (instance->signals) {
        systemd_forget(instance->context->systemd, instance->signals->data);
        finish_signal(instance->signals->data, -ESRCH);
    }
}

void instance_signal(Instance *instance, int signal, InstanceSignalDone done, void *userdata)
{
    SignalRequest *request = g_new0(SignalRequest, 1);
    const char *name = signal_name(signal);

    *request = (SignalRequest){.instance = instance, .done = done, .userdata = userdata};
    instance->signals = g_slist_prepend(instance->signals, request);
    main_log_write(instance->context->log, LOG_LEVEL_DEBUG, "sending %s (pid %d) sig %s",
                   instance_name(instance), (int)instance->pid, name ? name : "signal 0");
    int r = instance->runner->signal(instance, signal, on_signalled, request);
    if (r < 0)
        finish_signal(request, r);
}

/* Life
 * -----------------------------------------------------------------------------------------------------------
 */

static const InstanceRunner *runner_of(const PlannedProcess *planned, const InstanceContext *context)
{
    /* Also where a program of the name was taken over and has become a listener since. */
    if (planned->config->kind == PROGRAM_EVENTLISTENER)
        return &instance_child_runner;
    return store_adopted(context->store, planned->namespec).pid > 0 ? &instance_adopted_runner
                                                                    : &instance_unit_runner;
}

Instance *instance_new(const PlannedProcess *planned, Group *group, const InstanceContext *context)
{
    Instance *instance = g_new0(Instance, 1);

    instance->planned = planned;
    instance->group = group;
    instance->context = context;
    instance->state = PROCESS_STOPPED;
    instance->spawnerr = g_strdup("");
    instance->watches = watch_list_new(instance);
    instance->runner = runner_of(planned, context);
    instance_output_name_logs(instance);
    systemd_watch(context->systemd, planned->unit);
    if (instance->runner->prepare)
        instance->runner->prepare(instance);
    return instance;
}

void instance_set_socket(Instance *instance, FcgiSocket *socket)
{
    instance->socket = socket;
}

void instance_rebase(Instance *instance, const PlannedProcess *planned)
{
    instance->planned = planned;
}

void instance_detach(Instance *instance)
{
    const InstanceContext *context = instance->context;

    if (instance->detached)
        return;
    instance->detached = true;
    abandon_signals(instance);
    watch_list_free(g_steal_pointer(&instance->watches));
    instance->runner->detach(instance);
    systemd_forget(context->systemd, instance);
    systemd_unwatch(context->systemd, instance->planned->unit);
    if (instance->scope)
        systemd_unwatch(context->systemd, instance->scope);
    if (instance->socket)
        fcgi_socket_forget(instance->socket, instance);
    instance->socket = NULL;
    instance_output_close(instance);
}

void instance_free(Instance *instance)
{
    if (!instance)
        return;
    instance_detach(instance);
    for (int stream = 0; stream < STREAM_COUNT; stream++)
        g_free(instance->logfiles[stream]);
    g_free(instance->spawnerr);
    g_free(instance->scope);
    g_free(instance);
}

void instance_abolish(Instance *instance)
{
    instance->runner->abolish(instance);
    launch_remove_files(instance->planned, &instance->context->launch);
    dropin_file_remove(instance->planned->unit, instance->context->mapping.user_manager);
    instance_output_remove(instance);
    (void)store_forget_process(instance->context->store, instance->planned->namespec);
    instance_detach(instance);
}

void instance_remember(Instance *instance)
{
    int r = store_put_process(instance->context->store, instance->planned->namespec,
                              &(StoreRecord){
                                  .state = instance->state,
                                  .laststart = instance->laststart,
                                  .laststop = instance->laststop,
                                  .exitstatus = instance->exitstatus,
                                  .backoff = instance->backoff,
                                  .spawnerr = instance->spawnerr,
                                  .pending = instance->start_pending,
                              });
    if (r < 0)
        main_log_write(instance->context->log, LOG_LEVEL_CRITICAL,
                       "could not record the state of %s (%s); a restart of supervisord may forget it",
                       instance->planned->namespec, g_strerror(-r));
}

void instance_set_spawnerr(Instance *instance, const char *text)
{
    char *copy = g_strdup(text);
    g_free(instance->spawnerr);
    instance->spawnerr = copy;
}

/* State
 * ----------------------------------------------------------------------------------------------------------
 */

/* The oracle counts a failed start when BACKOFF begins and forgets the count when it is up, has exited or is
 * given up. */
static void count_backoff(Instance *instance)
{
    switch (instance->state) {
    case PROCESS_BACKOFF:
        instance->backoff++;
        break;
    case PROCESS_RUNNING:
    case PROCESS_EXITED:
    case PROCESS_FATAL:
        instance->backoff = 0;
        break;
    default:
        break;
    }
}

static void tell_change(Instance *instance, ProcessState old)
{
    instance_event_tell(instance, old);
    if (instance->context->state_changed)
        instance->context->state_changed(instance, old, instance->context->userdata);
    if (!instance->detached)
        (void)watch_list_notify(instance->watches);
}

void instance_apply(Instance *instance, StateEvent event)
{
    ProcessState old = instance->state;
    StateStep step = state_step(old, event);

    if (instance->detached)
        return;
    if (step.next != old) {
        instance->state = step.next;
        count_backoff(instance);
        instance_remember(instance);
        main_log_write(instance->context->log, LOG_LEVEL_TRACE, "state: %s %s -> %s",
                       instance->planned->namespec, process_state_name(old), process_state_name(step.next));
    }
    /* A stop reaches the unit before anybody is told, who might ask for the next start; a start after they
     * were told, since it may fail on the spot and the news of that comes second. */
    if (step.action == STATE_ACTION_STOP_UNIT)
        instance->runner->stop(instance);
    if (step.next != old && instance->state == step.next)
        tell_change(instance, old);
    if (step.action == STATE_ACTION_START_UNIT && instance->state == step.next && !instance->detached)
        instance->runner->start(instance);
}

void instance_fail_start(Instance *instance, const char *message)
{
    instance_set_spawnerr(instance, message);
    main_log_write(instance->context->log, LOG_LEVEL_INFO, "spawnerr: %s", message);
    instance_apply(instance, STATE_EVENT_FAILED);
}

/* Requests
 * ------------------------------------------------------------------------------------------------------- */

void instance_start(Instance *instance)
{
    if (state_step(instance->state, STATE_EVENT_START).action != STATE_ACTION_START_UNIT)
        return;
    instance_set_spawnerr(instance, "");
    instance->exitstatus = 0;
    instance->restarts = 0;
    instance->laststart = now_seconds();
    instance->start_attempts = 0;
    instance->start_pending = true;
    instance_apply(instance, STATE_EVENT_START);
}

int instance_write_stdin(Instance *instance, const char *data, size_t size)
{
    return instance->runner->write_stdin(instance, data, size);
}

void instance_unit_changed(Instance *instance, const UnitSnapshot *snapshot)
{
    instance->runner->unit_changed(instance, snapshot);
}

void instance_unit_removed(Instance *instance)
{
    instance->runner->unit_removed(instance);
}

void instance_look(Instance *instance)
{
    instance->runner->look(instance);
}

void instance_unit_hold(Instance *instance)
{
    instance->held = true;
    instance->runner->hold(instance);
}

bool instance_restore(Instance *instance, const UnitSnapshot *snapshot)
{
    return instance->runner->restore(instance, snapshot);
}

int instance_check_command(Instance *instance, char **ret_message)
{
    g_autofree char *path = launch_search_path(instance->planned->config, &instance->context->launch);
    Command command = {0};

    int r = command_resolve(instance->planned->config->command, path, &command, ret_message);
    if (r == COMMAND_OK)
        command_clear(&command);
    return r;
}

void instance_stop(Instance *instance)
{
    const char *signal = signal_name(instance->planned->config->stopsignal);

    if (state_step(instance->state, STATE_EVENT_STOP).action != STATE_ACTION_STOP_UNIT)
        return;
    instance->last_stop_report = 0;
    if (instance->state == PROCESS_BACKOFF)
        main_log_write(instance->context->log, LOG_LEVEL_DEBUG,
                       "Attempted to kill %s, which is in BACKOFF state.", instance_name(instance));
    else
        main_log_write(instance->context->log, LOG_LEVEL_DEBUG, "killing %s (pid %d) %swith signal %s",
                       instance_name(instance), (int)instance->pid,
                       instance->planned->config->stopasgroup ? "process group " : "", signal ? signal : "?");
    instance_apply(instance, STATE_EVENT_STOP);
}

void instance_stop_for_shutdown(Instance *instance)
{
    if (instance->state == PROCESS_BACKOFF) {
        instance->runner->stop(instance);
        instance_apply(instance, STATE_EVENT_GIVE_UP);
    } else if (process_state_is_stopped(instance->state)) {
        /* It has ended, but systemd may be about to restart it. */
        instance->runner->stop(instance);
    } else {
        instance_stop(instance);
    }
}

void instance_stop_report(Instance *instance)
{
    double now = now_seconds();

    /* A clock set back must not silence the report for good. */
    if (instance->last_stop_report > now)
        instance->last_stop_report = now;
    if (instance->state != PROCESS_STOPPING || now <= instance->last_stop_report + 2)
        return;
    instance->last_stop_report = now;
    main_log_write(instance->context->log, LOG_LEVEL_INFO, "waiting for %s to stop", instance_name(instance));
}

bool instance_is_adopted(const Instance *instance)
{
    return instance->adopted && instance->pid > 0;
}

bool instance_wants_autostart(const Instance *instance)
{
    bool never_ran = instance->laststart == 0 && instance->planned->config->autostart;

    return instance->state == PROCESS_STOPPED && (never_ran || instance->start_pending);
}

unsigned instance_watch(Instance *instance, InstanceChanged changed, InstanceChanged gone, void *userdata)
{
    return watch_list_add(instance->watches, (WatchFunction)changed, (WatchFunction)gone, userdata);
}

void instance_unwatch(Instance *instance, unsigned watch)
{
    if (instance->watches)
        watch_list_remove(instance->watches, watch);
}
