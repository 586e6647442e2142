/* The usual answer of a daemon, read quickly: xmlrpc-c takes ten times as long for it, which is most of the
 * time that `status` takes with hundreds of processes. */
#pragma once

#include <xmlrpc-c/base.h>

/* Reads a result of structs, arrays, strings, ints, booleans and nil, written without any frills. Returns 0,
 * or -ENOTSUP for everything else: faults, other types, attributes, what is no XML. That is for
 * xmlrpc_parse_response2(), which says the same about what is read here. `text` is what body_clean() made. */
int answer_read(const char *text, xmlrpc_value **ret);
