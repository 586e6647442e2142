#include "bridge/instance_timer.h"

#include <time.h>

enum { ACCURACY_USEC = 1000 };

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
    InstanceTimer *timer = userdata;

    instance_timer_cancel(timer);
    timer->due(timer->instance);
    return 0;
}

void instance_timer_set(InstanceTimer *timer, sd_event *event, uint64_t usec, Instance *instance,
                        InstanceDue due)
{
    instance_timer_cancel(timer);
    timer->instance = instance;
    timer->due = due;
    (void)sd_event_add_time_relative(event, &timer->source, CLOCK_MONOTONIC, usec, ACCURACY_USEC, on_time,
                                     timer);
}

void instance_timer_cancel(InstanceTimer *timer)
{
    timer->source = sd_event_source_disable_unref(timer->source);
}
