/* What the commands of the `supersede` program share. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "translator/diagnostics.h"
#include "translator/mapping.h"
#include "translator/plan.h"

enum { STATUS_OK = 0, STATUS_ERROR = 2 };

/* Each gets its own name as argv[0]. */
int supersede_check(int argc, char **argv);
int supersede_show(int argc, char **argv);
int supersede_export(int argc, char **argv);
int supersede_status(int argc, char **argv);
int supersede_adopt(int argc, char **argv);

/* "supersede: TEXT" on stderr; returns STATUS_ERROR. */
G_GNUC_PRINTF(1, 2) int supersede_complain(const char *format, ...);
/* How a command is called; STATUS_ERROR. */
int supersede_usage(const char *command);
/* A report that could not be written whole must not look like one that was. */
int supersede_finish(int status);
bool supersede_wants_colour(void);

/* What the bridge would put into the units. */
typedef struct Surroundings {
    char *libexec;
    char *runtime;
    MappingContext mapping;
} Surroundings;

int surroundings_fill(Surroundings *surroundings, const char *identifier);
void surroundings_clear(Surroundings *surroundings);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Surroundings, surroundings_clear)

/* Reads and plans; what is wrong is in `diagnostics`, as an error when there is no plan. */
int supersede_read_plan(const char *path, Diagnostics *diagnostics, Plan **ret_plan);

/* The configuration of this host, when none was named; STATUS_ERROR when there is none, which has been told.
 */
int supersede_choose_configuration(const GPtrArray *daemons, char **ret_path);
int supersede_find_configuration(char **ret_path);
