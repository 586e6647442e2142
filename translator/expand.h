/* Python's "text % mapping", which fills in the %(here)s of a configuration. */
#pragma once

#include <glib.h>
#include <stdint.h>

/* Names and what they stand for, in order of insertion. */
typedef struct ExpandMapping ExpandMapping;

ExpandMapping *expand_mapping_new(void);
void expand_mapping_free(ExpandMapping *mapping);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExpandMapping, expand_mapping_free)

/* An existing name keeps its place and gets the new value. Everything is copied. */
void expand_mapping_set(ExpandMapping *mapping, const char *name, const char *value);
void expand_mapping_set_integer(ExpandMapping *mapping, const char *name, int64_t value);
/* "ENV_" and the name. */
void expand_mapping_set_variable(ExpandMapping *mapping, const char *name, const char *value);
/* Python's dict.update(). */
void expand_mapping_update(ExpandMapping *mapping, const ExpandMapping *other);

/* Fills in `format`. A name is looked up in `over` first, then in `base`; either may be NULL. `name` is what
 * messages call the text. Returns 0 with newly allocated text, or -EINVAL with the oracle's message, newly
 * allocated. */
int expand_text(const char *format, const ExpandMapping *base, const ExpandMapping *over, const char *name,
                char **ret_text, char **ret_error);
