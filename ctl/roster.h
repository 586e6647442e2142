/* All processes that the daemon has, and what names and patterns mean among them. */
#pragma once

#include <glib.h>

#include "ctl/controller.h"
#include "ctl/record.h"

/* An array of ProcessInfo, in the daemon's order, and, unless `ret_value` is NULL, the daemon's own array of
 * structs with the same indices. Returns 0 or raises. */
int roster_fetch(Controller *controller, GArray **ret, xmlrpc_value **ret_value);

/* Adds the elements of `all` that a word means: what is literally called so, else what the pattern matches.
 * Returns whether there was something. */
bool roster_find(GArray *all, const char *word, GPtrArray *found);

/* Replaces each pattern by the names of what it matches; names, and patterns that match nothing, stay as they
 * are. Asks the daemon only if there is a pattern. Returns 0 or raises. */
int roster_expand(Controller *controller, char **words, char ***ret);
