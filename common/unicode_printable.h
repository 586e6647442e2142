/* Which characters Python's repr() shows as they are: str.isprintable() of the oracle's Python 3.11 (Unicode
 * 14). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

bool unicode_printable(uint32_t character);
