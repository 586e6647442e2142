/* Ctrl-C as an event: while somebody has enabled it, SIGINT does not end the program but wakes whoever waits.
 */
#pragma once

#include <stdbool.h>

/* Nested calls count. Returns 0 or negative errno. */
int interrupt_enable(void);
void interrupt_disable(void);

/* Readable when SIGINT has come; -1 while nobody has enabled it. */
int interrupt_fd(void);
/* Whether SIGINT has come since the last call. */
bool interrupt_take(void);
