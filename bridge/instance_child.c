/* An instance run as a child of the bridge, in a scope: an event listener. What the gate and systemd do for a
 * service, startsecs, retries, restarts, the escalation of a stop, is done here, as in the oracle. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "bridge/child.h"
#include "bridge/dropin_file.h"
#include "bridge/instance_internal.h"
#include "bridge/instance_timer.h"
#include "common/command.h"
#include "common/launch_spec.h"

enum { LOOK_AGAIN_USEC = 100000, SCOPE_TRIES = 50 };

struct InstanceChild {
    Listener *listener;
    Child *process;    /* NULL: none */
    bool released;     /* it runs; before that it waits for its scope */
    bool scope_busy;   /* the scope is there, or may be */
    bool scope_made;   /* … and it is this process's, not what is left of the last one's */
    bool start_wanted; /* start when the scope of the last process has gone */
    bool has_ended;    /* it was killed by a signal; systemd is being asked whether it has sent that */
    int end_code;
    int end_status;
    unsigned scope_tries;
    bool scope_asked;  /* systemd has not answered yet: that a unit went away is about the last one */
    bool scope_unsure; /* an answer was lost: a scope of that name may be this one */
    InstanceTimer timer;
};

static void begin(Instance *instance);
static void request_scope(Instance *instance);
static void plan_next(Instance *instance);

/* Time
 * ---------------------------------------------------------------------------------------------------- */

static void cancel(InstanceChild *self)
{
    instance_timer_cancel(&self->timer);
}

static void after(Instance *instance, uint64_t usec, InstanceDue due)
{
    instance_timer_set(&instance->child->timer, instance->context->event, usec, instance, due);
}

static uint64_t seconds(int64_t count)
{
    return (uint64_t)CLAMP(count, 0, INT32_MAX) * G_USEC_PER_SEC;
}

/* The scope
 * ---------------------------------------------------------------------------------------------------- */

static void settle(Instance *instance)
{
    if (instance->context->settled && instance->runner->at_rest(instance))
        instance->context->settled(instance, instance->context->userdata);
}

/* What the process has left behind is nobody's any more. The scope is stopped, too: one that was made for a
 * process that had just died would stay for ever, since it never becomes empty. */
static void sweep(Instance *instance)
{
    Systemd *systemd = instance->context->systemd;

    if (!instance->child->scope_busy)
        return;
    (void)systemd_kill_all(systemd, instance->planned->unit, SIGKILL, NULL, NULL);
    (void)systemd_stop(systemd, instance->planned->unit, NULL, NULL);
}

static void scope_gone(Instance *instance)
{
    InstanceChild *self = instance->child;

    if (self->scope_asked)
        return;
    self->scope_busy = false;
    if (self->start_wanted && !self->process && !self->has_ended)
        begin(instance);
    else
        settle(instance);
}

static void release(Instance *instance);
static void finish_end(Instance *instance);
static void kill_it(Instance *instance);

/* Somebody stops the scope. */
static void see_stop(Instance *instance)
{
    InstanceChild *self = instance->child;
    bool alive = instance->state == PROCESS_STARTING || instance->state == PROCESS_RUNNING;

    if (!alive || (!self->process && !self->has_ended))
        return;
    if (self->process)
        after(instance, seconds(MAX(instance->planned->config->stopwaitsecs, 1)), kill_it);
    instance_apply(instance, STATE_EVENT_STOPPING);
}

static void see_scope(Instance *instance, const UnitSnapshot *snapshot)
{
    InstanceChild *self = instance->child;

    /* What is heard before systemd has answered is about the last process's scope. */
    if (!self->scope_made && !self->scope_unsure)
        return;
    if (snapshot->active_state == ACTIVE_STATE_DEACTIVATING && self->released)
        see_stop(instance);
    else if (snapshot->active_state == ACTIVE_STATE_ACTIVE && self->process)
        release(instance);
    else if (snapshot->active_state == ACTIVE_STATE_FAILED && self->process && !self->released)
        (void)child_signal(self->process, SIGKILL, false);
}

static void on_looked(const char *unit, int result, const UnitSnapshot *snapshot, void *userdata)
{
    Instance *instance = userdata;

    if (snapshot)
        see_scope(instance, snapshot);
    else if (result == -ENOENT && (!instance->child->process || instance->child->released))
        scope_gone(instance);
}

static void look(Instance *instance)
{
    if (instance->child->scope_busy)
        (void)systemd_look(instance->context->systemd, instance->planned->unit, on_looked, instance);
}

