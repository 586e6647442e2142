/* The output of programs: FIFO → log file, journal, and whoever else wants it. One Pump per bridge, one
 * PumpStream per FIFO. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-event.h>
#include <sys/types.h>

#include "bridge/event.h"
#include "bridge/fifo.h"
#include "bridge/journal_log.h"
#include "bridge/main_log.h"
#include "translator/config.h"

typedef struct Pump Pump;
typedef struct PumpStream PumpStream;

/* All strings are copied. */
typedef struct PumpStreamConfig {
    const char *fifo_path;
    bool is_fed; /* there is no FIFO: the caller has read the output and puts it in */
    FifoOwner owner;
    FdStore *fd_store;   /* keeps the FIFO open when the bridge dies; NULL: nobody does */
    const char *process; /* SUPERVISOR_PROCESS= of the journal entries */
    const char *group;   /* SUPERVISOR_GROUP= */
    const char *unit;    /* whose `journalctl -u` shows the lines when the program's pid is gone */
    bool user_manager;   /* unit of systemd --user */
    Stream stream;
    const char *logfile; /* absolute path; NULL: journal only */
    int64_t maxbytes;
    int64_t backups;
    bool syslog;
    bool strip_ansi;
    bool journal;             /* send lines to the journal */
    int64_t capture_maxbytes; /* 0: no capture mode */
    bool events_enabled;      /* raise PROCESS_LOG_STDOUT, PROCESS_LOG_STDERR */
} PumpStreamConfig;

/* `log` gets what is worth telling (a log file that cannot be opened or written), `events` what programs say:
 * both must outlive the pump. Who handles events must not remove streams from within. Returns 0 or negative
 * errno. */
int pump_new(sd_event *event, MainLog *log, EventBus *events, Pump **ret);
void pump_free(Pump *pump);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pump, pump_free)

/* Makes the FIFO if there is none (mode 0600, owner as configured; its directory must exist), opens it, opens
 * the log file and begins to read. What a FIFO already holds (the bridge died, the program wrote on) is read
 * first. A log file that cannot be opened is told and the output goes on to the journal. Returns 0 or
 * negative errno when the FIFO cannot be had. */
int pump_add(Pump *pump, const PumpStreamConfig *config, PumpStream **ret);

/* Output that somebody else has read: to the log file and the journal, not to the main log. For streams
 * without a FIFO. */
void pump_stream_put(PumpStream *stream, const char *data, size_t size);

/* Reads what is left, closes, forgets. The FIFO is removed when `remove_fifo`. NULL is fine. */
void pump_stream_remove(PumpStream *stream, bool remove_fifo);

/* From now on lines come from this process: journal entries are sent under its pid, events name it. 0: not
 * known; such lines wait a tenth of a second for somebody to tell, then go under the bridge's pid (journalctl
 * -u finds them all the same); a stream that raises events is not read for as long. */
void pump_stream_set_pid(PumpStream *stream, pid_t pid);

/* For a stream that is gone for good: removes what lies beside the FIFO and the FIFO itself. */
void pump_forget(FdStore *fd_store, const char *fifo_path);

/* Takes in everything that is in the FIFO now: called when the process has ended, before anybody is told. */
void pump_stream_drain(PumpStream *stream);

/* How many bytes have been taken out of the FIFO. */
uint64_t pump_stream_bytes(const PumpStream *stream);

/* SIGUSR2 and clearProcessLogs: close and open again; remove the file and its backups' current file, then
 * open again (the oracle's removelogs). 0 or negative errno. */
int pump_stream_reopen(PumpStream *stream);
int pump_stream_clear(PumpStream *stream);

/* The log of a stream without a log file; NULL when it has one, or when nothing goes to the journal. */
JournalLog *pump_stream_journal_log(const PumpStream *stream);
