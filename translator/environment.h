/* Environment variables by name: Python's dict, which keeps the order of first insertion. */
#pragma once

#include <glib.h>
#include <stddef.h>

#include "translator/config.h"

typedef struct Environment Environment;

Environment *environment_new(void);
void environment_free(Environment *environment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Environment, environment_free)

/* Copied. An existing name keeps its place. */
void environment_set(Environment *environment, const char *name, const char *value);
/* dict.update() */
void environment_update(Environment *environment, const Environment *other);

size_t environment_count(const Environment *environment);
const EnvironmentVariable *environment_get(const Environment *environment, size_t index);

/* KEY=value,KEY2="a value": split by Python's non-POSIX shlex rules as the oracle uses them. Returns 0, or
 * -EINVAL with the oracle's message, newly allocated. */
int environment_parse(const char *text, Environment **ret, char **ret_error);
