/* Listening sockets that are there before this process and after it: a client that connects while the bridge
 * restarts waits in their queue. They come from supervisor.socket (socket activation), or from the descriptor
 * store, where an earlier bridge has put its own. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "bridge/fd_store.h"
#include "bridge/http_listen.h"

typedef struct ServerSockets ServerSockets;

/* Finds what systemd has passed. To be called before fd_store_open(), which closes what it has taken of that.
 */
ServerSockets *server_sockets_new(void);
void server_sockets_free(ServerSockets *sockets);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ServerSockets, server_sockets_free)

/* The socket of a server: one of those where its address fits, then with the mode and owner that the
 * configuration says, or a new one, which the next bridge will find. Returns the caller's descriptor or a
 * negative errno as http_listen_open(). `ret_file`: of a unix socket; `ret_ours` whether that is to be
 * removed at the end (systemd removes its own). */
int server_sockets_open(ServerSockets *sockets, FdStore *store, const ServerConfig *server,
                        HttpSocketFile *ret_file, bool *ret_ours);

/* Whether this is a socket that listens where the server is to be. */
bool server_socket_is_at(int fd, const ServerConfig *server);

/* A listening socket of somebody else that is to be ours: put into the store where it is this server's, for
 * server_sockets_open(). 0 or negative errno. */
int server_socket_keep(FdStore *store, const ServerConfig *server, int fd);

/* Socket units that were passed: `used` or not by any server so far. NULL-terminated, newly allocated. */
char **server_sockets_units(const ServerSockets *sockets, bool used);

/* Before this process executes itself anew: what was passed stays open. */
void server_sockets_pass_on(ServerSockets *sockets);
