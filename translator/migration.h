/* What moving a configuration from Supervisor to systemd means, section by section: what is done otherwise
 * and why, what gets better, what is lost, and what to do about it. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "translator/plan.h"

typedef enum FindingKind {
    FINDING_CHANGE, /* "changes" */
    FINDING_LOSS,   /* "lost" */
    FINDING_GAIN,   /* "better" */
} FindingKind;

typedef struct Finding {
    FindingKind kind;
    const char *code;    /* "daemonises": what tools recognise it by; never changes its meaning */
    const char *section; /* "program:x"; NULL for the whole */
    Origin origin;
    char *text;         /* what happens */
    const char *reason; /* why; NULL where the text says it */
    const char *advice; /* what to do; NULL: nothing */
} Finding;

typedef struct MigrationHost {
    bool (*has_unit)(const char *name, bool user_manager); /* which no export of ours made */
    bool is_root;
    bool user_manager;
} MigrationHost;

/* Finding, owned by the array: for the whole first, then in the order of the plan. */
GPtrArray *migration_findings(const Plan *plan, const MigrationHost *host);

/* "changes", "lost", "better". */
const char *migration_kind_text(FindingKind kind);

/* For people; newly allocated. */
char *migration_report(const GPtrArray *findings, bool colour);
