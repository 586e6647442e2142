#include "ctl/pattern.h"

#include <fnmatch.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "common/namespec.h"

bool pattern_is(const char *word)
{
    size_t special = strcspn(word, "*?[");

    if (!word[special] || strcmp(word, "*") == 0)
        return false;
    return special == 0 || strcmp(word + special, "*") != 0 || word[special - 1] != ':';
}

static bool matches_shown(const char *pattern, const char *group, const char *process)
{
    char *shown = namespec_make(group, process);
    bool matches = shown && fnmatch(pattern, shown, 0) == 0;

    free(shown);
    return matches;
}

bool pattern_matches(const char *pattern, const char *group, const char *process)
{
    const char *colon = strchr(pattern, ':');
    g_autofree char *group_pattern = NULL;

    if (!colon)
        return matches_shown(pattern, group, process);
    group_pattern = g_strndup(pattern, (gsize)(colon - pattern));
    return fnmatch(group_pattern, group, 0) == 0 && (!colon[1] || fnmatch(colon + 1, process, 0) == 0);
}
