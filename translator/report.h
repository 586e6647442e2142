/* The texts of the `supersede` program: what becomes of each option, and the units. No terminal and no bus in
 * sight: text in, text out. */
#pragma once

#include <stdbool.h>

#include "translator/diagnostics.h"
#include "translator/mapping.h"
#include "translator/plan.h"

/* Adds what only a whole plan shows: groups and processes that hide others of the same name. All of it is
 * ours. */
void report_add_findings(const Plan *plan, Diagnostics *diagnostics);

/* What each option becomes, section by section. Names of options and properties of units, but no other
 * values: those hold passwords. `colour`: escape sequences of a terminal. Newly allocated. */
char *report_options(const Plan *plan, const MappingContext *context, bool colour);

/* "FILE:LINE: warning: TEXT" for everything but INFO, and a line that counts. Newly allocated. */
char *report_diagnostics(const Diagnostics *diagnostics, bool colour);

/* 0: clean, 1: warnings, 2: errors. */
int report_status(const Diagnostics *diagnostics);

/* The units as text, each under a comment that names the process, its place in the configuration and what the
 * launcher does for it (of the environment only names). `name` is a program, a group, a process,
 * "group:process" or "group:*"; NULL: all. Newly allocated; NULL when there is nothing of that name. */
char *report_units(const Plan *plan, const MappingContext *context, const char *name);
