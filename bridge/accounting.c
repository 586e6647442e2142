#include "bridge/accounting.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bridge/process_facts.h"

enum {
    SLICE_USEC = 1000,
    PROCESS_LIMIT = 256, /* of a unit, when they are counted one by one */
};

typedef struct Entry {
    char *unit;
    pid_t pid;
    char *cgroup; /* of that pid: "/supervisor.slice/…"; NULL until it was found */
    AccountingUsage usage;
    bool wanted; /* in the reading that is under way */
} Entry;

typedef struct Waiter {
    AccountingDone done;
    void *userdata;
} Waiter;

struct Accounting {
    sd_event *event;
    char *proc;
    char *cgroups;
    GHashTable *entries; /* unit name → Entry */
    GPtrArray *pending;  /* entries still to be read, not owned */
    GArray *waiters;
    sd_event_source *work;
    gint64 read_at; /* 0: never */
};

static void entry_free(void *data)
{
    Entry *entry = data;

    g_free(entry->unit);
    g_free(entry->cgroup);
    g_free(entry);
}

Accounting *accounting_new(sd_event *event, const char *proc, const char *cgroups)
{
    Accounting *accounting = g_new0(Accounting, 1);

    accounting->event = sd_event_ref(event);
    accounting->proc = g_strdup(proc ? proc : "/proc");
    accounting->cgroups = g_strdup(cgroups ? cgroups : "/sys/fs/cgroup");
    accounting->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
    accounting->pending = g_ptr_array_new();
    accounting->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
    return accounting;
}

void accounting_free(Accounting *accounting)
{
    if (!accounting)
        return;
    sd_event_source_disable_unref(accounting->work);
    sd_event_unref(accounting->event);
    g_hash_table_unref(accounting->entries);
    g_ptr_array_unref(accounting->pending);
    g_array_unref(accounting->waiters);
    g_free(accounting->proc);
    g_free(accounting->cgroups);
    g_free(accounting);
}

/* --- files --- */

/* The beginning of a small file of the kernel, which never blocks; false when there is none. */
static bool read_file(const char *path, char *buffer, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    ssize_t count = read(fd, buffer, size - 1);
    close(fd);
    if (count < 0)
        return false;
    buffer[count] = '\0';
    return true;
}

static bool read_number(const char *text, uint64_t *ret)
{
    char *end;
    guint64 value = g_ascii_strtoull(text, &end, 10);

    if (end == text || (*end != '\n' && *end != '\0'))
        return false;
    *ret = value;
    return true;
}

static bool read_attribute(const Accounting *accounting, const Entry *entry, const char *file,
                           const char *prefix, uint64_t *ret)
{
    g_autofree char *path = g_strconcat(accounting->cgroups, entry->cgroup, "/", file, NULL);
    char text[256];

    return read_file(path, text, sizeof text) && g_str_has_prefix(text, prefix) &&
           read_number(text + strlen(prefix), ret);
}

/* The line of the unified hierarchy in /proc/PID/cgroup. What does not lie in the unit's own cgroup (the
 * process has gone, or has moved elsewhere) says nothing about the unit. */
static void find_cgroup(const Accounting *accounting, Entry *entry)
{
    g_autofree char *path = g_strdup_printf("%s/%d/cgroup", accounting->proc, (int)entry->pid);
    char text[8192];

    g_clear_pointer(&entry->cgroup, g_free);
    if (!read_file(path, text, sizeof text))
        return;
    g_autofree char *cgroup = process_facts_parse_cgroup(text);
    if (cgroup && g_str_has_suffix(cgroup, entry->unit))
        entry->cgroup = g_steal_pointer(&cgroup);
}

