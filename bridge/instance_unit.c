/* The unit of an instance: starting and stopping it, and making sense of what systemd says about it. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "bridge/dropin_file.h"
#include "bridge/instance_internal.h"
#include "bridge/verdict.h"
#include "common/command.h"
#include "common/signal_name.h"

/* ResetFailedUnit answers before systemd has let go of the unit. UnitRemoved tells when it has; this is for
 * when that was missed. */
enum {
    RETRY_REMOVAL_USEC = 100000,
    RETRY_REMOVAL_MAX = 600,
    RETRY_STOP_USEC = 1000000,
    JUDGE_AGAIN_USEC = 3000,
    MISSED_MAX = 1000
};

static void start_now(Instance *instance);
static void look(Instance *instance);
static void decide(Instance *instance);
static void send_stop(Instance *instance);
static void wait_for_removal(Instance *instance);
static void cancel_retry(Instance *instance);
static void unit_removed(Instance *instance);

/* Starting
 * ------------------------------------------------------------------------------------------------------- */

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    Instance *instance = userdata;

    cancel_retry(instance);
    if (instance->stop_unsent) {
        send_stop(instance);
    } else if (instance->state == PROCESS_BACKOFF) {
        /* What the gate does when there is a unit, the bridge does when systemd would not make one. */
        instance->laststart = instance_end_seconds(0);
        instance_apply(instance, STATE_EVENT_LAUNCHED);
        /* Whoever was told may have stopped it. */
        if (instance->state == PROCESS_STARTING && !instance->detached)
            start_now(instance);
    } else if (instance->start_wanted) {
        wait_for_removal(instance);
    }
    return 0;
}

static void retry_later(Instance *instance, uint64_t usec)
{
    uint64_t now = 0;

    cancel_retry(instance);
    (void)sd_event_now(instance->context->event, CLOCK_MONOTONIC, &now);
    (void)sd_event_add_time(instance->context->event, &instance->retry, CLOCK_MONOTONIC, now + usec, 0,
                            on_retry, instance);
}

static void cancel_retry(Instance *instance)
{
    instance->retry = sd_event_source_disable_unref(instance->retry);
}

/* systemd would not start it at all. There is no gate to count: the bridge backs off and gives up by the same
 * rule. */
static void refuse_start(Instance *instance, const char *message)
{
    instance->unit_busy = false;
    instance->stop_deferred = false;
    instance_fail_start(instance, message);
    instance_unit_back_off(instance);
}

void instance_unit_back_off(Instance *instance)
{
    if (instance->state != PROCESS_BACKOFF)
        return;
    if (instance->backoff > instance->planned->config->startretries)
        instance_end_give_up(instance);
    else if (!instance->held)
        retry_later(instance, instance->backoff * (uint64_t)G_USEC_PER_SEC);
}

/* A unit of this name is loaded: the last incarnation's remains in the failed state, or on their way out. The
 * start follows when it has gone. */
static void wait_for_removal(Instance *instance)
{
    if (++instance->start_attempts > RETRY_REMOVAL_MAX) {
        g_autofree char *message =
            g_strdup_printf("unit %s is there already and does not go away; look at it with "
                            "\"systemctl status '%s'\"",
                            instance->planned->unit, instance->planned->unit);
        refuse_start(instance, message);
        return;
    }
    instance->unit_failed = false;
    instance->unit_busy = true;
    instance->start_wanted = true;
    (void)systemd_reset_failed(instance->context->systemd, instance->planned->unit, NULL, NULL);
    look(instance);
    retry_later(instance, RETRY_REMOVAL_USEC);
}

static void take_start_failure(Instance *instance, int error, const char *message)
{
    instance->start_called = false;
    if (error == -ENOTCONN) {
        /* systemd may have taken it, or not: the look at everything that follows a new connection tells. */
        instance->start_wanted = instance->state == PROCESS_STARTING;
    } else if (error == -EEXIST && instance->state == PROCESS_STARTING) {
        wait_for_removal(instance);
    } else if (error == -EEXIST) {
        look(instance);
    } else {
        g_autofree char *text = g_strdup_printf("systemd did not start unit %s: %s", instance->planned->unit,
                                                message ? message : g_strerror(-error));
        refuse_start(instance, text);
    }
}

