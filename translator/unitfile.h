/* A property list as the text of a unit file: what `supersede show` prints. */
#pragma once

#include "translator/property.h"

/* Sections [Unit] and [Service] (or [Slice], [Scope], by the suffix of `unit`), one line per property under
 * the name that unit files use (TimeoutStopUSec becomes TimeoutStopSec=), values quoted and escaped by
 * systemd.syntax(7); long lists of exit codes continue on further lines. Newly allocated. */
char *unitfile_format(const char *unit, const PropertyList *properties);

/* The same for people: a set of exit codes that holds all of them is a comment which says so. */
char *unitfile_format_brief(const char *unit, const PropertyList *properties);

/* One property, "TimeoutStopSec=10s", on one line whatever its length. Newly allocated. */
char *unitfile_format_property(const Property *property);
