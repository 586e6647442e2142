/* Text as Python sees it: what is white space, what a lower-case letter, how a string is shown. The oracle's
 * parser rests on it, and a no-break space in front of a comment is enough to tell the difference.
 *
 * Strings are UTF-8; a byte that is not (from the environment, from a path) counts as one character, which
 * Python holds as a lone surrogate U+DC80 to U+DCFF. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* The character at `text`, which must not be at `end`; returns where the next one begins. */
const char *text_next(const char *text, const char *end, gunichar *ret_character);
/* The character before `text`, which must be behind `start`. Only for valid UTF-8. */
gunichar text_previous(const char *text, const char *start);

/* Number of characters. */
size_t text_length(const char *text);
/* Where character number `count` begins, or the end of the text. */
const char *text_offset(const char *text, size_t count);

/* str.isspace() of one character. */
bool text_is_space(gunichar character);
/* Moves both ends inwards past white space. */
void text_strip(const char **start, const char **end);
/* str.strip(), newly allocated. */
char *text_stripped(const char *text);
/* str.split() at white space. */
GStrv text_split(const char *text);

/* str.lower() and str.upper(), newly allocated, whatever the locale. */
char *text_lower(const char *text);
char *text_upper(const char *text);

/* repr() and ascii(), newly allocated; repr of what is between two pointers, which may hold NUL bytes. */
char *text_repr(const char *text);
char *text_repr_range(const char *start, const char *end);
char *text_ascii(const char *text);
/* repr() of a bytes object: b'…'. Newly allocated. */
char *text_repr_bytes(const char *data, size_t size);

/* Looks for what Python's strict UTF-8 decoder refuses. True when there is something: its first byte, how
 * many bytes are at fault, and Python's reason ("invalid start byte"). */
bool text_find_undecodable(const char *text, size_t length, size_t *ret_position, size_t *ret_count,
                           const char **ret_reason);

/* For a terminal, whatever the text holds: control characters become blanks, what is no UTF-8 a replacement.
 */
void text_append_printable(GString *out, const char *text);
