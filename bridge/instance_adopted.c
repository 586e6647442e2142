/* An instance whose process was started by an old supervisord and taken over while it ran: in a scope, with
 * that daemon's pipes. It is watched, stopped and signalled here; once it has ended, the instance is run as a
 * service like any other.
 *
 * How such a process ended nobody can tell: it was never a child of systemd's or ours. It counts as an end
 * that was not expected. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "bridge/fifo.h"
#include "bridge/instance_internal.h"
#include "bridge/instance_timer.h"
#include "bridge/process_facts.h"
#include "bridge/relay.h"

/* Children of the program may write on for ever: when it has ended, so many pipes full are enough. */
enum { LAST_MOVES = 64 };

enum { STDIN, RELAY_COUNT = 1 + STREAM_COUNT };

static const char *const relay_names[RELAY_COUNT] = {"stdin", "stdout", "stderr"};

struct InstanceAdopted {
    int pidfd;
    sd_event_source *ended;
    InstanceTimer timer;
    Relay *relays[RELAY_COUNT];
};

char *instance_adopted_fd_name(const char *namespec, int fd)
{
    return g_strdup_printf("adopted %s %s", namespec, relay_names[fd]);
}

/* Time
 * ---------------------------------------------------------------------------------------------------- */

static void after(Instance *instance, double seconds, InstanceDue due)
{
    instance_timer_set(&instance->adopted->timer, instance->context->event,
                       (uint64_t)(MAX(seconds, 0) * G_USEC_PER_SEC), instance, due);
}

/* Output and input: the old pipes feed the FIFOs that a service would have
 * ------------------------------------------------------------------------------------------------------ */

static void forget_pipe(Instance *instance, int number)
{
    g_autofree char *name = instance_adopted_fd_name(instance->planned->namespec, number);

    g_clear_pointer(&instance->adopted->relays[number], relay_free);
    (void)fd_store_drop(instance->context->fd_store, name);
}

static void complain(const Instance *instance, int number, int error)
{
    main_log_write(instance->context->log, LOG_LEVEL_CRITICAL, "could not go on with the %s of %s: %s",
                   relay_names[number], instance->planned->namespec, g_strerror(-error));
}

/* The FIFO in its place; the pump reads that of an output already. */
static int open_fifo(const Instance *instance, int number)
{
    const InstanceContext *context = instance->context;
    g_autofree char *path = launch_fifo_path(instance->planned, &context->launch, relay_names[number]);
    FifoOwner owner = {0};

    owner.is_other = launch_owner(instance->planned->config, &context->launch, &owner.uid);
    return fifo_open(NULL, path, &owner);
}

static void connect_pipe(Instance *instance, int number)
{
    const InstanceContext *context = instance->context;
    g_autofree char *name = instance_adopted_fd_name(instance->planned->namespec, number);
    int pipe = fd_store_take(context->fd_store, name);

    if (pipe < 0)
        return; /* the program has given it up */
    int fifo = open_fifo(instance, number), r = fifo;
    if (fifo < 0)
        close(pipe);
    else
        r = relay_new(context->event, number == STDIN ? fifo : pipe, number == STDIN ? pipe : fifo,
                      &instance->adopted->relays[number]);
    if (r < 0)
        complain(instance, number, r);
}

static void connect_pipes(Instance *instance)
{
    int r = instance_output_open(instance);

    if (r < 0)
        complain(instance, STDIN + 1, r);
    for (int number = 0; number < RELAY_COUNT; number++)
        connect_pipe(instance, number);
}

/* All that is there: the FIFO may be smaller than what waits before it. */
static void drain(Instance *instance)
{
    bool moved = true;

    for (int moves = 0; moved && moves < LAST_MOVES; moves++) {
        moved = false;
        for (int number = STDIN + 1; number < RELAY_COUNT; number++)
            moved |= instance->adopted->relays[number] && relay_move(instance->adopted->relays[number]) > 0;
        instance_output_drain(instance);
    }
}

