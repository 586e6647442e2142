/* The inside of the HTTP server, shared by http.c (servers, requests, whole answers) and http_stream.c
 * (answers in pieces). Nobody else includes this. */
#pragma once

#include <microhttpd.h>

#include "bridge/http.h"
#include "bridge/http_accept.h"
#include "bridge/http_listen.h"
#include "bridge/http_stream.h"

typedef struct HttpPeer HttpPeer;

typedef struct HttpServer {
    Http *http;
    struct MHD_Daemon *daemon;
    HttpAcceptor *acceptor;
    bool is_unix;
    char *username; /* NULL: everybody may */
    char *password;
    char *file; /* unix socket that was made here */
    HttpSocketFile made;
    GHashTable *suspended; /* set of HttpRequest */
    sd_event_source *io;
    sd_event_source *timer;
    sd_event_source *kick; /* runs the daemon in the next turn of the loop */
} HttpServer;

struct Http {
    sd_event *event;
    MainLog *log;
    const HttpRoute *routes;
    void *userdata;
    GPtrArray *servers;
    size_t body_bytes;   /* held by all requests together */
    size_t answer_bytes; /* the same of whole answers, until they are sent */
    bool closing;        /* answers that were given still go out, nothing new comes in */
};

struct HttpRequest {
    HttpServer *server;
    struct MHD_Connection *connection;
    HttpPeer *peer; /* NULL: nobody watches it */
    char *method;
    char *path;
    GByteArray *body;
    unsigned refusal; /* from the head alone; told when the body is here */
    bool dispatched;
    bool suspended;
    bool dropped;    /* nobody waits for the answer: close */
    unsigned status; /* 0: not answered */
    size_t answer_size;
    struct MHD_Response *response;
    HttpStream *stream; /* the answer, when it comes in pieces */
    void (*abandoned)(void *userdata);
    void *abandoned_userdata;
};

/* The connection waits until http_request_resume(); its client is watched meanwhile. Within a callback of MHD
 * only. 0 or negative errno. */
int http_request_suspend(HttpRequest *request);
/* The client of a request that waits has gone. */
void http_request_hang_up(HttpRequest *request);
/* Harmless when it does not wait. */
void http_request_resume(HttpRequest *request);

void http_stream_free(HttpStream *stream);
