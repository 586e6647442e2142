/* Names in columns, as Python's cmd module lays them out: as few rows as fit. */
#pragma once

#include <stdio.h>

/* `names` is NULL-terminated; `width` is that of a line. */
void column_print(FILE *output, const char *const *names, size_t width);
