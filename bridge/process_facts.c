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

bool process_facts_is_alive(pid_t pid, uint64_t start)
{
    ProcessStat facts;

    return process_stat_read(pid, &facts) >= 0 && facts.start == start && !strchr("ZX", facts.state);
}

char *process_facts_parse_cgroup(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (char **line = lines; *line; line++) {
        if (g_str_has_prefix(*line, "0::/"))
            return g_strdup(*line + strlen("0::"));
    }
    return NULL;
}

char *process_facts_cgroup(pid_t pid)
{
    g_autofree char *text = read_file(pid, "cgroup");

    return text ? process_facts_parse_cgroup(text) : NULL;
}

typedef struct Process {
    pid_t pid;
    ProcessStat facts;
} Process;

/* All there are: an array of Process. */
static GArray *list_processes(void)
{
    GArray *processes = g_array_new(FALSE, FALSE, sizeof(Process));
    DIR *directory = opendir("/proc");
    const struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        char *end;
        Process process = {.pid = (pid_t)strtol(entry->d_name, &end, 10)};
        if (process.pid > 0 && *end == '\0' && process_stat_read(process.pid, &process.facts) >= 0)
            g_array_append_val(processes, process);
    }
    if (directory)
        closedir(directory);
    return processes;
}

GArray *process_facts_children(pid_t pid)
{
    GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    g_autoptr(GArray) processes = list_processes();

    for (unsigned i = 0; i < processes->len; i++) {
        const Process *process = &g_array_index(processes, Process, i);
        if (process->facts.parent == pid)
            g_array_append_val(pids, process->pid);
    }
    return pids;
}

static bool is_of_tree(const Process *process, pid_t leader, GHashTable *members)
{
    return !strchr("ZX", process->facts.state) &&
           (process->facts.group == leader ||
            g_hash_table_contains(members, GINT_TO_POINTER(process->facts.parent)));
}

/* Children may stand before their parents in /proc: looked through until nothing new turns up. */
GArray *process_facts_tree(pid_t pid)
{
    GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    g_autoptr(GArray) processes = list_processes();
    g_autoptr(GHashTable) members = g_hash_table_new(NULL, NULL);
    unsigned before;

    g_array_append_val(pids, pid);
    g_hash_table_add(members, GINT_TO_POINTER(pid));
    do {
        before = pids->len;
        for (unsigned i = 0; i < processes->len; i++) {
            const Process *process = &g_array_index(processes, Process, i);
            if (is_of_tree(process, pid, members) && g_hash_table_add(members, GINT_TO_POINTER(process->pid)))
                g_array_append_val(pids, process->pid);
        }
    } while (pids->len > before);
    return pids;
}
