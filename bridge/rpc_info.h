/* What getProcessInfo tells about a process; the web page shows the same. */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "common/process_state.h"

typedef struct RpcInfo {
    const char *name;
    ProcessState state;
    int pid;
    int64_t start;
    int64_t stop;
    int64_t now;
    const char *spawnerr;
} RpcInfo;

/* "pid 5, uptime 0:00:07", "Nov 20 06:24 PM", "Not started", …; newly allocated. */
char *rpc_info_description(const RpcInfo *info);
