/* The files of options systemd.PROPERTY (translator/dropin.h), where systemd looks for them. */
#pragma once

#include <stdbool.h>

#include "translator/mapping.h"

/* Before each start: written, or removed when there is nothing to say. systemd reads it with the unit,
 * without a reload. Readable by all, as everything in a unit is: secrets belong into a file that
 * EnvironmentFile= names. 0 or negative errno. */
int dropin_file_write(const PlannedProcess *process, const MappingContext *context);
void dropin_file_remove(const char *unit, bool user_manager);

/* Those of units "PREFIX:…" that are not `wanted`: left by a bridge that was killed. */
void dropin_file_sweep(const char *prefix, bool user_manager,
                       bool (*wanted)(const char *unit, void *userdata), void *userdata);
