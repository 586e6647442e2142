/* The other side of a connection, watched for its end by ourselves.
 *
 * libmicrohttpd does not look at a suspended connection at all. And where it does it may miss the end: its
 * descriptors are edge-triggered, and when the last bytes and the end come together it reads the bytes, finds
 * fewer than it has room for, and waits for an event that has been. Such a connection would keep its place
 * until a time limit. */
#pragma once

#include "bridge/http_internal.h"

/* From the beginning of a connection to its end. NULL when there is no memory or descriptor to watch with:
 * then only the time limits end it. */
HttpPeer *http_peer_new(HttpServer *server, int fd);
void http_peer_free(HttpPeer *peer);

/* The request that is being read or answered; NULL: none. */
void http_peer_set_request(HttpPeer *peer, HttpRequest *request);
/* The request has begun to wait: whoever has gone before is to be noticed now. */
void http_peer_look_again(HttpPeer *peer);
