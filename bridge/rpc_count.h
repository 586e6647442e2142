/* How many RPC calls there were, by method and outcome, since the daemon began. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `method` as it was called; what no row of the method table has is counted together. `fault` 0: none. */
void rpc_count_add(const char *method, int fault);

typedef struct RpcCount {
    const char *method; /* "unknown" for all that are none */
    int fault;
    uint64_t calls;
} RpcCount;

/* One after the other, by method; false behind the last. `position` begins as 0. */
bool rpc_count_next(size_t *position, RpcCount *ret);
