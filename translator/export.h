/* A whole configuration as permanent unit files, as a systemd administrator would have written them: nothing
 * of this project and nothing of Supervisor is in them or needed by them. */
#pragma once

#include <sys/types.h>

#include "translator/diagnostics.h"
#include "translator/export_service.h"
#include "translator/plan.h"

typedef struct ExportFile {
    char *name; /* below the output directory */
    mode_t mode;
    char *text;
} ExportFile;

/* Every file, README among them; ExportFile, owned by the array. What could not be exported is told in
 * `diagnostics`, in README as well. */
GPtrArray *export_files(const Plan *plan, const ExportHost *host, Diagnostics *diagnostics);

/* A process and the unit that it is exported as. */
typedef struct ExportInstance {
    const PlannedProcess *process;
    char *unit;
} ExportInstance;

/* Of every process that can be exported; ExportInstance, owned by the array. */
GPtrArray *export_instances(const Plan *plan, const ExportHost *host);
