/* One event listener's side of the protocol: READY, an event, RESULT n and its text. Bytes go in, changes of
 * its state come out; who reads and writes the pipes is the process's business. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "bridge/main_log.h"
#include "bridge/pool_event.h"

typedef struct Listener Listener;

typedef enum ListenerState {
    LISTENER_ACKNOWLEDGED, /* has not asked for an event yet */
    LISTENER_READY,
    LISTENER_BUSY,    /* has an event in hand */
    LISTENER_UNKNOWN, /* does not keep to the protocol: it gets nothing any more */
} ListenerState;

/* Its process. `write` returns 0; -EPIPE when it does not take it. */
typedef struct ListenerProcess {
    bool (*is_running)(void *userdata);
    int (*write)(const char *data, size_t size, void *userdata);
} ListenerProcess;

/* Its pool. */
typedef struct ListenerPool {
    /* It may take an event now. */
    void (*available)(Listener *listener, void *userdata);
    /* It had this event and has not dealt with it. */
    void (*rejected)(Listener *listener, PoolEvent *event, void *userdata);
} ListenerPool;

/* `log` must outlive it, and may be NULL. */
Listener *listener_new(const char *name, MainLog *log, const ListenerProcess *process, void *userdata);
void listener_free(Listener *listener);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Listener, listener_free)

/* NULL: none. */
void listener_set_pool(Listener *listener, const ListenerPool *pool, void *userdata);

const char *listener_name(const Listener *listener);
ListenerState listener_state(const Listener *listener);
/* Its process is RUNNING and it has said READY. */
bool listener_is_available(const Listener *listener);

/* There is a new process: it starts from the beginning. */
void listener_begin(Listener *listener);
/* What it has written to its standard output. */
void listener_feed(Listener *listener, const char *data, size_t size);
/* Its process has entered RUNNING. */
void listener_wake(Listener *listener);
/* Its process has ended: an event in its hands is rejected. */
void listener_end(Listener *listener);

/* Hands it an event: BUSY. Returns what its process's `write` returns; the state changes on success only. */
int listener_give(Listener *listener, PoolEvent *event, const GString *envelope);
