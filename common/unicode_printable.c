#include "common/unicode_printable.h"

bool unicode_printable(uint32_t character)
{
    size_t low = 0;
    size_t high = unicode_unprintable_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (character > unicode_unprintable[middle].last)
            low = middle + 1;
        else if (character < unicode_unprintable[middle].first)
            high = middle;
        else
            return false;
    }
    return true;
}
