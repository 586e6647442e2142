/* Answers as XML, byte for byte as Python's xmlrpc.client writes them: scripts that grep for <int> find it.
 * (The serializer of xmlrpc-c writes <i4> and another layout, and passes control characters through.) */
#pragma once

#include <glib.h>
#include <stdint.h>

void rpc_encode_response(GString *out, GVariant *value);
void rpc_encode_fault(GString *out, int code, const char *text);
/* What system.multicall puts in place of the result of a call that failed, and what a fault holds. */
GVariant *rpc_encode_fault_value(int code, const char *text);

/* --- values that are written at once ---
 *
 * A GVariant costs a dozen allocations per member, and getAllProcessInfo has thousands of them: such answers
 * are written as XML from the beginning and travel in a value of the type 'ay', which the encoder passes on
 * as it is. Text is made fit for XML as rpc_value_string() does. */
void rpc_encode_begin_array(GString *out);
void rpc_encode_end_array(GString *out);
void rpc_encode_begin_struct(GString *out);
void rpc_encode_end_struct(GString *out);
void rpc_encode_string_member(GString *out, const char *name, const char *text);
/* Held within <int>. */
void rpc_encode_int_member(GString *out, const char *name, int64_t value);
/* Takes the text; the result is floating. */
GVariant *rpc_encode_finish(GString *out);
