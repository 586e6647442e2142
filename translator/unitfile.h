/* A property list as the text of a unit file: what `supersede show` prints. */
#pragma once

#include "translator/property.h"

/* Sections [Unit] and [Service] (or [Slice], [Scope], by the suffix of `unit`), one line per property under the name that unit files
 * use (TimeoutStopUSec becomes TimeoutStopSec=), values quoted and escaped by systemd.syntax(7). Newly allocated. */
char *unitfile_format(const char *unit, const PropertyList *properties);
