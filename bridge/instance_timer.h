/* The one thing that a runner waits for: a start that has to last, a stop that must not, the next try. */
#pragma once

#include "bridge/instance_owner.h"

typedef void (*InstanceDue)(Instance *instance);

/* Zeroed: nothing is waited for. */
typedef struct InstanceTimer {
    sd_event_source *source;
    Instance *instance;
    InstanceDue due;
} InstanceTimer;

/* Instead of what was waited for before. */
void instance_timer_set(InstanceTimer *timer, sd_event *event, uint64_t usec, Instance *instance,
                        InstanceDue due);
void instance_timer_cancel(InstanceTimer *timer);