static void on_started(const char *unit, int result, const char *message, void *userdata)
{
    Instance *instance = userdata;

    if (result < 0) {
        take_start_failure(instance, result, message);
        return;
    }
    instance->start_called = false;
    instance->start_pending = false;
    instance_remember(instance);
}

static int send_start(Instance *instance)
{
    const InstanceContext *context = instance->context;

    int r = instance_output_open(instance);
    if (r < 0)
        return r;
    LaunchContext launch = context->launch;
    launch.manager_environment = systemd_environment(context->systemd);
    r = launch_prepare(instance->planned, &launch, instance->backoff);
    if (r >= 0)
        r = dropin_file_write(instance->planned, &context->mapping);
    if (r < 0)
        return r;
    g_autoptr(PropertyList) properties = mapping_service(instance->planned, &context->mapping);
    return systemd_start_transient(context->systemd, instance->planned->unit, properties, on_started,
                                   instance);
}

static void on_socket(int result, const char *message, void *userdata)
{
    Instance *instance = userdata;

    instance->awaits_socket = false;
    instance->start_wanted = false;
    if (result < 0) {
        refuse_start(instance, message);
    } else {
        instance->unit_busy = false;
        start_now(instance);
    }
}

/* The socket of a FastCGI group comes before its first process. */
static bool has_its_socket(Instance *instance)
{
    g_autofree char *message = NULL;

    int r = instance->socket ? fcgi_socket_open(instance->socket, on_socket, instance, &message) : 0;
    instance->awaits_socket = r == -EINPROGRESS;
    if (r == -EINPROGRESS) {
        instance->unit_busy = true;
        instance->start_wanted = true;
    } else if (r < 0) {
        refuse_start(instance, message);
    }
    return r == 0;
}

static void start_now(Instance *instance)
{
    instance->start_wanted = false;
    if (instance->unit_failed) {
        wait_for_removal(instance);
        return;
    }
    if (!has_its_socket(instance))
        return;
    instance->stop_called = false;
    instance->stop_deferred = false;
    instance->start_called = true;
    instance->unit_busy = true;
    int r = send_start(instance);
    if (r < 0)
        take_start_failure(instance, r, NULL);
}

static void start(Instance *instance)
{
    /* The last incarnation may still be on its way out (its children are being killed): the new one comes
     * after it. */
    if (instance->unit_busy)
        instance->start_wanted = true;
    else
        start_now(instance);
}

/* Stopping
 * ------------------------------------------------------------------------------------------------------- */

static void settle(Instance *instance);

static void on_stop_answered(const char *unit, int result, const char *message, void *userdata)
{
    Instance *instance = userdata;

    if (result == -ENOENT) {
        settle(instance);
    } else if (result < 0) {
        /* Not lost: the connection may be coming back, systemd may think better of it. */
        instance->stop_called = false;
        instance->stop_unsent = true;
        retry_later(instance, RETRY_STOP_USEC);
        if (result != -ENOTCONN)
            main_log_write(instance->context->log, LOG_LEVEL_CRITICAL, "unknown problem killing %s (%d): %s",
                           instance_name(instance), (int)instance->pid,
                           message ? message : g_strerror(-result));
    }
}

static void stop(Instance *instance)
{
    bool unsent = instance->start_wanted;

    cancel_retry(instance);
    if (instance->socket)
        fcgi_socket_forget(instance->socket, instance);
    instance->awaits_socket = false;
    instance->start_wanted = false;
    /* Without a unit the start had not been sent either: there is nothing to stop. */
    if (!instance->unit_busy || instance->stop_called)
        return;
    /* A stop that overtakes the start would take it back: no process, no exit status. The oracle's stop
     * always meets a process. A start that was never sent has none to wait for. */
    instance->stop_deferred = !unsent && instance->state == PROCESS_STOPPING && instance->pid == 0;
    if (!instance->stop_deferred)
        send_stop(instance);
}

static void hold(Instance *instance)
{
    bool may_come_back = instance->state == PROCESS_EXITED || instance->state == PROCESS_BACKOFF;

    if (may_come_back)
        stop(instance);
}

