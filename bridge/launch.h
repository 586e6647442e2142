/* What a program is started with: from its configuration and the daemon's surroundings to the launcher's spec
 * file. */
#pragma once

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "translator/plan.h"

/* How the daemon itself stands: what a forked child would have inherited. */
typedef struct LaunchContext {
    const char *runtime_directory;
    const char *working_directory;
    char **environment;               /* the daemon's own */
    char *const *manager_environment; /* what systemd gives to every unit; NULL: not known */
    const char *serverurl;            /* NULL: no server */
    bool has_user; /* user= of [supervisord]: programs without one of their own run as this user */
    uid_t uid;
    mode_t umask;
    struct rlimit open_files;
    struct rlimit processes;
    bool user_manager;
} LaunchContext;

/* Whose the FIFOs must be, so that the program can open /dev/stdout again: false when it runs as the daemon's
 * own user. */
bool launch_owner(const ProcessConfig *config, const LaunchContext *context, uid_t *ret);

/* Paths below the runtime directory, newly allocated. */
char *launch_fifo_path(const PlannedProcess *process, const LaunchContext *context, const char *stream);

/* Writes the spec and the failure count that the gate goes on from, removes marks of an earlier start, makes
 * the FIFO for stdin. Returns 0 or negative errno. */
int launch_prepare(const PlannedProcess *process, const LaunchContext *context, unsigned failures);

/* The search path for the command: the program's own PATH, else the daemon's, else the oracle's default.
 * Newly allocated. */
char *launch_search_path(const ProcessConfig *config, const LaunchContext *context);

/* What the launcher and the gate left behind. The text is newly allocated; NULL when there is none. */
char *launch_read_spawn_error(const PlannedProcess *process, const LaunchContext *context);
bool launch_is_fatal(const PlannedProcess *process, const LaunchContext *context);
unsigned launch_read_failures(const PlannedProcess *process, const LaunchContext *context);

/* How the last run ended, where systemd would not know any more: its exit status (-1 for a signal) and when,
 * in Unix time. False when nothing is there. */
bool launch_read_end(const PlannedProcess *process, const LaunchContext *context, int *ret_status,
                     double *ret_time);

/* Removes all of it, FIFOs included. */
void launch_remove_files(const PlannedProcess *process, const LaunchContext *context);
