/* One permanent unit file in the making: lines of "Key=value" in sections, with comments between them. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* What every heading begins with. */
#define EXPORT_UNIT_HEADING "Exported from "

typedef struct ExportLine {
    const char *section; /* "Service"; static */
    char *text;          /* "KillMode=mixed", as it stands in the file */
    char *comment;       /* stands above it; NULL for none */
} ExportLine;

typedef struct ExportUnit {
    char *name;
    char *heading;        /* comment on top */
    GPtrArray *lines;     /* ExportLine, owned */
    GPtrArray *variables; /* "NAME=value", owned: for a file that only its owner may read */
} ExportUnit;

ExportUnit *export_unit_new(const char *name, const char *heading);
void export_unit_free(ExportUnit *unit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExportUnit, export_unit_free)

/* `value` as it is: names of units, words of systemd. */
void export_unit_add(ExportUnit *unit, const char *section, const char *key, const char *value);
void export_unit_add_format(ExportUnit *unit, const char *section, const char *key, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
/* A value that systemd does not split: % is escaped, what no line can hold replaced. */
void export_unit_add_plain(ExportUnit *unit, const char *section, const char *key, const char *value);
/* One word of a value that systemd splits. */
void export_unit_add_word(ExportUnit *unit, const char *section, const char *key, const char *word);
/* A command line; argv[0] is a path or a name. */
void export_unit_add_command(ExportUnit *unit, const char *key, const char *const *argv);
/* Above the line that was added last. */
void export_unit_comment(ExportUnit *unit, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* NULL when there is no such line. */
const ExportLine *export_unit_find(const ExportUnit *unit, const char *key);

/* The text of the file. Newly allocated. */
char *export_unit_format(const ExportUnit *unit);

/* Whether the file at `path` is one that an export wrote: it begins with the heading of such a file. */
bool export_unit_is_exported(const char *path);
