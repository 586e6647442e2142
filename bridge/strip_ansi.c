#include "bridge/strip_ansi.h"

#include <stdbool.h>
#include <string.h>

#define ESCAPE '\033'

/* The oracle's list, which is not all that terminals know; a sequence that ends otherwise goes on until one
 * of these. */
static bool ends_sequence(char c)
{
    return c != '\0' && strchr("HfABCDRsuJKhlpm", c) != NULL;
}

size_t strip_ansi(StripAnsi *state, const char *input, size_t size, char *output)
{
    size_t used = 0;

    for (size_t i = 0; i < size; i++) {
        char c = input[i];

        switch (*state) {
        case STRIP_ANSI_SEQUENCE:
            if (ends_sequence(c))
                *state = STRIP_ANSI_TEXT;
            break;
        case STRIP_ANSI_ESCAPE:
            if (c == '[') {
                *state = STRIP_ANSI_SEQUENCE;
                break;
            }
            output[used++] = ESCAPE;
            *state = STRIP_ANSI_TEXT;
            __attribute__((fallthrough));
        case STRIP_ANSI_TEXT:
            if (c == ESCAPE)
                *state = STRIP_ANSI_ESCAPE;
            else
                output[used++] = c;
            break;
        }
    }
    return used;
}

size_t strip_ansi_finish(StripAnsi *state)
{
    bool withheld = *state == STRIP_ANSI_ESCAPE;

    *state = STRIP_ANSI_TEXT;
    return withheld ? 1 : 0;
}
