/* The sentence about a process that status shows; the web page shows the same. */
#pragma once

#include <stdint.h>

#include "common/process_state.h"

typedef struct ProcessFacts {
    const char *name;
    ProcessState state;
    int pid;
    int64_t start; /* Unix times; 0: never */
    int64_t stop;
    int64_t now;
    const char *spawnerr; /* "" when there is none */
} ProcessFacts;

/* "pid 5, uptime 0:00:07", "Nov 20 06:24 PM", "Not started", ...; newly allocated with glib. */
char *process_description(const ProcessFacts *facts);