/* Whoever may be in the scope still is killed again, in case the first time came too early. */
static void look_again(Instance *instance)
{
    if (!instance->child->scope_busy)
        return;
    sweep(instance);
    look(instance);
    after(instance, LOOK_AGAIN_USEC, look_again);
}

/* The process dies before it was the program; its end tells the rest. */
static void refuse_scope(Instance *instance, const char *reason)
{
    main_log_write(instance->context->log, LOG_LEVEL_CRITICAL, "systemd did not make the scope %s: %s",
                   instance->planned->unit, reason);
    (void)child_signal(instance->child->process, SIGKILL, false);
}

/* The last process's scope is on its way out; or the connection broke, and systemd may have made this one. */
static bool is_worth_another_try(Instance *instance, int result)
{
    InstanceChild *self = instance->child;

    if (!self->process || (result != -EEXIST && result != -ENOTCONN) || ++self->scope_tries > SCOPE_TRIES)
        return false;
    if (result == -ENOTCONN)
        self->scope_unsure = true;
    else if (self->scope_unsure)
        look(instance);
    else
        (void)systemd_reset_failed(instance->context->systemd, instance->planned->unit, NULL, NULL);
    return true;
}

static void on_scope_requested(const char *unit, int result, const char *message, void *userdata)
{
    Instance *instance = userdata;
    InstanceChild *self = instance->child;

    self->scope_asked = false;
    if (result >= 0) {
        self->scope_made = true;
        self->scope_busy = true;
        instance->start_pending = false;
        if (self->process)
            look(instance);
        else
            sweep(instance);
        return;
    }
    if (is_worth_another_try(instance, result)) {
        after(instance, LOOK_AGAIN_USEC, request_scope);
        return;
    }
    if (self->process)
        refuse_scope(instance, message ? message : g_strerror(-result));
    if (result != -EEXIST)
        scope_gone(instance);
}

static void request_scope(Instance *instance)
{
    InstanceChild *self = instance->child;
    g_autoptr(PropertyList) properties = NULL;

    if (!self->process || self->released)
        return;
    const uint32_t pid = (uint32_t)child_pid(self->process);
    properties = mapping_scope(instance->planned, &pid, 1, &instance->context->mapping);
    self->scope_busy = true;
    self->scope_asked = true;
    if (instance->planned->config->setting_count > 0)
        (void)systemd_notice_dropins(instance->context->systemd, instance->planned->unit);
    int r = systemd_start_transient(instance->context->systemd, instance->planned->unit, properties,
                                    on_scope_requested, instance);
    if (r < 0)
        on_scope_requested(instance->planned->unit, r, NULL, instance);
}

/* Starting
 * ---------------------------------------------------------------------------------------------------- */

static void come_up(Instance *instance)
{
    instance_end_come_up(instance);
    if (!instance->detached)
        listener_wake(instance->child->listener);
}

static void release(Instance *instance)
{
    InstanceChild *self = instance->child;

    if (self->released)
        return;
    self->released = true;
    child_release(self->process);
    if (instance->state == PROCESS_STARTING)
        after(instance, seconds(instance->planned->config->startsecs), come_up);
}

static void fail(Instance *instance, const char *message)
{
    instance_fail_start(instance, message);
    if (instance->state == PROCESS_BACKOFF && instance->backoff > instance->planned->config->startretries)
        instance_end_give_up(instance);
    if (!instance->detached) {
        plan_next(instance);
        settle(instance);
    }
}

static char *describe_problem(const Instance *instance, int error)
{
    if (error == -EMFILE || error == -ENFILE)
        return g_strdup_printf("too many open files to spawn '%s'", instance_name(instance));
    if (error == -EAGAIN)
        return g_strdup_printf("Too many processes in process table to spawn '%s'", instance_name(instance));
    return g_strdup_printf("unknown error during fork for '%s': %s", instance_name(instance),
                           strerrorname_np(-error));
}

static void on_output(const char *data, size_t size, void *userdata)
{
    Instance *instance = userdata;

    if (instance->streams[STREAM_STDOUT])
        pump_stream_put(instance->streams[STREAM_STDOUT], data, size);
    listener_feed(instance->child->listener, data, size);
}

static void on_ended(int code, int status, void *userdata);

