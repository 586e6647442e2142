/* The listening socket that the processes of a FastCGI group share: a .socket unit, which is there as long as
 * any of them is. systemd makes it, holds it and passes it on at every start, so that neither the end of the
 * bridge nor a restart of a program loses a connection that waits. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "bridge/main_log.h"
#include "bridge/systemd.h"
#include "translator/plan.h"

typedef struct FcgiSocket FcgiSocket;

/* What all of them work with; outlives them. */
typedef struct FcgiSocketContext {
    sd_event *event;
    Systemd *systemd;
    MainLog *log;
    void (*closed)(void *userdata); /* one of them has gone; may be NULL */
    /* A process of this group that was taken over from an old supervisord, whose socket it has; 0: none. May
     * be NULL. */
    pid_t (*holder)(const char *group, void *userdata);
    void *userdata;
} FcgiSocketContext;

/* `group`, of `plan`, which it keeps, has a socket. */
FcgiSocket *fcgi_socket_new(Plan *plan, const PlannedGroup *group, const FcgiSocketContext *context);
/* The group of this name in another plan: of another address it is closed first. */
void fcgi_socket_rebase(FcgiSocket *socket, Plan *plan, const PlannedGroup *group);
/* Leaves the unit alone: the next bridge finds it. */
void fcgi_socket_free(FcgiSocket *socket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FcgiSocket, fcgi_socket_free)

/* The oracle's early look when a group is made: creates the socket and closes it again. Returns 0, or
 * negative errno with the oracle's sentence, newly allocated. */
int fcgi_socket_try(FcgiSocket *socket, char **ret_message);

/* A process is about to start. Returns 0 when the socket is there; -EINPROGRESS when `ready` will be called,
 * once, unless it is forgotten; another negative errno with `ret_message` newly allocated. `message` is NULL
 * on success. */
typedef void (*FcgiSocketReady)(int result, const char *message, void *userdata);
int fcgi_socket_open(FcgiSocket *socket, FcgiSocketReady ready, void *userdata, char **ret_message);
void fcgi_socket_forget(FcgiSocket *socket, void *userdata);

/* The last process has stopped, or the group is taken out. Nothing happens when it is not open. */
void fcgi_socket_close(FcgiSocket *socket);
bool fcgi_socket_is_closed(const FcgiSocket *socket);

/* After a restart of the bridge: what systemd shows. */
void fcgi_socket_restore(FcgiSocket *socket, const UnitSnapshot *snapshot);

/* The unit has changed, or is not loaded any more; or asks systemd how it is. */
void fcgi_socket_unit_changed(FcgiSocket *socket, const UnitSnapshot *snapshot);
void fcgi_socket_unit_removed(FcgiSocket *socket);
void fcgi_socket_look(FcgiSocket *socket);
