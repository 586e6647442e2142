#include "bridge/process_facts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(pid_t pid, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, name);
    char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

int process_facts_get(pid_t pid, ProcessFacts *ret)
{
    g_autofree char *text = read_file(pid, "stat");
    int parent, group, session;
    char state;
    unsigned long long start;

    /* The name stands in parentheses and may hold any of them. */
    const char *rest = text ? strrchr(text, ')') : NULL;
    if (!rest ||
        sscanf(rest + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &state, &parent, &group, &session, &start) != 5)
        return -ESRCH;
    *ret =
        (ProcessFacts){.state = state, .parent = parent, .group = group, .session = session, .start = start};
    return 0;
}

bool process_facts_is_alive(pid_t pid, uint64_t start)
{
    ProcessFacts facts;

    return process_facts_get(pid, &facts) >= 0 && facts.start == start && !strchr("ZX", facts.state);
}

char *process_facts_cgroup(pid_t pid)
{
    g_autofree char *text = read_file(pid, "cgroup");
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

    for (char **line = lines; *line; line++) {
        if (g_str_has_prefix(*line, "0::/"))
            return g_strdup(*line + strlen("0::"));
    }
    return NULL;
}

/* Whether a process belongs to those that are looked for. */
typedef bool (*Belongs)(const ProcessFacts *facts, void *userdata);

static GArray *select_processes(Belongs belongs, void *userdata)
{
    GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    DIR *directory = opendir("/proc");
    const struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        ProcessFacts facts;
        char *end;
        pid_t pid = (pid_t)strtol(entry->d_name, &end, 10);
        if (pid > 0 && *end == '\0' && process_facts_get(pid, &facts) >= 0 && belongs(&facts, userdata))
            g_array_append_val(pids, pid);
    }
    if (directory)
        closedir(directory);
    return pids;
}

static bool is_child(const ProcessFacts *facts, void *userdata)
{
    return facts->parent == *(pid_t *)userdata;
}

GArray *process_facts_children(pid_t pid)
{
    return select_processes(is_child, &pid);
}

typedef struct Tree {
    pid_t leader;
    GHashTable *members; /* set of pids */
} Tree;

static bool is_alive(const ProcessFacts *facts)
{
    return !strchr("ZX", facts->state);
}

static bool is_of_tree(const ProcessFacts *facts, void *userdata)
{
    const Tree *tree = userdata;

    return is_alive(facts) && (facts->group == tree->leader ||
                               g_hash_table_contains(tree->members, GINT_TO_POINTER(facts->parent)));
}

/* Children may stand before their parents in /proc: looked through until nothing new turns up. */
GArray *process_facts_tree(pid_t pid)
{
    g_autoptr(GHashTable) members = g_hash_table_new(NULL, NULL);
    Tree tree = {.leader = pid, .members = members};
    unsigned before;

    g_hash_table_add(members, GINT_TO_POINTER(pid));
    do {
        g_autoptr(GArray) found = select_processes(is_of_tree, &tree);
        before = g_hash_table_size(members);
        for (unsigned i = 0; i < found->len; i++)
            g_hash_table_add(members, GINT_TO_POINTER(g_array_index(found, pid_t, i)));
    } while (g_hash_table_size(members) > before);

    GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    GHashTableIter iterator;
    void *key;
    g_hash_table_iter_init(&iterator, members);
    while (g_hash_table_iter_next(&iterator, &key, NULL)) {
        pid_t member = GPOINTER_TO_INT(key);
        g_array_append_val(pids, member);
    }
    return pids;
}
