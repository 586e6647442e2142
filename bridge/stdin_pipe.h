/* Writing to the standard input of a program: a FIFO that the program itself holds open, so that neither the
 * end of the bridge nor a restart of it is an end of file. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <systemd/sd-event.h>

typedef struct StdinPipe StdinPipe;

/* The FIFO need not exist yet. */
StdinPipe *stdin_pipe_new(sd_event *event, const char *path);
void stdin_pipe_free(StdinPipe *pipe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StdinPipe, stdin_pipe_free)

/* Writes what the FIFO takes and keeps the rest until the program reads. Returns 0; -EPIPE when nobody has it
 * open for reading (the program closed its stdin); -ENOBUFS when the program has left more than 16 MiB
 * unread; another negative errno. */
int stdin_pipe_write(StdinPipe *pipe, const char *data, size_t size);

/* The program has ended: what it did not read is not for the next one. */
void stdin_pipe_reset(StdinPipe *pipe);
