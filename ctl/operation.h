/* What is done to processes by name: methods of the daemon, and the words for their results. */
#pragma once

#include <stdint.h>

#include "ctl/controller.h"

typedef struct Operation Operation;

extern const Operation operation_start;
extern const Operation operation_stop;
extern const Operation operation_signal;
extern const Operation operation_clear;

/* Does it to each of the words: names, "group:*", patterns, or "all". `signal`: NULL but for
 * operation_signal. Returns 0, with failures told and in the exit status, or raises. */
int operation_run(Controller *controller, const Operation *operation, char **words, const char *signal);

/* Prints what became of one process; `status` is a Fault. Returns 0 or raises when the operation has no words
 * for it. */
int operation_tell(Controller *controller, const Operation *operation, const char *name, int64_t status,
                   const char *description);
