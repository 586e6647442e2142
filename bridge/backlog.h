/* What a stream has put out and the journal does not have yet, in order: ranges of log files, or bytes in
 * memory where there is no file. Bounded; what does not fit leaves a gap that knows how much is missing. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bridge/logfile.h"

typedef struct Backlog Backlog;

/* Who wrote it, besides a pid. */
#define BACKLOG_WRITER_UNKNOWN 0    /* somebody will tell soon: backlog_claim() */
#define BACKLOG_WRITER_NOBODY  (-1) /* gone, or never told */

/* The next piece. */
typedef struct BacklogPiece {
    size_t size;  /* bytes in the caller's buffer; 0 for a gap */
    uint64_t gap; /* bytes that are missing here */
    pid_t writer;
    uint64_t since; /* monotonic usec: when the oldest of it came */
    LogPlace place; /* where it begins in the log, for a gap where it ends; nowhere: in no file */
    bool ends_line; /* the writer ended behind it: an unfinished line is finished there */
} BacklogPiece;

Backlog *backlog_new(size_t memory_limit);
void backlog_free(Backlog *backlog);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Backlog, backlog_free)

void backlog_push_extent(Backlog *backlog, const LogExtent *extent, pid_t writer, uint64_t now);
void backlog_push_bytes(Backlog *backlog, const void *data, size_t size, pid_t writer, uint64_t now);

/* What came from an unknown writer is from this one (a pid, or BACKLOG_WRITER_NOBODY). */
void backlog_claim(Backlog *backlog, pid_t writer);
/* The writer has ended: what was pushed so far does not continue in what comes. Returns false when there is
 * nothing left to mark. */
bool backlog_end_line(Backlog *backlog);

bool backlog_is_empty(const Backlog *backlog);
/* Copies the beginning of the first item; false when there is none. */
bool backlog_peek(Backlog *backlog, void *buffer, size_t size, BacklogPiece *ret);
/* Forgets the first item whole, without reading it. */
typedef struct BacklogSkipped {
    uint64_t size;   /* bytes, those that were missing included */
    LogPlace behind; /* where it ended in the log */
    bool ends_line;  /* what comes next begins a line */
} BacklogSkipped;
bool backlog_skip(Backlog *backlog, BacklogSkipped *ret);
/* Forgets the first `size` bytes of the first item; a gap is forgotten whole. */
void backlog_consume(Backlog *backlog, size_t size);