static uint64_t resident_bytes(const Accounting *accounting, const char *pid)
{
    g_autofree char *path = g_strconcat(accounting->proc, "/", pid, "/statm", NULL);
    char text[256];
    uint64_t pages;

    /* The second number. */
    if (!read_file(path, text, sizeof text) || !strchr(text, ' '))
        return 0;
    char *resident = strchr(text, ' ') + 1;
    resident[strcspn(resident, " \n")] = '\0';
    return read_number(resident, &pages) ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Where systemd has no memory controller (a container that was given none) it knows nothing: then the pages
 * of the unit's processes, as ps counts them. */
static bool sum_resident(const Accounting *accounting, const Entry *entry, uint64_t *ret)
{
    g_autofree char *path = g_strconcat(accounting->cgroups, entry->cgroup, "/cgroup.procs", NULL);
    char text[4096];
    uint64_t sum = 0;

    if (!read_file(path, text, sizeof text))
        return false;
    /* The last one may be cut. */
    char *end = strrchr(text, '\n');
    if (!end)
        return false;
    *end = '\0';
    g_auto(GStrv) pids = g_strsplit(text, "\n", PROCESS_LIMIT);
    for (char **pid = pids; *pid; pid++)
        sum += resident_bytes(accounting, *pid);
    *ret = sum;
    return sum > 0;
}

static void read_entry(const Accounting *accounting, Entry *entry)
{
    AccountingUsage usage = {0};

    if (entry->pid != 0 && !entry->cgroup)
        find_cgroup(accounting, entry);
    if (entry->pid != 0 && entry->cgroup) {
        usage.has_memory = read_attribute(accounting, entry, "memory.current", "", &usage.memory) ||
                           sum_resident(accounting, entry, &usage.memory);
        usage.has_cpu = read_attribute(accounting, entry, "cpu.stat", "usage_usec ", &usage.cpu_usec);
    }
    entry->usage = usage;
}

/* --- a reading --- */

static void finish(Accounting *accounting)
{
    accounting->read_at = g_get_monotonic_time();
    /* One by one: whoever is called may make another one be forgotten. */
    while (accounting->waiters->len > 0) {
        Waiter waiter = g_array_index(accounting->waiters, Waiter, 0);
        g_array_remove_index(accounting->waiters, 0);
        waiter.done(waiter.userdata);
    }
}

static int on_work(sd_event_source *source, void *userdata)
{
    Accounting *accounting = userdata;
    gint64 end = g_get_monotonic_time() + SLICE_USEC;

    while (accounting->pending->len > 0 && g_get_monotonic_time() < end) {
        unsigned last = accounting->pending->len - 1;
        read_entry(accounting, g_ptr_array_index(accounting->pending, last));
        g_ptr_array_set_size(accounting->pending, (int)last);
    }
    if (accounting->pending->len > 0)
        return 0;
    accounting->work = sd_event_source_disable_unref(accounting->work);
    finish(accounting);
    return 0;
}

static void want(Accounting *accounting, const AccountingUnit *unit)
{
    Entry *entry = g_hash_table_lookup(accounting->entries, unit->name);

    if (!entry) {
        entry = g_new0(Entry, 1);
        entry->unit = g_strdup(unit->name);
        g_hash_table_insert(accounting->entries, entry->unit, entry);
    }
    if (entry->pid != unit->pid)
        g_clear_pointer(&entry->cgroup, g_free);
    entry->pid = unit->pid;
    entry->wanted = true;
    g_ptr_array_add(accounting->pending, entry);
}

static gboolean is_unwanted(void *key, void *value, void *userdata)
{
    Entry *entry = value;
    bool wanted = entry->wanted;

    entry->wanted = false;
    return !wanted;
}

/* Nothing has been started since the last reading. */
static bool knows_all(const Accounting *accounting, const AccountingUnit *units, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const Entry *entry = g_hash_table_lookup(accounting->entries, units[i].name);
        if (units[i].pid != 0 && (!entry || entry->pid != units[i].pid))
            return false;
    }
    return true;
}

void accounting_refresh(Accounting *accounting, const AccountingUnit *units, size_t count,
                        AccountingDone done, void *userdata)
{
    Waiter waiter = {done, userdata};
    gint64 now = g_get_monotonic_time();
    bool fresh = accounting->read_at != 0 && now - accounting->read_at < ACCOUNTING_FRESH_USEC;

    if (!accounting->work && fresh && knows_all(accounting, units, count)) {
        done(userdata);
        return;
    }
    g_array_append_val(accounting->waiters, waiter);
    if (accounting->work)
        return;
    for (size_t i = 0; i < count; i++)
        want(accounting, &units[i]);
    g_hash_table_foreach_remove(accounting->entries, is_unwanted, NULL);
    if (sd_event_add_defer(accounting->event, &accounting->work, on_work, accounting) < 0 ||
        sd_event_source_set_enabled(accounting->work, SD_EVENT_ON) < 0) {
        /* Old figures are better than no page. */
        accounting->work = sd_event_source_disable_unref(accounting->work);
        g_ptr_array_set_size(accounting->pending, 0);
        finish(accounting);
    }
}

void accounting_forget(Accounting *accounting, void *userdata)
{
    for (unsigned i = accounting->waiters->len; i > 0; i--) {
        if (g_array_index(accounting->waiters, Waiter, i - 1).userdata == userdata)
            g_array_remove_index(accounting->waiters, i - 1);
    }
}

int64_t accounting_time(const Accounting *accounting)
{
    return accounting->read_at;
}

AccountingUsage accounting_usage(const Accounting *accounting, const AccountingUnit *unit)
{
    const Entry *entry = g_hash_table_lookup(accounting->entries, unit->name);

    if (!entry || unit->pid == 0 || entry->pid != unit->pid)
        return (AccountingUsage){0};
    return entry->usage;
}
