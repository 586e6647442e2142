#include "common/namespec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *namespec_make(const char *group, const char *process)
{
    char *namespec = NULL;

    if (strcmp(group, process) == 0)
        return strdup(process);
    if (asprintf(&namespec, "%s:%s", group, process) < 0)
        return NULL;
    return namespec;
}

int namespec_split(const char *text, Namespec *ret)
{
    const char *colon = strchr(text, ':');
    const char *process = colon ? colon + 1 : text;
    Namespec namespec = {0};

    namespec.group = colon ? strndup(text, (size_t)(colon - text)) : strdup(text);
    if (!namespec.group)
        return -ENOMEM;
    if (!colon || (*process && strcmp(process, "*") != 0)) {
        namespec.process = strdup(process);
        if (!namespec.process) {
            free(namespec.group);
            return -ENOMEM;
        }
    }
    *ret = namespec;
    return 0;
}

void namespec_clear(Namespec *namespec)
{
    free(namespec->group);
    free(namespec->process);
    *namespec = (Namespec){0};
}
