/* One answer for many processes: an array of status structs in the order in which the oracle would append
 * them. */
#pragma once

#include <stdint.h>

#include "bridge/rpc_call.h"

typedef struct RpcBatch RpcBatch;
typedef struct RpcBatchItem RpcBatchItem;

/* The answer holds what was decided at once, then the others as they finish. Those that finish within
 * `window_usec` keep the order in which they were added, whichever was first; UINT64_MAX: all keep it. */
RpcBatch *rpc_batch_new(RpcCall *call, uint64_t window_usec);
RpcBatchItem *rpc_batch_add(RpcBatch *batch, const Instance *instance);
/* The item's outcome: 0 or a fault. `extra` NULL: nothing but the fault's name. */
void rpc_batch_decide(RpcBatchItem *item, int fault, const char *extra);
/* What to give up when nobody waits any more; forgotten when the item is decided. */
void rpc_batch_set_work(RpcBatchItem *item, void *work, void (*cancel)(void *work));
/* The namespec of the item's process. */
const char *rpc_batch_name(const RpcBatchItem *item);

/* All items are there: answers, or lets the call wait for those that are not decided. The batch is gone after
 * the answer. */
void rpc_batch_finish(RpcBatch *batch);
