/* A client that lives in the same event loop as the server under test: every byte it sends and gets is the
 * test's. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

typedef struct HttpClient HttpClient;

/* Connects to a unix socket; asserts success. */
HttpClient *http_client_new(sd_event *event, const char *path);
void http_client_free(HttpClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpClient, http_client_free)

/* Sends all of it, running the loop as long as the server does not take it. A server that closes meanwhile is
 * fine. */
void http_client_send(HttpClient *client, const char *bytes, gssize size);
void http_client_shut_down(HttpClient *client);

typedef struct HttpAnswer {
    int status;
    char *head; /* status line and headers */
    char *body;
    bool closed; /* the server closed the connection instead of, or after, this */
} HttpAnswer;

void http_answer_clear(HttpAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HttpAnswer, http_answer_clear)

/* Runs the loop until one whole answer is here (or the connection is closed: status 0). Fails after 20
 * seconds. */
HttpAnswer http_client_receive(HttpClient *client);
/* Runs the loop until `text` has come in; returns, newly allocated, everything up to its end. */
char *http_client_receive_until(HttpClient *client, const char *text);
/* Runs the loop until the server has closed the connection; what came before that, newly allocated. */
char *http_client_receive_all(HttpClient *client);
/* Runs the loop until the server has closed the connection; fails if anything else comes. */
void http_client_expect_close(HttpClient *client);
/* Whether an answer, or a part of one, is here already; runs the loop as long as it has work, for
 * `milliseconds` at least. */
bool http_client_has_answer(HttpClient *client, unsigned milliseconds);
