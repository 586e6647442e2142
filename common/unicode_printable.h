/* Which characters Python's repr() shows as they are: str.isprintable() of the Python that builds this. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct UnicodeRange {
    uint32_t first;
    uint32_t last;
} UnicodeRange;

/* In ascending order; everything outside these is printable. unicode_printable.py makes them. */
extern const UnicodeRange unicode_unprintable[];
extern const size_t unicode_unprintable_count;

bool unicode_printable(uint32_t character);
