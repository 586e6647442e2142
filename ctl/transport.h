/* HTTP to one daemon: connections kept open, several transfers at once, Ctrl-C. What is said over it is
 * client.c's and stream.c's business. */
#pragma once

#include <curl/curl.h>
#include <glib.h>
#include <stdbool.h>

typedef struct Transport Transport;

int transport_new(Transport **ret);
void transport_free(Transport *transport);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Transport, transport_free)

/* Where to and as whom from now on; strings are copied. Credentials are sent when both are there. */
void transport_set_server(Transport *transport, const char *url);
void transport_set_credentials(Transport *transport, const char *username, const char *password);

typedef struct Transfer {
    CURL *easy;
    bool running;
    CURLcode result; /* when it runs no more */
} Transfer;

/* Aims `easy` at `path` (already escaped) of the server. Returns 0, or -EINVAL with `ret_problem` newly
 * allocated: the server's URL is no good. */
int transport_aim(Transport *transport, CURL *easy, const char *path, char **ret_problem);

/* The transfer's memory must stay until it is stopped or has ended. */
int transport_start(Transport *transport, Transfer *transfer);
void transport_stop(Transport *transport, Transfer *transfer);

/* Moves all transfers on and waits until one has something to do or `input_fd` (-1: none) can be read.
 * Returns 1 when it can, otherwise 0, -EINTR after Ctrl-C, or another negative errno. */
int transport_step(Transport *transport, int input_fd);

/* The errno behind a transfer that could not connect or lost its connection; 0 when there is none. */
int transport_errno(const Transfer *transfer);
/* What went wrong with a transfer whose result is not CURLE_OK, in the words Python has for it. Newly
 * allocated. */
char *transport_describe(Transport *transport, const Transfer *transfer);
