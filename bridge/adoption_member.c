#include "bridge/adoption_member.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bridge/process_facts.h"

/* A child that has not executed its program yet has the daemon's own environment. */
enum { LOOK_USEC = 1000, LOOKS = 500 };

static void member_free(void *data)
{
    AdoptionMember *member = data;

    g_free(member->scope);
    g_free(member);
}

bool adoption_member_is_listener(const AdoptionMember *member)
{
    return member->planned && member->planned->config->kind == PROGRAM_EVENTLISTENER;
}

bool adoption_member_is_taken(const AdoptionMember *member)
{
    return member->pid > 0 && !adoption_member_is_listener(member);
}

static const PlannedProcess *find_planned(const Plan *plan, const LegacyProcess *process)
{
    const PlannedGroup *group = plan_find_group(plan, process->group);

    for (size_t i = 0; group && i < group->process_count; i++) {
        if (strcmp(group->processes[i].config->name, process->name) == 0)
            return &group->processes[i];
    }
    return NULL;
}

int adoption_members_new(const LegacyDaemon *legacy, const Plan *plan, GPtrArray **ret, char **ret_message)
{
    g_autoptr(GPtrArray) members = g_ptr_array_new_with_free_func(member_free);

    for (unsigned i = 0; i < legacy->processes->len; i++) {
        const LegacyProcess *process = g_ptr_array_index(legacy->processes, i);
        AdoptionMember *member = g_new0(AdoptionMember, 1);
        ProcessStat facts = {0};

        member->legacy = process;
        member->planned = find_planned(plan, process);
        g_ptr_array_add(members, member);
        if (process->pid > 0 && !member->planned) {
            *ret_message =
                g_strdup_printf("%s:%s runs (pid %d) but is not in the configuration: put it back there, or "
                                "stop it first",
                                process->group, process->name, (int)process->pid);
            return -ENOENT;
        }
        /* Only a child of the old daemon's is what it says: it may have ended since, and the pid be
         * another's. */
        if (process->pid > 0 && process_stat_read(process->pid, &facts) >= 0 && facts.parent == legacy->pid) {
            member->pid = process->pid;
            member->start = facts.start;
        }
    }
    *ret = g_steal_pointer(&members);
    return 0;
}

/* Who is it?
 * ---------------------------------------------------------------------------------------------------- */

static AdoptionMember *find_by_pid(const GPtrArray *members, pid_t pid, uint64_t start)
{
    for (unsigned i = 0; i < members->len; i++) {
        AdoptionMember *member = g_ptr_array_index(members, i);
        if (member->pid == pid && member->start == start)
            return member;
    }
    return NULL;
}

/* The value of a variable in what /proc/PID/environ holds, `size` bytes; newly allocated, or NULL. */
static char *find_variable(const char *environment, size_t size, const char *name)
{
    size_t length = strlen(name);

    for (size_t at = 0; at < size; at += strlen(environment + at) + 1) {
        if (strncmp(environment + at, name, length) == 0 && environment[at + length] == '=')
            return g_strdup(environment + at + length + 1);
    }
    return NULL;
}

/* The oracle tells every program who it is. */
static AdoptionMember *find_by_environment(const GPtrArray *members, pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/environ", (int)pid), *environment = NULL;
    size_t size = 0;

    if (!g_file_get_contents(path, &environment, &size, NULL))
        return NULL;
    g_autofree char *group = find_variable(environment, size, "SUPERVISOR_GROUP_NAME");
    g_autofree char *name = find_variable(environment, size, "SUPERVISOR_PROCESS_NAME");
    for (unsigned i = 0; i < members->len; i++) {
        AdoptionMember *member = g_ptr_array_index(members, i);
        if (member->planned && g_strcmp0(member->legacy->group, group) == 0 &&
            g_strcmp0(member->legacy->name, name) == 0)
            return member;
    }
    return NULL;
}

static AdoptionMember *identify(const GPtrArray *members, pid_t pid)
{
    AdoptionMember *member = NULL;
    ProcessStat facts;

    for (int look = 0; look < LOOKS && !member && process_stat_read(pid, &facts) >= 0; look++) {
        if (look > 0)
            (void)usleep(LOOK_USEC);
        member = find_by_environment(members, pid);
    }
    return member;
}

static bool is_among(const GArray *pids, pid_t pid)
{
    for (unsigned i = 0; i < pids->len; i++) {
        if (g_array_index(pids, pid_t, i) == pid)
            return true;
    }
    return false;
}

/* Those that have ended since are not there any more, or wait for their parent, who stands still. */
static void drop_ended(GPtrArray *members, const GArray *children)
{
    for (unsigned i = 0; i < members->len; i++) {
        AdoptionMember *member = g_ptr_array_index(members, i);
        ProcessStat facts;
        bool is_there = member->pid > 0 && is_among(children, member->pid) &&
                        process_stat_read(member->pid, &facts) >= 0 && facts.start == member->start;
        if (!is_there)
            member->pid = 0;
        else
            member->ended = !process_facts_is_alive(member->pid, member->start);
    }
}

static int see_child(GPtrArray *members, pid_t pid, char **ret_message)
{
    ProcessStat facts;

    if (process_stat_read(pid, &facts) < 0 || !process_facts_is_alive(pid, facts.start) ||
        find_by_pid(members, pid, facts.start))
        return 0;
    AdoptionMember *member = identify(members, pid);
    if (!process_facts_is_alive(pid, facts.start))
        return 0;
    if (!member || member->pid > 0) {
        *ret_message = g_strdup_printf(
            "process %d is a child of the old supervisord, but none of its programs", (int)pid);
        return -EUNATCH;
    }
    member->pid = pid;
    member->start = facts.start;
    member->renewed = true;
    member->ended = member->connected = false;
    g_clear_pointer(&member->scope, g_free);
    return 0;
}

int adoption_members_see(GPtrArray *members, pid_t old_daemon, char **ret_message)
{
    g_autoptr(GArray) children = process_facts_children(old_daemon);

    drop_ended(members, children);
    for (unsigned i = 0; i < children->len; i++) {
        int r = see_child(members, g_array_index(children, pid_t, i), ret_message);
        if (r < 0)
            return r;
    }
    return 0;
}
