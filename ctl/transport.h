/* HTTP to one daemon: a connection kept open, several transfers at once, Ctrl-C. What is said over it is
 * client.c's and stream.c's business. Plain sockets: loading libcurl's forty libraries took twice as long as
 * everything else that the client does. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ctl/http_reply.h"

typedef struct Transport Transport;

Transport *transport_new(void);
void transport_free(Transport *transport);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Transport, transport_free)

/* Where to and as whom from now on; strings are copied. Credentials are sent when both are there. */
void transport_set_server(Transport *transport, const char *url);
void transport_set_credentials(Transport *transport, const char *username, const char *password);

typedef struct Transfer Transfer;

/* A GET of `path` (already escaped), or with `body` a POST of that XML. Nothing is sent before the next step.
 * `transport`, `sink` and `userdata` must outlive it. Returns 0, or -EINVAL with `ret_problem` newly
 * allocated: the server's URL is no good. */
int transfer_new(Transport *transport, const char *path, const char *body, size_t size, const HttpSink *sink,
                 void *userdata, Transfer **ret, char **ret_problem);
/* Ends it if it has not ended. */
void transfer_free(Transfer *transfer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Transfer, transfer_free)

typedef enum TransferState {
    TRANSFER_RUNNING,
    TRANSFER_COMPLETE,
    TRANSFER_CANCELLED, /* the sink wanted no more */
    TRANSFER_TOO_LARGE, /* the headers */
    TRANSFER_FAILED,    /* see below */
} TransferState;

TransferState transfer_state(const Transfer *transfer);
/* The errno behind a transfer that could not connect or lost its connection; 0 when there is none. */
int transfer_errno(const Transfer *transfer);
/* Why it failed, in the words Python has for it. Newly allocated. */
char *transfer_describe(const Transfer *transfer);

/* Moves all transfers on and waits until one has something to do or `input_fd` (-1: none) can be read.
 * Returns 1 when it can, otherwise 0, -EINTR after Ctrl-C, or another negative errno. */
int transport_step(Transport *transport, int input_fd);
