/* What a server sends as XML, made fit for xmlrpc-c: its parser is an old expat that writes its tree by
 * recursion, so what could hurt it is kept away; and its answers hold whatever programs have logged. */
#pragma once

#include <stddef.h>

/* No answer may be larger than this. */
#define BODY_SIZE_MAX ((size_t)64 << 20)

/* Returns 0 with a newly allocated, NUL-terminated copy in valid UTF-8 in which characters that XML does not
 * know (controls that a log held; the oracle's daemon sends them as they are) are U+FFFD. Returns -EBADMSG
 * with `ret_problem` newly allocated for document types, comments and CDATA, which no XML-RPC answer needs,
 * and for elements nested too deeply. */
int body_clean(const char *body, size_t size, char **ret_clean, char **ret_problem);
