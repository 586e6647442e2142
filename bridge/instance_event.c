/* PROCESS_STATE_* events: every change of an instance's state, with the oracle's payload. */
#include "bridge/event.h"
#include "bridge/instance_internal.h"

/* What follows the names and the state before, in the oracle's order. */
typedef struct StateEventRow {
    ProcessState state;
    EventType type;
    bool tries;
    bool expected;
    bool pid;
} StateEventRow;

static const StateEventRow rows[] = {
    {PROCESS_STOPPED, EVENT_PROCESS_STATE_STOPPED, .pid = true},
    {PROCESS_STARTING, EVENT_PROCESS_STATE_STARTING, .tries = true},
    {PROCESS_RUNNING, EVENT_PROCESS_STATE_RUNNING, .pid = true},
    {PROCESS_BACKOFF, EVENT_PROCESS_STATE_BACKOFF, .tries = true},
    {PROCESS_STOPPING, EVENT_PROCESS_STATE_STOPPING, .pid = true},
    {PROCESS_EXITED, EVENT_PROCESS_STATE_EXITED, .expected = true, .pid = true},
    {PROCESS_FATAL, EVENT_PROCESS_STATE_FATAL, .tries = false},
    {PROCESS_UNKNOWN, EVENT_PROCESS_STATE_UNKNOWN, .tries = false},
};

static const StateEventRow *row_of(ProcessState state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].state == state)
            return &rows[i];
    }
    return NULL;
}

static void publish(Instance *instance, ProcessState state, ProcessState old)
{
    EventBus *bus = instance->context->events;
    const StateEventRow *row = row_of(state);

    if (!row || !bus || !event_bus_wants(bus, row->type))
        return;
    g_autoptr(GString) payload = g_string_new(NULL);
    g_string_printf(payload, "processname:%s groupname:%s from_state:%s", instance_name(instance),
                    instance->planned->group->config->name, process_state_name(old));
    if (row->tries)
        g_string_append_printf(payload, " tries:%u", instance->backoff);
    if (row->expected)
        g_string_append_printf(payload, " expected:%d",
                               instance_end_is_expected(instance, instance->exitstatus) ? 1 : 0);
    if (row->pid)
        g_string_append_printf(payload, " pid:%d", (int)instance->pid);
    event_bus_publish(bus, row->type, payload->str, payload->len);
}

void instance_event_catch_up(Instance *instance)
{
    if (!instance->stopping_untold)
        return;
    instance->stopping_untold = false;
    publish(instance, PROCESS_STOPPING, instance->stopping_from);
}

void instance_event_tell(Instance *instance, ProcessState old)
{
    instance_event_catch_up(instance);
    /* The oracle has a process as soon as it is STARTING. Here systemd may not have told yet which one it is
     * when a stop is asked for. */
    if (instance->state == PROCESS_STOPPING && instance->pid == 0) {
        instance->stopping_untold = true;
        instance->stopping_from = old;
        return;
    }
    publish(instance, instance->state, old);
}
