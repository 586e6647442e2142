/* A line cut into words and a word read as a number, as Python does it: the oracle leaves both to
 * str.split(), str.strip() and int(), and people's scripts have come to rely on what these accept. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Without white space (Unicode's) at both ends. Newly allocated. */
char *argument_strip(const char *text);

/* The words between white space; free with g_strfreev(). */
char **argument_split(const char *text);

/* "12", " -3 ", "+1_000". Returns 0, -EINVAL when it is no number, -ERANGE when int64_t cannot hold it. */
int argument_integer(const char *text, int64_t *ret);

/* Takes each `option` out of the words; returns whether there was one. */
bool argument_take_option(char **words, const char *option);
