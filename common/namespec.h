/* Names of processes as clients write them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* "group:name", or "name" alone when both are equal. Newly allocated; NULL without memory. */
char *namespec_make(const char *group, const char *process);

typedef struct Namespec {
    char *group;
    char *process; /* NULL: the whole group ("g:*", "g:") */
} Namespec;

/* Splits at the first colon; without one, group and process are the whole text. Returns 0 or -ENOMEM. */
int namespec_split(const char *text, Namespec *ret);
void namespec_clear(Namespec *namespec);
