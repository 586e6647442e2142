/* What /proc/PID/stat tells about a process, at one moment. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

typedef struct ProcessStat {
    char state; /* 'R', 'S', 'T', 'Z', … as in proc(5) */
    pid_t parent;
    pid_t group;
    pid_t session;
    uint64_t start; /* in ticks since boot: together with the pid it names one process for good */
} ProcessStat;

/* 0; -ESRCH when there is no such process, or another negative errno when that cannot be known. */
int process_stat_read(pid_t pid, ProcessStat *ret);