static void send_stop(Instance *instance)
{
    instance->stop_unsent = false;
    instance->stop_called = true;
    int r = systemd_stop(instance->context->systemd, instance->planned->unit, on_stop_answered, instance);
    if (r < 0)
        on_stop_answered(instance->planned->unit, r, NULL, instance);
}

/* What systemd says
 * ---------------------------------------------------------------------------------------------- */

/* Whole incarnations went by unseen, which systemd counted: they are made up, so that whoever counts events
 * counts them all. The gate's count tells how many of the last ones came to nothing. */
static void make_up_missed(Instance *instance, unsigned missed)
{
    unsigned failures = launch_read_failures(instance->planned, &instance->context->launch);

    instance->pid = 0;
    for (; missed > 0 && !instance->detached; missed--) {
        if (instance->state != PROCESS_STARTING)
            instance_apply(instance, STATE_EVENT_LAUNCHED);
        if (missed <= failures) {
            instance_apply(instance, STATE_EVENT_FAILED);
        } else {
            instance->exitstatus = -1;
            instance_apply(instance, STATE_EVENT_UP);
            instance_apply(instance, STATE_EVENT_EXITED);
        }
    }
}

static void see_launched(Instance *instance, const Observed *observed)
{
    g_autofree char *problem = NULL;

    instance->unit_busy = true;
    /* systemd was restarting it when the stop came: that process is on its way out already. */
    if (instance->stop_called && process_state_is_stopped(instance->state))
        return;
    make_up_missed(instance, MIN(observed->missed, MISSED_MAX));
    instance->pid = observed->pid;
    instance->laststart = instance_end_seconds(observed->time);
    instance->start_attempts = 0;
    if (instance->state != PROCESS_STARTING) {
        instance_set_spawnerr(instance, "");
        instance->exitstatus = 0;
        instance_apply(instance, STATE_EVENT_LAUNCHED);
    }
    instance_event_catch_up(instance);
    instance_output_set_pid(instance, observed->pid);
    /* Where the command is missing the oracle never forks; here the launcher is about to find that out. */
    if (instance_check_command(instance, &problem) <= COMMAND_OK)
        main_log_write(instance->context->log, LOG_LEVEL_INFO, "spawned: '%s' with pid %d",
                       instance_name(instance), (int)observed->pid);
    if (instance->stop_deferred) {
        instance->stop_deferred = false;
        send_stop(instance);
    }
}

static void see_up(Instance *instance, const Observed *observed)
{
    instance_end_come_up(instance);
}

static void see_stopping(Instance *instance, const Observed *observed)
{
    if (!observed->killing) {
        instance_apply(instance, STATE_EVENT_STOPPING);
        return;
    }
    instance_end_tell_killing(instance, observed->pid);
}

static Verdict judge(const Instance *instance, const Observed *observed)
{
    const LaunchContext *launch = &instance->context->launch;
    g_autofree char *spawn_error = launch_read_spawn_error(instance->planned, launch);

    return verdict_reach(&(VerdictEvidence){
        .startsecs = instance->planned->config->startsecs,
        .lifetime = observed->lifetime,
        .gate_is_there = instance->gate_is_there,
        .spawn_error = spawn_error != NULL,
        .fatal = launch_is_fatal(instance->planned, launch),
        .failures = launch_read_failures(instance->planned, launch),
        .known_failures = instance->backoff,
    });
}

static int on_judge(sd_event_source *source, uint64_t usec, void *userdata)
{
    decide(userdata);
    return 0;
}

/* The gate needs a moment to write its mark, within which nothing about the unit changes: look for the mark.
 */
static void judge_later(Instance *instance)
{
    uint64_t now = 0;

    (void)sd_event_now(instance->context->event, CLOCK_MONOTONIC, &now);
    instance->judge = sd_event_source_disable_unref(instance->judge);
    (void)sd_event_add_time(instance->context->event, &instance->judge, CLOCK_MONOTONIC,
                            now + JUDGE_AGAIN_USEC, 0, on_judge, instance);
}

