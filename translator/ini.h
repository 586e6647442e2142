/* Reads configuration files as Python's RawConfigParser does with the oracle's settings: sections that merge,
 * options that override, continuation lines, inline comments, [DEFAULT]. A document is what several files
 * make together. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "translator/diagnostics.h"

typedef struct IniOption {
    char *name;    /* lower-cased */
    char *written; /* the value as it stands in the file */
    char *value;   /* the same, after ini_document_expand_here() */
    const char *file;
    unsigned line;
    const char *hidden_file; /* where the same option stood before, whose value is lost */
    unsigned hidden_line;    /* 0: nowhere */
} IniOption;

typedef struct IniSection {
    char *name;
    GPtrArray *options; /* of IniOption, in order of first appearance */
    GHashTable *index;  /* name → IniOption */
    const char *file;   /* of its first header */
    unsigned line;
} IniSection;

typedef struct IniDocument IniDocument;

IniDocument *ini_document_new(void);
void ini_document_free(IniDocument *document);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IniDocument, ini_document_free)

/* Adds what a file holds. `path` is what messages call it. Returns 0, or -EINVAL with an error in
 * `diagnostics`. */
int ini_document_read(IniDocument *document, const char *path, const char *text, size_t length,
                      Diagnostics *diagnostics);

/* All sections in order of first appearance, [DEFAULT] included. */
size_t ini_document_count(const IniDocument *document);
const IniSection *ini_document_get(const IniDocument *document, size_t index);
/* NULL when there is none. [DEFAULT] is not a section that can be found, as in Python. */
const IniSection *ini_document_find(const IniDocument *document, const char *section);
/* [DEFAULT], or NULL. */
const IniSection *ini_document_defaults(const IniDocument *document);

/* An option of a section, or of [DEFAULT]; NULL when neither has it. */
const IniOption *ini_document_option(const IniDocument *document, const IniSection *section,
                                     const char *name);

/* The oracle's expand_here(): puts a directory in the place of every "%(here)s" of every section, letter for
 * letter. */
void ini_document_expand_here(IniDocument *document, const char *here);
