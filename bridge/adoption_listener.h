/* The old daemon's event listeners: their pipes lead nowhere any more, ours are started in their place. */
#pragma once

#include <glib.h>

/* The processes of those members that are listeners, for the note; NULL-terminated, newly allocated. */
char **adoption_listeners_name(const GPtrArray *members);

/* Ends them: first SIGTERM, then, to those that take long, SIGKILL. Only the very processes that were named.
 */
void adoption_listeners_end(char *const *names);
