/* Whose turn it is to send to the journal: all JournalCopies of the pump share one connection and take turns
 * in the idle moments of the loop, so that files always come first. */
#pragma once

#include <glib.h>
#include <systemd/sd-event.h>

#include "bridge/journal_copy.h"

typedef struct CopyQueue CopyQueue;

/* Paths of the sockets of journald and syslog; copied. Returns 0 or negative errno. */
int copy_queue_new(sd_event *event, const char *journal_path, const char *syslog_path, CopyQueue **ret);
/* Sends what can be sent without waiting; what is left then is lost to the journal (a file still has it). */
void copy_queue_free(CopyQueue *queue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CopyQueue, copy_queue_free)

/* Takes over the copy. */
void copy_queue_add(CopyQueue *queue, JournalCopy *copy);
/* There is something new in its backlog. */
void copy_queue_schedule(CopyQueue *queue, JournalCopy *copy);
/* Nothing new will come: freed as soon as everything is sent. */
void copy_queue_release(CopyQueue *queue, JournalCopy *copy);
