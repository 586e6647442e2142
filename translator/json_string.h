/* A string as JSON writes it. */
#pragma once

#include <glib.h>

/* With quotes. Control characters, DEL and what is no UTF-8 do not come out as they are, so that the text may
 * go to a terminal. NULL is null. */
void json_string_append(GString *out, const char *string);
