/* Reading parts of log files as the oracle's readFile and tailFile do. Never blocks, never holds more than
 * TAIL_LIMIT. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The oracle reads whatever is asked for into memory. Of more than this, a read from an offset gets the
 * beginning and one from the end gets the end. */
#define TAIL_LIMIT ((int64_t)64 << 20)

/* Bytes [begin, begin + count) of a log. */
typedef struct TailRange {
    int64_t begin;
    int64_t count;
    bool overflow;
} TailRange;

/* What tail_read() and tail_end() read of a log of `size` bytes, whatever that lies in. The first returns
 * FAULT_BAD_ARGUMENTS or 0. */
int tail_range_read(int64_t size, int64_t offset, int64_t length, TailRange *ret);
void tail_range_end(int64_t size, int64_t offset, int64_t length, TailRange *ret);

/* `length` bytes from `offset`, all up to the end for length 0; for a negative offset the last -offset bytes
 * (length must be 0 then). Returns 0 and newly allocated bytes (a NUL behind them), FAULT_BAD_ARGUMENTS or
 * FAULT_FAILED. */
int tail_read(const char *path, int64_t offset, int64_t length, char **ret_bytes, size_t *ret_size);

typedef struct TailEnd {
    char *bytes; /* newly allocated, a NUL behind them */
    size_t size;
    int64_t offset; /* size of the file: where to go on */
    bool overflow;  /* there was more than fits between the asked-for offset and the end */
} TailEnd;

/* At most `length` bytes from the end of the file, for somebody who has read up to `offset`. A file that
 * cannot be read is empty. */
void tail_end(const char *path, int64_t offset, int64_t length, TailEnd *ret);
