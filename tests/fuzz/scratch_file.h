/* For what reads a file by its path: a file of this process's own, below TMPDIR. */
#pragma once

#include <stdint.h>
#include <stddef.h>

/* Its path with other contents; valid until the process ends. Calls with different numbers give different
 * files. */
const char *scratch_file(unsigned number, const uint8_t *data, size_t size);
