/* The event types of Supervisor and how they nest: a subscription to an abstract type gets everything below
 * it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum EventType {
    EVENT_EVENT, /* abstract: everything */
    EVENT_PROCESS_STATE,
    EVENT_PROCESS_STATE_STOPPED,
    EVENT_PROCESS_STATE_EXITED,
    EVENT_PROCESS_STATE_STARTING,
    EVENT_PROCESS_STATE_STOPPING,
    EVENT_PROCESS_STATE_BACKOFF,
    EVENT_PROCESS_STATE_FATAL,
    EVENT_PROCESS_STATE_RUNNING,
    EVENT_PROCESS_STATE_UNKNOWN,
    EVENT_PROCESS_COMMUNICATION,
    EVENT_PROCESS_COMMUNICATION_STDOUT,
    EVENT_PROCESS_COMMUNICATION_STDERR,
    EVENT_PROCESS_LOG,
    EVENT_PROCESS_LOG_STDOUT,
    EVENT_PROCESS_LOG_STDERR,
    EVENT_REMOTE_COMMUNICATION,
    EVENT_SUPERVISOR_STATE_CHANGE,
    EVENT_SUPERVISOR_STATE_CHANGE_RUNNING,
    EVENT_SUPERVISOR_STATE_CHANGE_STOPPING,
    EVENT_TICK,
    EVENT_TICK_5,
    EVENT_TICK_60,
    EVENT_TICK_3600,
    EVENT_PROCESS_GROUP,
    EVENT_PROCESS_GROUP_ADDED,
    EVENT_PROCESS_GROUP_REMOVED,
    EVENT_TYPE_COUNT,
} EventType;

/* "PROCESS_STATE_STOPPED". Never NULL for a type of the list. */
const char *event_type_name(EventType type);
/* Exact, upper-case names only. Returns 0 or -ENOENT. */
int event_type_from_name(const char *name, EventType *ret);
/* Whether a subscription to `subscribed` covers `type`. */
bool event_type_covers(EventType subscribed, EventType type);
