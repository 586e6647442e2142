/* AmbientCapabilities= of a unit across a change of the user, which otherwise drops them. */
#pragma once

#include <stdint.h>

/* The ambient capabilities of this process, a bit for each. */
uint64_t ambient_get(void);
/* Before setuid(): keep what is permitted. After it: have these again and nothing else. 0 or negative errno.
 * Both do nothing when there are none. */
int ambient_hold(uint64_t capabilities);
int ambient_restore(uint64_t capabilities);
