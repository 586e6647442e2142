/* Takes terminal escape sequences out of a stream, as [supervisord] strip_ansi=true asks for. */
#pragma once

#include <stddef.h>

/* Where the stream stands between two pieces. Zero-initialized: at the beginning. */
typedef enum StripAnsi {
    STRIP_ANSI_TEXT,
    STRIP_ANSI_ESCAPE,   /* the last byte was ESC: perhaps the beginning of a sequence; it is withheld */
    STRIP_ANSI_SEQUENCE, /* inside a sequence */
} StripAnsi;

/* Writes what remains of `size` bytes to `output`, which has room for size + 1 bytes, and returns how many
 * that are. What the oracle takes out of the whole text is taken out, however it is cut into pieces (the
 * oracle itself lets through what a read cuts in two). */
size_t strip_ansi(StripAnsi *state, const char *input, size_t size, char *output);

/* The stream ends here: 1 when an ESC was withheld, which then is the last byte of the text; else 0. */
size_t strip_ansi_finish(StripAnsi *state);
