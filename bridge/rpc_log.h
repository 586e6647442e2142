/* What the methods for process logs and for the daemon's own log share. */
#pragma once

#include "bridge/rpc_call.h"

/* Answers with a part of `path` (NULL: there is no log) according to the arguments `index` (offset) and
 * `index` + 1 (length). */
void rpc_log_answer_read(RpcCall *call, const char *path, size_t index);
