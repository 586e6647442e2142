/* An instance after a restart of the bridge: what systemd shows and the store remembers, put together. */
#include <sys/wait.h>

#include "bridge/instance_internal.h"

void instance_restore_record(Instance *instance, const StoreRecord *record)
{
    instance->state = record->state;
    instance->laststart = record->laststart;
    instance->laststop = record->laststop;
    instance->exitstatus = record->exitstatus;
    instance->backoff = record->backoff;
    instance_set_spawnerr(instance, record->spawnerr);
}

/* What a unit that is doing something says about the state, whatever was known before. */
static ProcessState state_of(const UnitSnapshot *snapshot)
{
    switch (snapshot->active_state) {
    case ACTIVE_STATE_ACTIVE:
    case ACTIVE_STATE_RELOADING:
        return PROCESS_RUNNING;
    case ACTIVE_STATE_ACTIVATING:
        if (snapshot->main_pid != 0)
            return PROCESS_STARTING;
        /* Without the gate that waits in a backoff it is between two starts: newer versions of systemd call
         * that activating, too, for as long as the job has to wait (for this very daemon, for example). */
        return snapshot->control_pid != 0 ? PROCESS_BACKOFF : PROCESS_EXITED;
    case ACTIVE_STATE_DEACTIVATING:
        return snapshot->main_pid != 0 ? PROCESS_STOPPING : PROCESS_EXITED;
    case ACTIVE_STATE_INACTIVE:
    case ACTIVE_STATE_FAILED:
        break;
    }
    /* A restart passes through a dead state with its job waiting. */
    return snapshot->has_job ? PROCESS_EXITED : PROCESS_STOPPED;
}

/* The unit is doing something, but there is no main process: between two starts, or after the last end. What
 * that was, the mark of the gate tells, or what was known before. */
static ProcessState state_without_process(const Instance *instance, ProcessState before)
{
    switch (before) {
    case PROCESS_STOPPING:
    case PROCESS_STOPPED:
        return PROCESS_STOPPED;
    case PROCESS_STARTING:
    case PROCESS_BACKOFF:
        return PROCESS_BACKOFF;
    case PROCESS_FATAL:
        /* The unit is still on its way out: what was told before holds. */
        return PROCESS_FATAL;
    default:
        return launch_is_fatal(instance->planned, &instance->context->launch) ? PROCESS_BACKOFF
                                                                              : PROCESS_EXITED;
    }
}

/* What the record says of a start that was given up holds. */
static void restore_spawnerr(Instance *instance)
{
    g_autofree char *spawnerr = launch_read_spawn_error(instance->planned, &instance->context->launch);

    if (instance->state == PROCESS_FATAL)
        return;
    instance->exitstatus = 0;
    if (instance->state != PROCESS_BACKOFF)
        instance_set_spawnerr(instance, "");
    else
        instance_set_spawnerr(instance,
                              spawnerr ? spawnerr : "Exited too quickly (process log may have details)");
}

/* How its process ended, as long as systemd tells. */
static void restore_told_end(Instance *instance, const UnitSnapshot *snapshot)
{
    const Observed observed = {.exit_code = snapshot->exec_main_code,
                               .exit_status = snapshot->exec_main_status};
    g_autofree char *text = NULL;

    if (snapshot->exec_main_code == 0)
        return;
    instance->laststop = instance_end_seconds(snapshot->exec_main_exit);
    instance_end_describe(&observed, &instance->exitstatus, &text);
}

/* systemd waits before it starts the program anew. An end that the gate has not counted was that of a program
 * that was up, whatever was known before. */
static ProcessState state_before_restart(const Instance *instance)
{
    return launch_read_failures(instance->planned, &instance->context->launch) > 0 ? PROCESS_BACKOFF
                                                                                   : PROCESS_EXITED;
}

