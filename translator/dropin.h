/* What the options systemd.PROPERTY of a process become: a drop-in beside its transient unit. The socket of a
 * FastCGI program stands there too. */
#pragma once

#include "translator/mapping.h"
#include "translator/plan.h"

/* Where it belongs: RUNTIME/UNIT.d/50-supersede.conf, with what `systemctl edit` writes (override.conf) read
 * after it. Newly allocated. */
char *dropin_path(const char *unit, bool user_manager);

/* Its text; NULL when the process has no such options and no socket. Newly allocated. */
char *dropin_format(const PlannedProcess *process, const MappingContext *context);

/* A service unit with these settings for systemd-analyze to read, and which of them stands in one of its
 * lines (NULL: none). Newly allocated. */
char *dropin_probe(const ProcessConfig *process);
const UnitSetting *dropin_probe_line(const ProcessConfig *process, unsigned line);
