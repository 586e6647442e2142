#include "ctl/roster.h"

#include <stdlib.h>
#include <string.h>

#include "common/namespec.h"
#include "ctl/pattern.h"

int roster_fetch(Controller *controller, GArray **ret, xmlrpc_value **ret_value)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_autofree char *problem = NULL;
    int r = controller_call(controller, &value, NULL, "supervisor.getAllProcessInfo", "()");

    if (r < 0)
        return r;
    if (record_read_process_infos(value, ret, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    if (ret_value)
        *ret_value = g_steal_pointer(&value);
    return 0;
}

static bool find_literal(GArray *all, const char *name, GPtrArray *found)
{
    guint before = found->len;
    Namespec wanted;

    if (namespec_split(name, &wanted) < 0)
        g_error("out of memory");
    for (guint i = 0; i < all->len; i++) {
        ProcessInfo *info = &g_array_index(all, ProcessInfo, i);

        if (strcmp(info->group, wanted.group) == 0 &&
            (!wanted.process || strcmp(info->name, wanted.process) == 0))
            g_ptr_array_add(found, info);
    }
    namespec_clear(&wanted);
    return found->len > before;
}

bool roster_find(GArray *all, const char *word, GPtrArray *found)
{
    guint before = found->len;

    if (find_literal(all, word, found) || !pattern_is(word))
        return found->len > before;
    for (guint i = 0; i < all->len; i++) {
        ProcessInfo *info = &g_array_index(all, ProcessInfo, i);

        if (pattern_matches(word, info->group, info->name))
            g_ptr_array_add(found, info);
    }
    return found->len > before;
}

/* The long form where the short one could itself be taken for something else ("all", "-f"). */
static char *make_name(const ProcessInfo *info)
{
    return g_strdup_printf("%s:%s", info->group, info->name);
}

static void expand_word(GArray *all, char *word, GPtrArray *names)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new();

    if (!pattern_is(word) || find_literal(all, word, found) || !roster_find(all, word, found)) {
        g_ptr_array_add(names, g_strdup(word));
        return;
    }
    for (guint i = 0; i < found->len; i++)
        g_ptr_array_add(names, make_name(found->pdata[i]));
}

int roster_expand(Controller *controller, char **words, char ***ret)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autoptr(GArray) all = NULL;
    size_t patterns = 0;

    for (size_t i = 0; words[i]; i++)
        patterns += pattern_is(words[i]);
    if (patterns > 0) {
        int r = roster_fetch(controller, &all, NULL);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; words[i]; i++) {
        if (all)
            expand_word(all, words[i], names);
        else
            g_ptr_array_add(names, g_strdup(words[i]));
    }
    g_ptr_array_add(names, NULL);
    *ret = (char **)g_ptr_array_steal(names, NULL);
    return 0;
}
