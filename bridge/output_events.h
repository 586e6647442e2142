/* PROCESS_LOG_* and PROCESS_COMMUNICATION_* events of one stream, with the oracle's payload. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bridge/event.h"
#include "translator/config.h"

typedef struct OutputEvents OutputEvents;

/* `log`: whether PROCESS_LOG_* is enabled for this stream. `bus` must outlive it; strings are copied. */
OutputEvents *output_events_new(EventBus *bus, const char *process, const char *group, Stream stream,
                                bool log);
void output_events_free(OutputEvents *events);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OutputEvents, output_events_free)

/* Whether anybody would hear of a log event. */
bool output_events_wants_log(const OutputEvents *events);

/* Raises PROCESS_LOG_* when that is enabled: one event for every 64 KiB, the most that the oracle reads from
 * its pipe at once. A character that is cut at the end waits for its rest. */
void output_events_log(OutputEvents *events, pid_t pid, const char *data, size_t size);
/* The writer has ended: no rest will come. */
void output_events_finish_log(OutputEvents *events, pid_t pid);

void output_events_communication(OutputEvents *events, pid_t pid, const char *data, size_t size);
