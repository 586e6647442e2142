/* Listening sockets of the HTTP servers. */
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include "translator/config.h"

/* A unix socket's file as we made it, so that only our own is removed at the end. */
typedef struct HttpSocketFile {
    dev_t device;
    ino_t inode;
} HttpSocketFile;

/* Opens, binds and listens; the descriptor is non-blocking and close-on-exec. Nobody can reach a unix socket
 * before it has its mode and owner, and its name always leads to a socket that listens or to the one that was
 * there before. Returns the descriptor, -EADDRINUSE when another program answers there, -EEXIST when the name
 * belongs to something that is no socket, or another negative errno. `ret_file` is filled for unix sockets
 * only. */
int http_listen_open(const ServerConfig *server, HttpSocketFile *ret_file);

/* The address of a server that is no unix socket. May ask a name server. 0 or negative errno. */
int http_listen_address(const ServerConfig *server, struct sockaddr_storage *ret, socklen_t *ret_size);

/* Removes the file of a unix socket if it is still the one described by `file`. */
void http_listen_unlink(const char *path, const HttpSocketFile *file);