static void restore_live(Instance *instance, const UnitSnapshot *snapshot)
{
    ProcessState before = instance->state;

    instance->unit_busy = true;
    instance->state = state_of(snapshot);
    if (instance->state == PROCESS_EXITED)
        instance->state = snapshot->active_state == ACTIVE_STATE_ACTIVATING
                              ? state_before_restart(instance)
                              : state_without_process(instance, before);
    /* The gate has said so, and waits for the stop that it asked for. */
    if (instance->state == PROCESS_BACKOFF && before == PROCESS_FATAL &&
        launch_is_fatal(instance->planned, &instance->context->launch))
        instance->state = PROCESS_FATAL;
    instance->pid = snapshot->main_pid;
    if (snapshot->exec_main_start != 0)
        instance->laststart = instance_end_seconds(snapshot->exec_main_start);
    instance->backoff = instance->state == PROCESS_RUNNING || instance->state == PROCESS_FATAL
                            ? 0
                            : launch_read_failures(instance->planned, &instance->context->launch);
    restore_spawnerr(instance);
    if (instance->state == PROCESS_EXITED || instance->state == PROCESS_STOPPED)
        restore_told_end(instance, snapshot);
    int r = instance_output_open(instance);
    if (r < 0)
        main_log_write(instance->context->log, LOG_LEVEL_CRITICAL,
                       "could not open the output of %s again: %s", instance->planned->namespec,
                       g_strerror(-r));
    instance_output_set_pid(instance, snapshot->main_pid);
}

/* systemd has forgotten the unit: what the gate wrote down, or the one exit code that makes it forget. */
static void restore_forgotten_end(Instance *instance)
{
    const ProcessConfig *config = instance->planned->config;

    if (launch_read_end(instance->planned, &instance->context->launch, &instance->exitstatus,
                        &instance->laststop))
        return;
    if (config->autorestart == AUTORESTART_UNEXPECTED && config->exitcode_count == 1)
        instance->exitstatus = config->exitcodes[0];
}

/* It was alive when the last bridge looked, and is not any more. */
static void restore_ended(Instance *instance, const UnitSnapshot *snapshot)
{
    if (instance->state == PROCESS_STOPPING) {
        instance->state = PROCESS_STOPPED;
    } else if (launch_is_fatal(instance->planned, &instance->context->launch)) {
        instance->state = PROCESS_FATAL;
        instance->backoff = 0;
    } else {
        instance->state = PROCESS_EXITED;
    }
    instance->laststop = instance_end_seconds(snapshot ? snapshot->exec_main_exit : 0);
    restore_forgotten_end(instance);
    if (snapshot)
        restore_told_end(instance, snapshot);
    /* What it wrote last is still in the FIFO if anything kept that open. */
    if (instance_output_open(instance) >= 0)
        instance_output_drain(instance);
}

/* The last bridge died between writing down that it would ask systemd for a start and systemd's answer; or
 * the one after it, which had read that and written it down anew. */
static bool was_asked(const StoreRecord *record)
{
    return record->pending && (record->state == PROCESS_STARTING || record->state == PROCESS_STOPPED);
}

static void restore_asked(Instance *instance)
{
    instance->state = PROCESS_STOPPED;
    instance->start_pending = true;
}

bool instance_unit_restore(Instance *instance, const UnitSnapshot *snapshot)
{
    const StoreRecord *record = store_process(instance->context->store, instance->planned->namespec);
    bool live = snapshot && state_of(snapshot) != PROCESS_STOPPED;

    Observed events[OBSERVED_MAX];

    if (record)
        instance_restore_record(instance, record);
    if (snapshot)
        instance->restarts = snapshot->restarts;
    if (snapshot)
        (void)observation_update(&instance->observation, snapshot, events);
    instance->unit_failed = snapshot && snapshot->active_state == ACTIVE_STATE_FAILED;
    if (live)
        restore_live(instance, snapshot);
    else if (record && was_asked(record))
        restore_asked(instance);
    else if (record && !process_state_is_stopped(record->state))
        restore_ended(instance, snapshot);
    else if (record)
        (void)instance_output_resume(instance);
    if (live || record)
        instance_remember(instance);
    return live || record;
}
