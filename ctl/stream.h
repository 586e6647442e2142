/* A log that is followed: a GET whose answer does not end, printed as it comes. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

#include "ctl/transport.h"

typedef struct LogStream LogStream;

/* Asks for `path` ("/logtail/x/stdout", not escaped). What a server answers instead of a log is told on
 * stderr as the oracle tells it, with `serverurl` and `path` in front. `transport` must outlive it. An URL
 * that is no good is told, too. */
LogStream *stream_open(Transport *transport, const char *serverurl, const char *path, FILE *output);
void stream_free(LogStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogStream, stream_free)

/* Whether it has ended: the daemon is gone, or there was nothing to follow. Told once it has. */
bool stream_ended(LogStream *stream);
