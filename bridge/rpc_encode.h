/* Answers as XML, byte for byte as Python's xmlrpc.client writes them: scripts that grep for <int> find it.
 * (The serializer of xmlrpc-c writes <i4> and another layout, and passes control characters through.) */
#pragma once

#include <glib.h>

void rpc_encode_response(GString *out, GVariant *value);
void rpc_encode_fault(GString *out, int code, const char *text);
/* What system.multicall puts in place of the result of a call that failed, and what a fault holds. */
GVariant *rpc_encode_fault_value(int code, const char *text);
