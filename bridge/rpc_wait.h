/* Waiting until a process has started or stopped, with the oracle's idea of what that is. */
#pragma once

#include <systemd/sd-event.h>

#include "bridge/instance.h"
#include "common/fault.h"

typedef enum RpcWaitKind {
    RPC_WAIT_STARTED,
    RPC_WAIT_STOPPED,
} RpcWaitKind;

typedef struct RpcWait RpcWait;

/* 0 or a fault, whose text names the process. The wait is gone. */
typedef void (*RpcWaitDone)(int fault, void *userdata);

/* How it stands now: 0, a fault, or -EAGAIN. */
int rpc_wait_check(RpcWaitKind kind, const Instance *instance);

/* Calls `done` once, never before this returns, as soon as rpc_wait_check() has an answer; with BAD_NAME when
 * the process's group is removed. */
RpcWait *rpc_wait_new(sd_event *event, Instance *instance, RpcWaitKind kind, RpcWaitDone done,
                      void *userdata);
/* Gives up waiting. */
void rpc_wait_free(RpcWait *wait);
