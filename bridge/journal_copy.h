/* The journal's copy of one stream: what is in the backlog becomes one entry per line, as fast as journald
 * takes them, up to a rate. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/backlog.h"
#include "bridge/copy_mark.h"
#include "bridge/journal.h"
#include "bridge/journal_log.h"
#include "bridge/syslog_sender.h"
#include "translator/config.h"

typedef struct JournalCopy JournalCopy;

/* All strings are copied; `log` is referenced. */
typedef struct JournalCopyConfig {
    const char *process;
    const char *group;
    const char *unit;
    bool user_manager;
    Stream stream;
    bool journal;   /* entries go to the journal */
    bool syslog;    /* lines go to syslog as well */
    CopyMark *mark; /* how far the log file is copied; taken over; NULL without one */
    /* Whether an entry with that field was sent since then: 1, 0 (not yet), -EINPROGRESS (ask again) or
     * negative errno. */
    int (*was_sent)(const char *match, uint64_t since, void *userdata);
    void *was_sent_userdata;
    JournalLog *log;     /* of a stream without a file: entries say where in it they are; NULL otherwise */
    size_t memory_limit; /* of the backlog */
    uint64_t rate_burst; /* lines per interval; 0: no limit */
    uint64_t rate_interval;
} JournalCopyConfig;

typedef enum JournalCopyResult {
    JOURNAL_COPY_DONE,    /* nothing left */
    JOURNAL_COPY_MORE,    /* the budget is used up */
    JOURNAL_COPY_BLOCKED, /* journald takes nothing now */
    JOURNAL_COPY_LATER,   /* at `ret_later` */
} JournalCopyResult;

JournalCopy *journal_copy_new(const JournalCopyConfig *config);
void journal_copy_free(JournalCopy *copy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JournalCopy, journal_copy_free)

/* What is to be copied is pushed here. */
Backlog *journal_copy_backlog(JournalCopy *copy);

/* The writer has ended: its last line is sent as it is. */
void journal_copy_end_line(JournalCopy *copy);

/* Sends what can be sent now, but not so much that others would wait. `syslog` may be NULL. `now` is
 * monotonic usec. */
JournalCopyResult journal_copy_run(JournalCopy *copy, Journal *journal, SyslogSender *syslog, uint64_t now,
                                   uint64_t *ret_later);