static void decide(Instance *instance)
{
    Verdict verdict =
        instance->state == PROCESS_STARTING ? judge(instance, instance->undecided) : VERDICT_FAILED;

    if (verdict == VERDICT_OPEN) {
        judge_later(instance);
        return;
    }
    g_autofree Observed *observed = g_steal_pointer(&instance->undecided);
    instance->judge = sd_event_source_disable_unref(instance->judge);
    if (verdict == VERDICT_PASSED)
        see_up(instance, observed);
    instance_end_take(instance, observed, verdict == VERDICT_FAILED);
}

static void see_end(Instance *instance, const Observed *observed)
{
    if (process_state_is_stopped(instance->state))
        return;
    /* The program's last words come before the news of its end, as in the oracle. */
    if (instance->stdin_pipe)
        stdin_pipe_reset(instance->stdin_pipe);
    instance_output_drain(instance);
    instance_output_set_pid(instance, 0);
    if (observed->event == STATE_EVENT_EXITED) {
        instance_end_take(instance, observed, false);
        return;
    }
    g_free(instance->undecided);
    instance->undecided = g_memdup2(observed, sizeof *observed);
    decide(instance);
}

/* The unit rests in BACKOFF: the gate has given up (it leaves a mark), or somebody stopped the unit behind
 * our back. */
static void settle_backoff(Instance *instance)
{
    bool fatal = launch_is_fatal(instance->planned, &instance->context->launch);

    /* At shutdown it stays as it is until its group's turn comes. */
    if (instance->held && !fatal)
        return;
    instance_apply(instance, fatal ? STATE_EVENT_GIVE_UP : STATE_EVENT_GONE);
}

/* The unit is gone and the end of its process was never shown: systemd executed itself anew in between, or
 * somebody stopped the unit while nobody looked here. Left open, the end would be told of the next process,
 * or never. */
static void end_untold(Instance *instance)
{
    Observation *observation = &instance->observation;
    const Observed end = {.event = STATE_EVENT_EXITED, .pid = observation->pid};

    if (observation->pid == 0 || observation->ended)
        return;
    observation->ended = true;
    if (instance->state == PROCESS_STOPPING || instance->state == PROCESS_RUNNING)
        see_end(instance, &end);
}

static void settle(Instance *instance)
{
    end_untold(instance);
    instance->unit_busy = false;
    instance->stop_called = false;
    instance->stop_deferred = false;
    if (instance->stop_unsent)
        cancel_retry(instance);
    instance->stop_unsent = false;
    if (instance->start_wanted) {
        cancel_retry(instance);
        start_now(instance);
        return;
    }
    /* A unit that was asked to stop has done so, whatever systemd thinks of how: it is not shown as failed.
     */
    if (instance->state == PROCESS_STOPPED || instance->state == PROCESS_STOPPING) {
        if (instance->unit_failed)
            (void)systemd_reset_failed(instance->context->systemd, instance->planned->unit, NULL, NULL);
        instance->unit_failed = false;
    }
    if (instance->state == PROCESS_STARTING)
        refuse_start(instance, "systemd ended the unit before a process was made");
    else if (instance->state == PROCESS_BACKOFF && !instance->retry)
        settle_backoff(instance);
    else if (instance->state != PROCESS_BACKOFF)
        instance_apply(instance, STATE_EVENT_GONE);
    if (process_state_is_stopped(instance->state))
        instance->pid = 0;
    if (instance->context->settled)
        instance->context->settled(instance, instance->context->userdata);
}

static void see(Instance *instance, const UnitSnapshot *snapshot, bool second);

static void on_second_look(const char *unit, int result, const UnitSnapshot *snapshot, void *userdata)
{
    Instance *instance = userdata;

    instance->looking = false;
    if (result == -ENOENT)
        unit_removed(instance);
    else if (snapshot)
        see(instance, snapshot, true);
}

static void look(Instance *instance)
{
    if (instance->looking)
        return;
    instance->looking =
        systemd_look(instance->context->systemd, instance->planned->unit, on_second_look, instance) >= 0;
}

/* A restart passes through a dead state within the same millisecond: only what is still true when asked again
 * counts. */
static void see_rest(Instance *instance, const UnitSnapshot *snapshot, bool second)
{
    if (instance->start_called || !instance->unit_busy)
        return;
    if (second) {
        instance->unit_failed = snapshot->active_state == ACTIVE_STATE_FAILED;
        settle(instance);
    } else {
        look(instance);
    }
}

