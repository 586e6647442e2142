/* Base64 as Python's lenient decoder reads it. */
#pragma once

#include <stddef.h>

/* Skips what is no base64 digit, insists on the padding and stops behind it. Returns newly allocated bytes
 * with a NUL behind them, or NULL when the padding is wrong. */
char *base64_decode(const char *text, size_t *ret_size);
