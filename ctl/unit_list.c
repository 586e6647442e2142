#include "ctl/unit_list.h"

#include <errno.h>
#include <string.h>

/* Names for one call: an argument list has its limits. */
#define CHUNK 200

static void unit_free(void *data)
{
    UnitState *unit = data;

    g_free(unit->active);
    g_free(unit->sub);
    g_free(unit->fragment);
    g_free(unit);
}

static void take(UnitState *unit, const char *name, const char *value)
{
    char **text = strcmp(name, "ActiveState") == 0    ? &unit->active
                  : strcmp(name, "SubState") == 0     ? &unit->sub
                  : strcmp(name, "FragmentPath") == 0 ? &unit->fragment
                                                      : NULL;

    if (text) {
        g_free(*text);
        *text = g_strdup(value);
    } else if (strcmp(name, "MainPID") == 0) {
        unit->pid = g_ascii_strtoll(value, NULL, 10);
    } else if (strcmp(name, "LoadState") == 0) {
        unit->loaded = strcmp(value, "not-found") != 0;
    }
}

static UnitState *parse(const char *block)
{
    UnitState *unit = g_new0(UnitState, 1);
    g_auto(GStrv) lines = g_strsplit(block, "\n", -1);

    unit->active = g_strdup("unknown");
    unit->sub = g_strdup("");
    unit->fragment = g_strdup("");
    for (size_t i = 0; lines[i]; i++) {
        char *equals = strchr(lines[i], '=');
        if (!equals)
            continue;
        *equals = '\0';
        take(unit, lines[i], equals + 1);
    }
    return unit;
}

/* systemctl answers in the order of its arguments, an empty line between two. */
static int ask_some(const GPtrArray *names, size_t begin, size_t end, bool user_manager, GHashTable *units,
                    char **ret_problem)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autofree char *text = NULL, *complaint = NULL;
    g_autoptr(GError) error = NULL;
    int status;

    g_ptr_array_add(argv, (void *)"systemctl");
    g_ptr_array_add(argv, (void *)(user_manager ? "--user" : "--system"));
    g_ptr_array_add(argv, (void *)"show");
    g_ptr_array_add(argv, (void *)"--property=LoadState,ActiveState,SubState,MainPID,FragmentPath");
    g_ptr_array_add(argv, (void *)"--");
    for (size_t i = begin; i < end; i++)
        g_ptr_array_add(argv, names->pdata[i]);
    g_ptr_array_add(argv, NULL);
    if (!g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &text, &complaint,
                      &status, &error) ||
        status != 0) {
        *ret_problem = g_strdup(error ? error->message : g_strstrip(complaint));
        return -EIO;
    }
    g_auto(GStrv) blocks = g_strsplit(g_strstrip(text), "\n\n", -1);
    for (size_t i = 0; blocks[i] && begin + i < end; i++)
        g_hash_table_insert(units, g_strdup(names->pdata[begin + i]), parse(blocks[i]));
    return 0;
}

int unit_list_ask(const GPtrArray *names, bool user_manager, GHashTable **ret, char **ret_problem)
{
    g_autoptr(GHashTable) units = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unit_free);

    for (size_t begin = 0; begin < names->len; begin += CHUNK) {
        int r = ask_some(names, begin, MIN(begin + CHUNK, names->len), user_manager, units, ret_problem);
        if (r < 0)
            return r;
    }
    *ret = g_steal_pointer(&units);
    return 0;
}

bool unit_list_is_busy(const UnitState *unit)
{
    static const char *const busy[] = {"active", "activating", "deactivating", "reloading", NULL};

    return unit && g_strv_contains(busy, unit->active);
}
