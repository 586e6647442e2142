/* Several processes of one section as instances of one template: what process_num made different becomes %i.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "translator/export_unit.h"

typedef struct ExportMember {
    int64_t process_num;
    ExportUnit *unit; /* owned */
} ExportMember;

/* What the processes of one section have become. */
typedef struct ExportBatch {
    GPtrArray *units;     /* ExportUnit, owned: one, or one for each process */
    GPtrArray *instances; /* what is started and enabled: names of units, owned */
    GPtrArray *files;     /* ExportEnvironment, owned: of each unit or instance that has one */
} ExportBatch;

typedef struct ExportEnvironment {
    char *name; /* "web@0.env" */
    char *text;
} ExportEnvironment;

void export_batch_clear(ExportBatch *batch);

/* `base` is the name without anything behind it ("web"), `directory` where the files will be, `format` how
 * process_num is written in the section ("%02d"; NULL: as a plain number). Takes the units out of `members`.
 */
ExportBatch export_template_merge(const char *base, const char *directory, ExportMember *members,
                                  size_t count, const char *format);
