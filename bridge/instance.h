/* One process of the configuration as it lives: its state, its unit, its output. Below it systemd does the
 * work; above it groups and the RPC handlers ask for starts and stops and watch what becomes of them. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bridge/journal_log.h"
#include "common/process_state.h"
#include "translator/plan.h"

typedef struct Instance Instance;
typedef struct Group Group;

const char *instance_name(const Instance *instance);     /* process_name */
const char *instance_namespec(const Instance *instance); /* "group:name" or "name" */
const char *instance_unit(const Instance *instance);     /* name of its unit */
const ProcessConfig *instance_config(const Instance *instance);
Group *instance_group(const Instance *instance);

ProcessState instance_state(const Instance *instance);
/* 0 when there is none. */
pid_t instance_pid(const Instance *instance);
/* Unix time in seconds, with fractions; 0 when it never was. */
double instance_laststart(const Instance *instance);
double instance_laststop(const Instance *instance);
/* Exit status of the last end: -1 for a signal; 0 when it has not ended or did not get to RUNNING. */
int instance_exitstatus(const Instance *instance);
/* Why it did not start or ended badly, in the oracle's words; "" when there is nothing. */
const char *instance_spawnerr(const Instance *instance);
/* How often it was started again without anybody asking, since somebody started it. */
unsigned instance_restarts(const Instance *instance);
/* How much it has put out since its streams were opened, whatever became of that. */
uint64_t instance_log_bytes(const Instance *instance, Stream stream);
/* Path of its log file; NULL when there is none (NONE, syslog). AUTO has a path once the group is there. */
const char *instance_logfile(const Instance *instance, Stream stream);

/* Whether what it writes there has no log file and is in the journal; and that log, once the stream is there:
 * NULL before its first start. */
bool instance_logs_to_journal(const Instance *instance, Stream stream);
JournalLog *instance_journal_log(const Instance *instance, Stream stream);

/* Asks for a start: the oracle's spawn(). The state is STARTING when this returns (from STOPPED, EXITED,
 * FATAL, BACKOFF); nothing happens in another state. Problems with the unit show as BACKOFF later, not here.
 */
void instance_start(Instance *instance);

/* Checks the command as the oracle does before a start that a client asked for.
 * Returns a CommandProblem (common/command.h; 0 is fine) with `ret_message` newly allocated, or negative
 * errno. */
int instance_check_command(Instance *instance, char **ret_message);

/* Asks for a stop: from RUNNING or STARTING the state is STOPPING when this returns, from BACKOFF it is
 * STOPPED. Nothing happens in another state. */
void instance_stop(Instance *instance);

/* Logs "waiting for x to stop", at most every two seconds, while STOPPING: waiting clients call it again and
 * again. */
void instance_stop_report(Instance *instance);

/* Sends a signal to the main process only, as the oracle does. `done` is called exactly once, possibly before
 * this returns, with 0, -ESRCH (no such process any more; the oracle takes that for success) or another
 * negative errno. */
typedef void (*InstanceSignalDone)(Instance *instance, int result, void *userdata);
void instance_signal(Instance *instance, int signal, InstanceSignalDone done, void *userdata);

/* Writes to its standard input. Returns 0, -EPIPE when it has closed that, -ENOBUFS when it leaves too much
 * unread, or another negative errno. */
int instance_write_stdin(Instance *instance, const char *data, size_t size);

/* Removes and reopens the log files (clearProcessLogs). 0 or negative errno. */
int instance_clear_logs(Instance *instance);
void instance_reopen_logs(Instance *instance);

/* Calls `changed` after every change of state, until unwatched. It may unwatch itself and others, start and
 * stop; the instance may be gone after a call (its group was removed): then `gone` is called instead, once,
 * and the watch is over. Identifiers are > 0. */
typedef void (*InstanceChanged)(Instance *instance, void *userdata);
unsigned instance_watch(Instance *instance, InstanceChanged changed, InstanceChanged gone, void *userdata);
void instance_unwatch(Instance *instance, unsigned watch);
