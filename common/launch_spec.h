/* What the launcher (units/exec.c) and the gate (units/gate.c) need to know about a process: written by the
 * bridge before it asks systemd to start the unit, read at every start, with or without a bridge.
 *
 * A file of mode 0600 holding "key=value" records that end in NUL bytes, so that no value needs escaping.
 * Environment variables are records "env=NAME=value", in order. Unknown keys are skipped, so that an older
 * launcher still running from before an upgrade reads a newer file. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

typedef struct LaunchSpec {
    const char *unit;  /* the unit's own name: the gate stops it when it gives up */
    bool user_manager; /* the unit belongs to systemd --user */
    const char *process_name;
    const char *command;        /* not yet split: shlex rules, at each start */
    const char *search_path;    /* colon-separated, where a command without a slash is looked for */
    const char *base_directory; /* the daemon's working directory: where relative paths start */
    const char *directory;      /* NULL when unset */
    const char *daemon_user;    /* user= of the daemon, which it could not become; NULL: none */
    const char *user;           /* NULL: stay who we are; else a name or a number */
    mode_t umask;
    struct rlimit open_files; /* RLIMIT_NOFILE; a maximum of 0: as the unit has it */
    struct rlimit processes;  /* RLIMIT_NPROC, likewise */
    bool redirect_stderr;
    const char *stdin_path; /* FIFOs; NULL: /dev/null */
    const char *socket;     /* of a FastCGI program: what it is told to be; systemd passes it. NULL: none */
    const char *stdout_path;
    const char *stderr_path;
    long long startsecs;
    long long startretries;
    const char *const
        *environment; /* "NAME=value", NULL-terminated: all the program gets but for what its unit sets */
    /* What systemd gives to every unit, in the same form: the launcher passes on what differs from it, since
     * somebody has set that for this unit. NULL: nothing is passed on. */
    const char *const *manager_environment;
} LaunchSpec;

/* What stands beside a spec file.
 * FAILURES: failed starts in a row, decimal; absent means 0.
 * SPAWNERR: why the last start did not get as far as a process of its own; absent when it did.
 * FATAL: the gate has given up; holds the invocation ID; removed by the next start.
 * ENDED: exit status of the last end, -1 for a signal; only where systemd would forget it. */
#define LAUNCH_SPEC_FAILURES ".failures"
#define LAUNCH_SPEC_SPAWNERR ".spawnerr"
#define LAUNCH_SPEC_FATAL    ".fatal"
#define LAUNCH_SPEC_ENDED    ".ended"

/* The gate's first argument when it runs as ExecStopPost= and leaves the mark ENDED. */
#define LAUNCH_SPEC_NOTE_END "--ended"

/* What systemd calls a FastCGI program's socket among the descriptors that it passes. */
#define LAUNCH_SPEC_SOCKET_NAME "fcgi"

/* The launcher's exit status when it could not get as far as a process of the program's own: .spawnerr then
 * says why, and the gate takes it for a failed start whatever startsecs is. Only .spawnerr is proof: a
 * program may exit with it too. */
#define LAUNCH_SPEC_EXIT_SPAWN_ERROR 125
/* The oracle's status of a child that could not become the program (setuid, chdir, execve); its fd 2 got the
 * reason. */
#define LAUNCH_SPEC_EXIT_NOT_SPAWNED 127
/* The gate ends itself with this signal to have systemd start the unit again. It is above 31 because the
 * signals up to there are in SuccessExitStatus of a unit with autorestart=false. */
#define LAUNCH_SPEC_RETRY_SIGNAL (SIGRTMIN + 1)
/* RestartSec= in seconds of a unit with startsecs <= 0, so that a crash loop cannot burn the machine; 0
 * otherwise. The gate waits that much less, because systemd waits it on top. */
#define LAUNCH_SPEC_RESTART_DELAY 1

/* Writes atomically (temporary file, rename) with mode 0600. Returns 0 or negative errno; -EINVAL for a
 * variable without "=", or when the result would be too large to read. */
int launch_spec_write(const char *path, const LaunchSpec *spec);

/* Reads a whole file. `ret_storage` owns every string of `ret_spec`; free() it. Returns 0, negative errno, or
 * -EBADMSG when a record is malformed or `unit`, `command` or `process_name` is missing. Refuses files over 8
 * MiB with -EFBIG. What the file does not say: the oracle's defaults, and for the limits those of the caller.
 */
int launch_spec_read(const char *path, LaunchSpec *ret_spec, void **ret_storage);

/* PATH with a suffix of the list above. Newly allocated, NULL without memory. */
char *launch_spec_companion(const char *path, const char *suffix);

/* Writes one of the files beside the spec, atomically and with mode 0600. Returns 0 or negative errno. */
int launch_spec_write_companion(const char *path, const char *suffix, const char *text);
/* Returns 0, also when there was none, or negative errno. */
int launch_spec_remove_companion(const char *path, const char *suffix);

/* The failure count. Reading: 0 when there is none or it is unreadable. Writing 0 removes the file. */
unsigned launch_spec_read_failures(const char *path);
int launch_spec_write_failures(const char *path, unsigned failures);
