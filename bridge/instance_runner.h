/* How an instance is run: the seam between what a process is (state, requests, watchers, output) and what
 * carries it. A service unit of systemd (instance_unit.c); a child of the bridge in a scope
 * (instance_child.c), which is what event listeners need, since many of them end the daemon with
 * `kill $PPID`.
 *
 * A runner acts and reports: it calls instance_apply(), instance_end_take() and their kin of
 * bridge/instance_internal.h. It decides when a process that has ended starts again, or leaves that to
 * systemd. Nobody but the instance calls it. */
#pragma once

#include "bridge/instance_owner.h"

typedef struct InstanceRunner {
    /* Only once, after the instance was made; may be NULL. */
    void (*prepare)(Instance *instance);
    /* The state is STARTING and there is to be a process. */
    void (*start)(Instance *instance);
    /* What is there or on its way is to end, and not to come back. The state tells how it got there: STOPPING
     * ends with STATE_EVENT_EXITED or _GONE. */
    void (*stop)(Instance *instance);
    /* The daemon is ending: what has ended must not start again by itself. */
    void (*hold)(Instance *instance);
    /* Of a process whose state allows it. 0 when `done` will be called, or has been, exactly once. */
    int (*signal)(Instance *instance, int signal, SystemdDone done, void *userdata);
    int (*write_stdin)(Instance *instance, const char *data, size_t size);
    /* The unit has changed, or is not loaded any more. */
    void (*unit_changed)(Instance *instance, const UnitSnapshot *snapshot);
    void (*unit_removed)(Instance *instance);
    /* Something may have been missed. */
    void (*look)(Instance *instance);
    /* After a restart of the bridge; see instance_restore(). */
    bool (*restore)(Instance *instance, const UnitSnapshot *snapshot);
    /* Nothing is alive or about to start. */
    bool (*at_rest)(const Instance *instance);
    /* What is left is ended; nothing is reported any more. */
    void (*abolish)(Instance *instance);
    /* Forgets everything and frees what is its own; the unit stays as it is. May be called twice. */
    void (*detach)(Instance *instance);
} InstanceRunner;

extern const InstanceRunner instance_unit_runner;
extern const InstanceRunner instance_child_runner;
extern const InstanceRunner instance_adopted_runner;
