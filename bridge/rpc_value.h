/* XML-RPC values are GVariants:
 *
 *   int 'i' (beyond 32 bits 'x', sent as <i8>), boolean 'b', double 'd', string 's', array 'av' or any array
 * of one type, struct 'a{sv}', nil a maybe type, dateTime the tuple '(s)'. base64 is a string, as in the
 * oracle.
 *
 * Here is what Python would make of them, because the oracle's methods take whatever comes. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A string that XML can carry: invalid UTF-8 and characters that XML 1.0 forbids become U+FFFD. `size` -1: up
 * to the NUL. */
GVariant *rpc_value_string(const char *text, gssize size);
/* 'i' when it fits, else 'x'. */
GVariant *rpc_value_integer(int64_t value);
/* A Unix time, held within <int> as the oracle does. */
GVariant *rpc_value_time(double value);
GVariant *rpc_value_nil(void);

/* Members of an 'a{sv}' under construction; the value may be floating. */
void rpc_value_add(GVariantBuilder *builder, const char *name, GVariant *value);

/* Python's bool(x). */
bool rpc_value_is_true(GVariant *value);
/* Whether Python takes it for a dictionary's key: all but arrays and structs. */
bool rpc_value_is_hashable(GVariant *value);
/* Python's int(x): numbers are cut, text is read. Returns 0; -EINVAL where Python raises ValueError or
 * OverflowError; -EPROTOTYPE where it raises TypeError. */
int rpc_value_to_integer(GVariant *value, int64_t *ret);
/* Python's str(x) for scalars; newly allocated. NULL for nil, which the oracle leaves out of its messages. */
char *rpc_value_to_text(GVariant *value);
/* Reads text as Python's int() does: white space around, a sign, single underscores. Returns 0 or -EINVAL. */
int rpc_value_parse_integer(const char *text, int64_t *ret);
