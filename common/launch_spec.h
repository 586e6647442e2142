/* What the launcher (units/exec.c) and the gate (units/gate.c) need to know about a process: written by the bridge before it
 * asks systemd to start the unit, read at every start, with or without a bridge.
 *
 * A file of mode 0600 holding "key=value" records that end in NUL bytes, so that no value needs escaping. Environment
 * variables are records "env=NAME=value", in order. Unknown keys are skipped, so that an older launcher still running
 * from before an upgrade reads a newer file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

typedef struct LaunchSpec {
    const char *unit;           /* the unit's own name: the gate stops it when it gives up */
    bool user_manager;          /* the unit belongs to systemd --user */
    const char *process_name;
    const char *command;        /* not yet split: shlex rules, at each start */
    const char *search_path;    /* colon-separated, where a command without a slash is looked for */
    const char *base_directory; /* the daemon's working directory: relative commands and directories start there */
    const char *directory;      /* NULL when unset */
    const char *user;           /* NULL: stay who we are; else a name or a number */
    mode_t umask;
    struct rlimit open_files;   /* RLIMIT_NOFILE */
    struct rlimit processes;    /* RLIMIT_NPROC */
    bool redirect_stderr;
    const char *stdin_path;     /* FIFOs; NULL: /dev/null */
    const char *stdout_path;
    const char *stderr_path;
    long long startsecs;
    long long startretries;
    const char *const *environment; /* "NAME=value", NULL-terminated: all the program gets */
} LaunchSpec;

/* What stands beside a spec file. */
#define LAUNCH_SPEC_FAILURES ".failures" /* decimal: failed starts in a row; absent means 0 */
#define LAUNCH_SPEC_SPAWNERR ".spawnerr" /* why the last start did not get as far as a process of its own; absent when it did */
#define LAUNCH_SPEC_FATAL    ".fatal"    /* the gate has given up; holds the invocation ID */

/* Writes atomically (temporary file, rename) with mode 0600. Returns 0 or negative errno. */
int launch_spec_write(const char *path, const LaunchSpec *spec);

/* Reads a whole file. `ret_storage` owns every string of `ret_spec`; free() it. Returns 0, negative errno, or -EBADMSG when a
 * record is malformed or `unit`, `command` or `process_name` is missing. Refuses files over 8 MiB with -EFBIG. */
int launch_spec_read(const char *path, LaunchSpec *ret_spec, void **ret_storage);

/* PATH with a suffix of the list above. Newly allocated, NULL without memory. */
char *launch_spec_companion(const char *path, const char *suffix);

/* The failure count. Reading: 0 when there is none or it is unreadable. Writing 0 removes the file. */
unsigned launch_spec_read_failures(const char *path);
int launch_spec_write_failures(const char *path, unsigned failures);