static int spawn(Instance *instance)
{
    static const ChildCallbacks callbacks = {.output = on_output, .ended = on_ended};
    const InstanceContext *context = instance->context;
    g_autofree char *launcher = g_build_filename(context->mapping.libexecdir, "supersede-exec", NULL);
    g_autofree char *spec = mapping_spec_path(instance->planned, context->mapping.runtime_directory);

    int r = instance_output_open(instance);
    if (r >= 0)
        r = launch_prepare(instance->planned, &context->launch, instance->backoff);
    if (r >= 0)
        r = dropin_file_write(instance->planned, &context->mapping);
    if (r >= 0)
        r = child_spawn(context->event, launcher, spec, &callbacks, instance, &instance->child->process);
    return r;
}

/* The state is STARTING. */
static void begin(Instance *instance)
{
    InstanceChild *self = instance->child;
    g_autofree char *problem = NULL;

    self->start_wanted = false;
    cancel(self);
    int r = instance_check_command(instance, &problem);
    if (r == COMMAND_OK)
        r = spawn(instance);
    if (r < 0)
        problem = describe_problem(instance, r);
    if (problem) {
        fail(instance, problem);
        return;
    }
    self->released = false;
    self->scope_made = false;
    self->scope_tries = 0;
    self->scope_unsure = false;
    listener_begin(self->listener);
    instance->pid = child_pid(self->process);
    instance_output_set_pid(instance, instance->pid);
    main_log_write(instance->context->log, LOG_LEVEL_INFO, "spawned: '%s' with pid %d",
                   instance_name(instance), (int)instance->pid);
    request_scope(instance);
}

static void start(Instance *instance)
{
    InstanceChild *self = instance->child;

    if (!self->scope_busy) {
        begin(instance);
        return;
    }
    self->start_wanted = true;
    look_again(instance);
}

/* Ending
 * ---------------------------------------------------------------------------------------------------- */

static void start_again(Instance *instance)
{
    unsigned restarts = instance->restarts;

    if (instance->state != PROCESS_EXITED || instance->held)
        return;
    instance_start(instance);
    /* Nobody asked for this one. */
    instance->restarts = restarts + 1;
}

static void retry(Instance *instance)
{
    if (instance->state != PROCESS_BACKOFF || instance->held)
        return;
    instance->laststart = instance_end_seconds(0);
    instance->restarts++;
    instance_apply(instance, STATE_EVENT_LAUNCHED);
    if (instance->state == PROCESS_STARTING && !instance->detached)
        start(instance);
}

static void plan_next(Instance *instance)
{
    if (instance->held || instance->child->process || instance->child->start_wanted)
        return;
    if (instance->state == PROCESS_BACKOFF)
        after(instance, seconds(instance->backoff), retry);
    else if (instance->state == PROCESS_EXITED && instance_end_is_to_come_back(instance))
        after(instance, instance->planned->config->startsecs > 0 ? 0 : seconds(LAUNCH_SPEC_RESTART_DELAY),
              start_again);
}

static void take_end(Instance *instance, int code, int status)
{
    Observed observed = {.pid = instance->pid, .exit_code = code, .exit_status = status};
    g_autofree char *spawn_error = launch_read_spawn_error(instance->planned, &instance->context->launch);
    bool failed = instance->state == PROCESS_STARTING &&
                  (spawn_error || instance->planned->config->startsecs > 0 || !instance->child->released);

    if (instance->state == PROCESS_STARTING && !failed)
        instance_apply(instance, STATE_EVENT_UP);
    if (!instance->detached)
        instance_end_take(instance, &observed, failed);
}

/* After everything that systemd had to say about the scope before. */
static void on_asked(const char *unit, int result, const UnitSnapshot *snapshot, void *userdata)
{
    Instance *instance = userdata;

    if (snapshot)
        see_scope(instance, snapshot);
    if (!instance->detached && instance->child->has_ended)
        finish_end(instance);
}

/* A signal that killed it may be systemd's: somebody stops the scope, and it should stay stopped. */
static bool ask_systemd(Instance *instance, int code)
{
    bool alive = instance->state == PROCESS_STARTING || instance->state == PROCESS_RUNNING;

    return alive && code != CLD_EXITED && instance->child->released &&
           systemd_look(instance->context->systemd, instance->planned->unit, on_asked, instance) >= 0;
}

static void on_ended(int code, int status, void *userdata)
{
    Instance *instance = userdata;
    InstanceChild *self = instance->child;

    cancel(self);
    child_free(g_steal_pointer(&self->process));
    instance_output_drain(instance);
    instance_output_set_pid(instance, 0);
    self->has_ended = true;
    self->end_code = code;
    self->end_status = status;
    if (!ask_systemd(instance, code))
        finish_end(instance);
}

