/* Taking connections from a listening socket, as many as there may be, in the event loop.
 *
 * libmicrohttpd could do it as well. But when there are no more descriptors and it has no connection yet it
 * tries again without a pause, and when it has some it tries again only when one of them ends, which may be
 * in half an hour. */
#pragma once

#include <glib.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

typedef struct HttpAcceptor HttpAcceptor;

/* A new connection, non-blocking and close-on-exec; the callee owns `fd`. */
typedef void (*HttpAccepted)(int fd, const struct sockaddr *address, socklen_t address_size, void *userdata);

/* Owns `fd`, a non-blocking listening socket, on success only. At most `limit` connections are taken; more
 * wait in the kernel. */
int http_acceptor_new(sd_event *event, int fd, unsigned limit, HttpAccepted accepted, void *userdata,
                      HttpAcceptor **ret);
void http_acceptor_free(HttpAcceptor *acceptor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpAcceptor, http_acceptor_free)

/* What was accepted has become a connection; one has ended, and there is room again. */
void http_acceptor_count(HttpAcceptor *acceptor);
void http_acceptor_discount(HttpAcceptor *acceptor);
/* Whatever was accepted until now is a connection, or will never be one. Until this is said it takes up room
 * as well: libmicrohttpd 1.0 only puts it on a list, and tells in its next MHD_run() which became
 * connections. */
void http_acceptor_settle(HttpAcceptor *acceptor);
