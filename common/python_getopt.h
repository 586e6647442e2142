/* Python's getopt.getopt(): the oracle's command line, with its abbreviations of long options and its
 * messages. Options end at the first argument that is none. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct GetoptRow {
    char short_name;       /* '\0' when there is none */
    const char *long_name; /* NULL when there is none */
    bool has_value;
} GetoptRow;

typedef struct GetoptMatch {
    const GetoptRow *row;
    char name[64];     /* as the oracle shows it: "-c", "--configuration" */
    const char *value; /* "" when it has none; belongs to the arguments */
} GetoptMatch;

/* `arguments` is NULL-terminated and does not hold the program's name. Returns 0 with the matches (free()
 * them) and the index of the first argument behind the options, -EINVAL with the oracle's message (free()
 * it), or -ENOMEM. */
int python_getopt(const GetoptRow *rows, size_t row_count, char *const *arguments, GetoptMatch **ret_matches,
                  size_t *ret_match_count, size_t *ret_first, char **ret_message);
