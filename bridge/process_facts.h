/* What /proc tells about a process: facts that need nobody's help. Every answer is about one moment. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/process_stat.h"

/* Whether this very process is still there and not merely waiting to be reaped. */
bool process_facts_is_alive(pid_t pid, uint64_t start);

/* Its control group in the unified hierarchy ("/system.slice/x.service"), newly allocated; NULL when there is
 * none to be had. */
char *process_facts_cgroup(pid_t pid);

/* The same from the text of a file /proc/PID/cgroup. */
char *process_facts_parse_cgroup(const char *text);

/* All children of a process, those waiting to be reaped too: an array of pid_t, in no order. */
GArray *process_facts_children(pid_t pid);

/* The process and what comes of it: children of children, and those of its process group, which a program of
 * Supervisor leads, whose parents have ended meanwhile. An array of pid_t. Processes made while this looks
 * may be missing. */
GArray *process_facts_tree(pid_t pid);
