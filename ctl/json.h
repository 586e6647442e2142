/* Values of XML-RPC as JSON. */
#pragma once

#include <glib.h>
#include <xmlrpc-c/base.h>

/* Appends the value on one line. Control characters, DEL and what is no UTF-8 do not come out as they are, so
 * that the text may go to a terminal. */
void json_append(GString *text, xmlrpc_value *value);
void json_append_string(GString *text, const char *string);
