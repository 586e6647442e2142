/* The properties of systemd that an option systemd.PROPERTY may set: systemd itself ignores a name that it
 * does not know, so the names are held against this table, of systemd 252 and what came until 262. */
#pragma once

#include <stdbool.h>

typedef struct UnitSettingKind {
    const char *name;    /* "MemoryMax" */
    bool of_unit;        /* belongs into [Unit] */
    bool of_resources;   /* about the cgroup: every type of unit has it */
    const char *refusal; /* why it cannot be set; NULL: it can */
} UnitSettingKind;

#define UNIT_SETTING_PREFIX "systemd."

/* By name in any case, since option names have lost theirs; NULL when there is no such property. */
const UnitSettingKind *unit_setting_find(const char *name);
/* The property that a misspelt name probably means; NULL when none is near. */
const char *unit_setting_suggest(const char *name);
