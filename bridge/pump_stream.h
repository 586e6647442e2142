/* The inside of the pump, shared by pump.c (when streams are read, their files, their beginning and end) and
 * pump_output.c (what becomes of what is read). Nobody else includes this. */
#pragma once

#include "bridge/capture.h"
#include "bridge/copy_mark.h"
#include "bridge/copy_queue.h"
#include "bridge/journal_copy.h"
#include "bridge/journal_log.h"
#include "bridge/journal_lookup.h"
#include "bridge/outlet.h"
#include "bridge/output_events.h"
#include "bridge/pump.h"
#include "bridge/strip_ansi.h"

#define PUMP_READ_BYTES ((size_t)256 * 1024)
/* What a stripped piece may be longer: an escape, or the beginning of a mark, held back from the one before.
 */
#define PUMP_HELD_BYTES 32

struct Pump {
    sd_event *event;
    MainLog *log;
    EventBus *events;
    CopyQueue *copies;
    int (*was_sent)(const char *match, uint64_t since, void *userdata);
    JournalLookup *lookup;
    GQueue streams;
    GQueue resting;
    sd_event_source *rest;
    uint64_t rest_usec; /* how long */
    unsigned fill;      /* of the fullest pipe since the last rest */
    char *buffer;       /* PUMP_READ_BYTES */
    char *stripped;     /* PUMP_READ_BYTES + PUMP_HELD_BYTES */
};

struct PumpStream {
    Pump *pump;
    char *fifo_path;
    FdStore *fd_store;
    char *name;
    Stream stream;
    int fd;
    size_t pipe_bytes;
    sd_event_source *input;  /* on: waits for output; off: rests or is held up */
    sd_event_source *output; /* a special log file is full: waits until it takes more */
    Outlet *outlet;          /* NULL without a log file */
    JournalCopy *copy;       /* NULL until there is something to copy */
    CopyMark *mark;          /* … which owns this one when it is there; NULL without a log file */
    char *group;             /* for the copy … */
    char *unit;
    bool user_manager;
    bool to_journal;
    bool to_syslog;          /* … up to here */
    JournalLog *journal_log; /* NULL with a log file, or without a journal */
    int64_t maxbytes;
    int64_t backups;
    bool strips_ansi;
    StripAnsi strip_state;
    Capture *capture; /* NULL without capture mode */
    StripAnsi captured_strip_state;
    OutputEvents *events;
    uint64_t taken; /* bytes, in all */
    pid_t pid;
    sd_event_source *patience; /* events are due, and who wrote is not known yet */
    bool out_of_patience;      /* … and will not be told */
    bool shares_file;          /* with another stream */
    bool is_resting;
    GList link;      /* in pump->streams */
    GList rest_link; /* in pump->resting */
};

/* pump_output.c */

/* The journal's copy, made when there is something to copy; NULL without a journal and syslog. */
JournalCopy *pump_output_copy(PumpStream *stream);
void pump_output_push_extent(PumpStream *stream, const LogExtent *extent);
/* At most PUMP_READ_BYTES that were read: to the file as far as it takes them, and to everybody else. */
void pump_output_accept(PumpStream *stream, const char *data, size_t size);
/* A CaptureSink; its userdata is the stream. */
void pump_output_on_capture(CaptureKind kind, const char *data, size_t size, void *userdata);
/* Up to `size` bytes out of the FIFO. 0: it is empty. */
ssize_t pump_output_take(PumpStream *stream, size_t size);
/* The writer has ended: what was held back since more might have come. */
void pump_output_finish(PumpStream *stream);
