/* Figures and strings as the web page shows them. All newly allocated. */
#pragma once

#include <glib.h>
#include <stdint.h>

/* "812 B", "12.3 MiB" */
char *web_text_bytes(uint64_t bytes);
/* "0.04 s", "12.3 s", "2:05", "1:02:05" */
char *web_text_duration(uint64_t usec);

/* Appends a JSON string of any bytes, cleaned as in the page: its script compares names. */
void web_text_append_json(GString *out, const char *bytes);