static void finish_end(Instance *instance)
{
    InstanceChild *self = instance->child;

    if (!self->has_ended)
        return;
    self->has_ended = false;
    cancel(self);
    sweep(instance);
    take_end(instance, self->end_code, self->end_status);
    if (instance->detached)
        return;
    /* After its state has changed, as in the oracle. A new process cannot be there yet: the scope goes first.
     */
    listener_end(self->listener);
    plan_next(instance);
    settle(instance);
}

static void kill_it(Instance *instance)
{
    InstanceChild *self = instance->child;

    if (!self->process)
        return;
    instance_end_tell_killing(instance, instance->pid);
    (void)child_signal(self->process, SIGKILL, instance->planned->config->killasgroup);
    after(instance, seconds(MAX(instance->planned->config->stopwaitsecs, 1)), kill_it);
}

static void be_gone(Instance *instance)
{
    instance_apply(instance, STATE_EVENT_GONE);
    if (!instance->detached)
        settle(instance);
}

static void stop(Instance *instance)
{
    InstanceChild *self = instance->child;
    const ProcessConfig *config = instance->planned->config;

    self->start_wanted = false;
    cancel(self);
    if (self->process) {
        (void)child_signal(self->process, config->stopsignal, config->stopasgroup);
        after(instance, seconds(MAX(config->stopwaitsecs, 1)), kill_it);
    } else if (instance->state == PROCESS_STOPPING) {
        after(instance, 0, self->has_ended ? finish_end : be_gone);
    }
}

static void hold(Instance *instance)
{
    if (instance->state == PROCESS_EXITED || instance->state == PROCESS_BACKOFF)
        cancel(instance->child);
}

/* As a runner
 * ---------------------------------------------------------------------------------------------------- */

static bool is_running(void *userdata)
{
    const Instance *instance = userdata;
    return instance->state == PROCESS_RUNNING && instance->child->process;
}

static int write_to_process(const char *data, size_t size, void *userdata)
{
    Instance *instance = userdata;
    return instance->child->process ? child_write(instance->child->process, data, size) : -EPIPE;
}

static int write_stdin(Instance *instance, const char *data, size_t size)
{
    return write_to_process(data, size, instance);
}

static void prepare(Instance *instance)
{
    static const ListenerProcess process = {.is_running = is_running, .write = write_to_process};

    instance->child = g_new0(InstanceChild, 1);
    instance->child->listener =
        listener_new(instance_name(instance), instance->context->log, &process, instance);
}

static int send_signal(Instance *instance, int signal, SystemdDone done, void *userdata)
{
    const Child *process = instance->child->process;

    done(instance->planned->unit, process ? child_signal(process, signal, false) : -ESRCH, NULL, userdata);
    return 0;
}

/* The process of an earlier bridge has ended with that; what it left behind may still be there. One that ran
 * is started anew. */
static bool restore(Instance *instance, const UnitSnapshot *snapshot)
{
    const StoreRecord *record = store_process(instance->context->store, instance->planned->namespec);

    if (snapshot) {
        instance->child->scope_busy = true;
        look_again(instance);
    }
    if (!record)
        return false;
    instance_restore_record(instance, record);
    bool ran = !process_state_is_stopped(instance->state) && instance->state != PROCESS_STOPPING;
    /* `pending`: a bridge has read that it ran, and died before it was started anew. */
    bool due = (instance->state == PROCESS_EXITED && instance_end_is_to_come_back(instance)) ||
               (instance->state == PROCESS_STOPPED && record->pending);
    if (ran || due || instance->state == PROCESS_STOPPING)
        instance->state = PROCESS_STOPPED;
    instance->start_pending = ran || due;
    instance_remember(instance);
    return !instance->start_pending;
}

static bool at_rest(const Instance *instance)
{
    const InstanceChild *self = instance->child;
    return !self->process && !self->has_ended && !self->scope_busy && !self->start_wanted;
}

static void abolish(Instance *instance)
{
    sweep(instance);
}

static void detach(Instance *instance)
{
    InstanceChild *self = g_steal_pointer(&instance->child);

    if (!self)
        return;
    cancel(self);
    child_free(self->process);
    listener_free(self->listener);
    g_free(self);
}

Listener *instance_listener(const Instance *instance)
{
    return instance->child ? instance->child->listener : NULL;
}

const InstanceRunner instance_child_runner = {
    .prepare = prepare,
    .start = start,
    .stop = stop,
    .hold = hold,
    .signal = send_signal,
    .write_stdin = write_stdin,
    .unit_changed = see_scope,
    .unit_removed = scope_gone,
    .look = look,
    .restore = restore,
    .at_rest = at_rest,
    .abolish = abolish,
    .detach = detach,
};
