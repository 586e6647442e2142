/* What reading a configuration found: a list in order of discovery. Libraries add to it, programs print it.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum Severity {
    SEVERITY_INFO,     /* the oracle logs it at level INFO: "Included extra file …" */
    SEVERITY_WARNING,  /* the oracle logs it at level WARN, or ours: an unknown option */
    SEVERITY_CRITICAL, /* the oracle logs it at level CRIT */
    SEVERITY_ERROR,    /* the configuration cannot be used */
} Severity;

typedef struct Diagnostic {
    Severity severity;
    const char *file;   /* NULL when it belongs to no file */
    unsigned line;      /* from 1; 0 when it belongs to no line */
    const char *option; /* "section.option", "section" or NULL */
    const char *text;   /* the oracle's words where it has some; UTF-8, one line, no full stop */
    bool ours; /* told by `supersede check` alone: the oracle has no such message, so the daemon's log has
                  none */
} Diagnostic;

typedef struct Diagnostics Diagnostics;

Diagnostics *diagnostics_new(void);
void diagnostics_free(Diagnostics *diagnostics);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Diagnostics, diagnostics_free)

/* Strings are copied. The printf-like text follows. Returns nothing: it cannot fail (glib aborts without
 * memory). */
void diagnostics_add(Diagnostics *diagnostics, Severity severity, const char *file, unsigned line,
                     const char *option, const char *format, ...) G_GNUC_PRINTF(6, 7);
/* The same for a message that only `supersede check` shows. */
void diagnostics_add_ours(Diagnostics *diagnostics, Severity severity, const char *file, unsigned line,
                          const char *option, const char *format, ...) G_GNUC_PRINTF(6, 7);

size_t diagnostics_count(const Diagnostics *diagnostics);
const Diagnostic *diagnostics_get(const Diagnostics *diagnostics, size_t index);
/* The worst severity present; SEVERITY_INFO when the list is empty. */
Severity diagnostics_worst(const Diagnostics *diagnostics);
/* The first error, or NULL. */
const Diagnostic *diagnostics_first_error(const Diagnostics *diagnostics);
