/* Requests: XML to a method's name and arguments, with the oracle's idea of what is acceptable.
 *
 * Read with glib's markup parser and not with xmlrpc-c, whose parser crashes on two megabytes of nested tags
 * (whatever nesting limit is set), makes 100 MB of a 600-byte document with entities, and refuses what the
 * oracle takes (white space in a number, `true` for a boolean, numbers beyond 32 bits, any other root
 * element). */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef struct RpcRequest {
    char *method;         /* NULL when there is none */
    GPtrArray *arguments; /* of GVariant, see bridge/rpc_value.h */
} RpcRequest;

/* Returns 0, or -EBADMSG when the document is malformed, nested too deeply, or has a document type. */
int rpc_decode(const char *body, size_t size, RpcRequest *ret);
void rpc_request_clear(RpcRequest *request);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RpcRequest, rpc_request_clear)
