/* What stands beside exported units: how to install them, what they cannot do, and a file for logrotate. */
#pragma once

#include "translator/diagnostics.h"
#include "translator/export_service.h"
#include "translator/plan.h"

typedef struct ExportReadme ExportReadme;

ExportReadme *export_readme_new(void);
void export_readme_free(ExportReadme *readme);

/* A unit that is to be enabled. */
void export_readme_enable(ExportReadme *readme, const char *unit);
/* A section that has become units, and their names. */
void export_readme_program(ExportReadme *readme, const PlannedGroup *group, const ProcessConfig *config,
                           const GPtrArray *units);
/* A section that could not be carried over. */
void export_readme_lost(ExportReadme *readme, const ProcessConfig *config, const char *reason);
/* The log files of a process, whose rotation is logrotate's now. */
void export_readme_logs(ExportReadme *readme, const ProcessConfig *config, const DaemonConfig *daemon);

/* NULL when no file is to be rotated. Newly allocated, as the next one. */
char *export_readme_logrotate(const ExportReadme *readme);
/* A script that does what the text says about installing; its argument is the unit of the old daemon. */
char *export_readme_script(const ExportReadme *readme, const ExportHost *host);
char *export_readme_text(const ExportReadme *readme, const Plan *plan, const ExportHost *host,
                         const Diagnostics *diagnostics);
