/* Every process as the daemon tells it beside its units: what `supersede status` shows during a migration. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "translator/export_service.h"
#include "translator/plan.h"

typedef enum Claim {
    CLAIM_NOBODY,
    CLAIM_DAEMON,
    CLAIM_UNIT,
    CLAIM_SAME,  /* the daemon's process is the unit's */
    CLAIM_TWICE, /* two processes, or two units */
} Claim;

typedef struct SideUnit {
    char *name;
    bool exported; /* else the one that supersede's daemon makes */
    char *active;
    char *sub;
    int64_t pid;
    bool busy;
} SideUnit;

typedef struct SideProcess {
    char *name;      /* group:name */
    char *statename; /* NULL: the daemon does not know it */
    int64_t pid;
    GPtrArray *units; /* SideUnit, those that exist */
    Claim claim;
} SideProcess;

typedef struct SideBySide {
    char *problem; /* why the daemon did not answer; NULL when it did */
    char *serverurl;
    GPtrArray *processes; /* SideProcess */
} SideBySide;

/* `path` is the configuration, which says where the daemon listens. Returns 0, or negative with `ret_problem`
 * newly allocated when the units cannot be asked for. */
int side_by_side_look(const char *path, const Plan *plan, const ExportHost *host, SideBySide *ret,
                      char **ret_problem);
void side_by_side_clear(SideBySide *side);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SideBySide, side_by_side_clear)