/* The end
 * ---------------------------------------------------------------------------------------------------- */

/* Nothing calls back any more; the process stays as it is. */
static void detach(Instance *instance)
{
    InstanceAdopted *self = g_steal_pointer(&instance->adopted);

    if (!self)
        return;
    sd_event_source_disable_unref(self->ended);
    instance_timer_cancel(&self->timer);
    for (int number = 0; number < RELAY_COUNT; number++)
        relay_free(self->relays[number]);
    if (self->pidfd >= 0)
        close(self->pidfd);
    g_free(self);
}

/* From now on a service like any other. */
static void become_service(Instance *instance)
{
    for (int number = 0; number < RELAY_COUNT; number++)
        forget_pipe(instance, number);
    (void)store_put_adopted(instance->context->store, instance->planned->namespec, (StoreAdopted){0});
    detach(instance);
    instance->runner = &instance_unit_runner;
}

/* What the process leaves behind is ended, as with a service. */
static void sweep(Instance *instance)
{
    (void)systemd_kill_all(instance->context->systemd, instance->scope, SIGKILL, NULL, NULL);
}

static void start_again(Instance *instance)
{
    if (instance->held)
        return;
    if (instance->state == PROCESS_BACKOFF)
        instance_unit_back_off(instance);
    else if (instance->state == PROCESS_EXITED && instance_end_is_to_come_back(instance))
        instance_start(instance);
}

static void take_end(Instance *instance)
{
    Observed observed = {.pid = instance->pid};
    bool failed = instance->state == PROCESS_STARTING && instance->planned->config->startsecs > 0;

    drain(instance);
    instance_output_set_pid(instance, 0);
    sweep(instance);
    become_service(instance);
    instance_end_take(instance, &observed, failed);
    if (instance->detached)
        return;
    start_again(instance);
    if (instance->context->settled && instance_at_rest(instance))
        instance->context->settled(instance, instance->context->userdata);
}

static int on_ended(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    take_end(userdata);
    return 0;
}

/* Requests
 * ------------------------------------------------------------------------------------------------------- */

