/* Text into HTML, and templates that hold places for it. */
#pragma once

#include <glib.h>

/* Appends bytes so that they are text in an element or in a quoted attribute, whatever they are: markup is
 * escaped, what is no UTF-8 and control characters but tab and line feed become U+FFFD. A carriage return
 * before a line feed goes. `size` -1: up to the NUL. */
void html_append_text(GString *out, const char *bytes, gssize size);

/* The same text without markup escaped: what a script reads in the page. Newly allocated. */
char *html_clean(const char *bytes);

typedef struct HtmlField {
    const char *name; /* NULL ends the list */
    const char *value;
} HtmlField;

/* Appends the template with its places filled: {{name}} with the field's text, {{{name}}} with its markup as
 * it is. A place without a field stays empty. */
void html_render(GString *out, const char *template, const HtmlField *fields);

/* Percent-encodes a part of a URL as Python's quote() does, any bytes. Newly allocated. */
char *html_quote(const char *text);