/* An instance that was made anew (its group was removed and added again) may find its predecessor's unit on
 * the way out. */
static bool is_of_earlier_life(Instance *instance, const UnitSnapshot *snapshot)
{
    bool leaving = snapshot->active_state == ACTIVE_STATE_DEACTIVATING ||
                   snapshot->active_state == ACTIVE_STATE_INACTIVE ||
                   snapshot->active_state == ACTIVE_STATE_FAILED;

    if (instance->observation.pid != 0 || !leaving || (instance->unit_busy && !instance->start_wanted))
        return false;
    if (snapshot->active_state == ACTIVE_STATE_DEACTIVATING)
        instance->unit_busy = true;
    return true;
}

/* systemd has (re)started the unit by itself: that is the start which was wanted. */
static void take_launch_for_wanted(Instance *instance)
{
    if (!instance->start_wanted || instance->stop_called)
        return;
    instance->start_wanted = false;
    cancel_retry(instance);
}

static void see(Instance *instance, const UnitSnapshot *snapshot, bool second)
{
    static void (*const handlers[STATE_EVENT_COUNT])(Instance *, const Observed *) = {
        [STATE_EVENT_LAUNCHED] = see_launched, [STATE_EVENT_UP] = see_up,
        [STATE_EVENT_STOPPING] = see_stopping, [STATE_EVENT_FAILED] = see_end,
        [STATE_EVENT_EXITED] = see_end,
    };
    Observed events[OBSERVED_MAX];

    /* Until systemd has answered to the start, what it says is about the unit's past. */
    if (instance->start_called || instance->awaits_socket)
        return;
    instance->gate_is_there = snapshot->control_pid != 0;
    /* Whatever the unit does next, the gate has decided by now. */
    if (instance->undecided && !instance->gate_is_there)
        decide(instance);
    bool past = is_of_earlier_life(instance, snapshot);
    if (!past)
        instance->restarts = snapshot->restarts;
    size_t count = observation_update(&instance->observation, snapshot, events);
    for (size_t i = 0; i < count && !instance->detached; i++) {
        if (events[i].event == STATE_EVENT_LAUNCHED && !past)
            take_launch_for_wanted(instance);
        /* A start that waits for the last incarnation to go is not concerned with what that does till then.
         */
        if (events[i].event == STATE_EVENT_GONE)
            see_rest(instance, snapshot, second);
        else if (!instance->start_wanted && !past)
            handlers[events[i].event](instance, &events[i]);
    }
}

static void unit_changed(Instance *instance, const UnitSnapshot *snapshot)
{
    see(instance, snapshot, false);
}

static void unit_removed(Instance *instance)
{
    instance->gate_is_there = false;
    if (instance->undecided)
        decide(instance);
    if (instance->start_called || !instance->unit_busy)
        return;
    instance->unit_failed = false;
    settle(instance);
}

/* As a runner
 * ---------------------------------------------------------------------------------------------------- */

static int send_signal(Instance *instance, int signal, SystemdDone done, void *userdata)
{
    return systemd_kill(instance->context->systemd, instance->planned->unit, signal, done, userdata);
}

static bool at_rest(const Instance *instance)
{
    return !instance->unit_busy && !instance->start_called && !instance->start_wanted;
}

static void abolish(Instance *instance)
{
    /* It has ended, but systemd may be about to restart it. */
    if (instance->unit_busy)
        (void)systemd_stop(instance->context->systemd, instance->planned->unit, NULL, NULL);
    else if (instance->unit_failed)
        (void)systemd_reset_failed(instance->context->systemd, instance->planned->unit, NULL, NULL);
}

static void detach(Instance *instance)
{
    cancel_retry(instance);
    instance->judge = sd_event_source_disable_unref(instance->judge);
    g_clear_pointer(&instance->undecided, g_free);
}

const InstanceRunner instance_unit_runner = {
    .start = start,
    .stop = stop,
    .hold = hold,
    .signal = send_signal,
    .write_stdin = instance_output_write_stdin,
    .unit_changed = unit_changed,
    .unit_removed = unit_removed,
    .look = look,
    .restore = instance_unit_restore,
    .at_rest = at_rest,
    .abolish = abolish,
    .detach = detach,
};