static int send_to_process(const Instance *instance, int signal)
{
    return pidfd_send_signal(instance->adopted->pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

static void kill_it(Instance *instance)
{
    instance_end_tell_killing(instance, instance->pid);
    if (instance->planned->config->killasgroup)
        sweep(instance);
    (void)send_to_process(instance, SIGKILL);
    after(instance, (double)MAX(instance->planned->config->stopwaitsecs, 1), kill_it);
}

static void stop(Instance *instance)
{
    const ProcessConfig *config = instance->planned->config;

    /* It leads its process group, and is there as long as its pidfd has not said otherwise. */
    if (config->stopasgroup)
        (void)kill(-instance->pid, config->stopsignal);
    else
        (void)send_to_process(instance, config->stopsignal);
    after(instance, (double)MAX(config->stopwaitsecs, 1), kill_it);
}

static int send_signal(Instance *instance, int signal, SystemdDone done, void *userdata)
{
    done(instance->scope, send_to_process(instance, signal), NULL, userdata);
    return 0;
}

/* Never without a process: it has become a service then. */
static void start(Instance *instance)
{
    become_service(instance);
    instance->runner->start(instance);
}

static void hold(Instance *instance)
{
}

/* What systemd says
 * ---------------------------------------------------------------------------------------------- */

static void unit_changed(Instance *instance, const UnitSnapshot *snapshot)
{
    bool alive = instance->state == PROCESS_STARTING || instance->state == PROCESS_RUNNING;

    if (snapshot->active_state == ACTIVE_STATE_DEACTIVATING && alive)
        instance_apply(instance, STATE_EVENT_STOPPING); /* somebody stops the scope */
}

/* The process itself is watched: nothing about it depends on its unit. */
static void unit_removed(Instance *instance)
{
}

static void look(Instance *instance)
{
}

/* As a runner
 * ---------------------------------------------------------------------------------------------------- */

static void prepare(Instance *instance)
{
    instance->adopted = g_new0(InstanceAdopted, 1);
    instance->adopted->pidfd = -1;
    instance->scope = plan_adopted_scope(instance->planned);
    systemd_watch(instance->context->systemd, instance->scope);
}

/* 0; -ESRCH when it has ended; another negative errno when nobody can tell. */
static int watch_process(Instance *instance, StoreAdopted process)
{
    InstanceAdopted *self = instance->adopted;

    if (self->pidfd >= 0)
        close(self->pidfd);
    self->pidfd = pidfd_open(process.pid, 0);
    if (self->pidfd < 0)
        return -errno;
    /* Only now nobody else can get this pid. */
    if (!process_facts_is_alive(process.pid, process.start))
        return -ESRCH;
    return sd_event_add_io(instance->context->event, &self->ended, self->pidfd, EPOLLIN, on_ended, instance);
}

/* What was under way goes on. */
static void resume(Instance *instance)
{
    const ProcessConfig *config = instance->planned->config;

    if (instance->state == PROCESS_STARTING)
        after(instance, instance->laststart + (double)config->startsecs - instance_end_seconds(0),
              instance_end_come_up);
    else if (instance->state == PROCESS_STOPPING)
        after(instance, (double)MAX(config->stopwaitsecs, 1), kill_it);
    else
        instance->state = PROCESS_RUNNING;
}

static void watch_again(Instance *instance);

/* Out of descriptors or memory: that says nothing about the process. */
static void watch_later(Instance *instance, int error)
{
    main_log_write(instance->context->log, LOG_LEVEL_CRITICAL, "cannot watch %s (pid %d) now: %s",
                   instance->planned->namespec, (int)instance->pid, g_strerror(-error));
    after(instance, 1, watch_again);
}

static void watch_again(Instance *instance)
{
    int r = watch_process(instance, store_adopted(instance->context->store, instance->planned->namespec));

    if (r == -ESRCH)
        take_end(instance);
    else if (r < 0)
        watch_later(instance, r);
    else
        resume(instance);
}

/* It has ended while nobody looked. */
static void restore_ended(Instance *instance)
{
    bool asked = instance->state == PROCESS_STOPPING;

    drain(instance);
    sweep(instance);
    become_service(instance);
    instance->state = asked ? PROCESS_STOPPED : PROCESS_EXITED;
    instance->exitstatus = -1;
    instance->laststop = instance_end_seconds(0);
    if (!asked && instance_end_is_to_come_back(instance)) {
        instance->state = PROCESS_STOPPED;
        instance->start_pending = true;
    }
}

static bool restore(Instance *instance, const UnitSnapshot *snapshot)
{
    const InstanceContext *context = instance->context;
    const StoreRecord *record = store_process(context->store, instance->planned->namespec);
    StoreAdopted process = store_adopted(context->store, instance->planned->namespec);

    if (record)
        instance_restore_record(instance, record);
    connect_pipes(instance);
    int r = watch_process(instance, process);
    if (r == -ESRCH) {
        restore_ended(instance);
    } else {
        instance->pid = process.pid;
        instance_output_set_pid(instance, process.pid);
        resume(instance);
        if (r < 0)
            watch_later(instance, r);
    }
    instance_remember(instance);
    return !instance->start_pending;
}

static bool at_rest(const Instance *instance)
{
    return false;
}

static void abolish(Instance *instance)
{
    sweep(instance);
    become_service(instance);
}

const InstanceRunner instance_adopted_runner = {
    .prepare = prepare,
    .start = start,
    .stop = stop,
    .hold = hold,
    .signal = send_signal,
    .write_stdin = instance_output_write_stdin,
    .unit_changed = unit_changed,
    .unit_removed = unit_removed,
    .look = look,
    .restore = restore,
    .at_rest = at_rest,
    .abolish = abolish,
    .detach = detach,
};
