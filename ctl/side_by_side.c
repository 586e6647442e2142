#include "ctl/side_by_side.h"

#include <errno.h>
#include <string.h>

#include "common/namespec.h"
#include "ctl/client.h"
#include "ctl/daemon_address.h"
#include "ctl/record.h"
#include "ctl/transport.h"
#include "ctl/unit_list.h"
#include "translator/export.h"

static void unit_free(void *data)
{
    SideUnit *unit = data;

    g_free(unit->name);
    g_free(unit->active);
    g_free(unit->sub);
    g_free(unit);
}

static void process_free(void *data)
{
    SideProcess *process = data;

    g_free(process->name);
    g_free(process->statename);
    g_ptr_array_unref(process->units);
    g_free(process);
}

void side_by_side_clear(SideBySide *side)
{
    g_free(side->problem);
    g_free(side->serverurl);
    g_clear_pointer(&side->processes, g_ptr_array_unref);
}

static SideProcess *process_new(const char *group, const char *name)
{
    SideProcess *process = g_new0(SideProcess, 1);
    char *namespec = namespec_make(group, name);

    if (!namespec)
        g_error("out of memory");
    process->name = g_strdup(namespec);
    process->units = g_ptr_array_new_with_free_func(unit_free);
    free(namespec);
    return process;
}

static SideProcess *find(const SideBySide *side, const char *name)
{
    for (size_t i = 0; i < side->processes->len; i++) {
        SideProcess *process = side->processes->pdata[i];
        if (strcmp(process->name, name) == 0)
            return process;
    }
    return NULL;
}

/* The daemon */

static char *ask(const DaemonAddress *address, GArray **ret_infos)
{
    g_autoptr(Transport) transport = transport_new();
    g_autoptr(Client) client = client_new(transport);
    g_auto(Reply) reply = {0};
    char *problem = NULL;

    transport_set_server(transport, address->url);
    transport_set_credentials(transport, address->username, address->password);
    client_call(client, &reply, "supervisor.getAllProcessInfo", "()");
    if (reply.kind != REPLY_VALUE)
        return reply_describe(&reply);
    return record_read_process_infos(reply.value, ret_infos, &problem) < 0 ? problem : NULL;
}

static void take_infos(SideBySide *side, const GArray *infos)
{
    for (size_t i = 0; i < infos->len; i++) {
        const ProcessInfo *info = &g_array_index(infos, ProcessInfo, i);
        SideProcess *process = process_new(info->group, info->name);
        SideProcess *known = find(side, process->name);
        if (known)
            process_free(process);
        else
            g_ptr_array_add(side->processes, process);
        known = known ?: process;
        known->pid = info->pid;
        g_free(known->statename);
        known->statename = g_strdup(info->statename);
    }
}

static void look_at_daemon(SideBySide *side, const char *path, const Plan *plan)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Config) client = NULL;
    g_autoptr(GArray) infos = NULL;

    (void)config_load_client(path, config_host_real(), diagnostics, &client);
    g_auto(DaemonAddress) address = daemon_address_find(plan_config(plan), client);
    side->serverurl = g_strdup(address.url);
    side->problem = ask(&address, &infos);
    if (infos)
        take_infos(side, infos);
}

/* Units */

static void add_unit(SideProcess *process, const char *name, bool exported, GHashTable *states)
{
    const UnitState *state = g_hash_table_lookup(states, name);

    /* A unit of that name which somebody else made has nothing to do with it. */
    if (!state || !state->loaded || (exported && !export_unit_is_exported(state->fragment)))
        return;
    SideUnit *unit = g_new0(SideUnit, 1);
    unit->name = g_strdup(name);
    unit->exported = exported;
    unit->active = g_strdup(state->active);
    unit->sub = g_strdup(state->sub);
    unit->pid = state->pid;
    unit->busy = unit_list_is_busy(state);
    g_ptr_array_add(process->units, unit);
}

typedef void (*UnitVisitor)(const PlannedProcess *process, const char *unit, bool exported, void *data);

/* Of a process that our daemon has or would have: its unit, and the scope that it is in after `supersede
 * adopt`. */
static void visit_process(const PlannedProcess *process, UnitVisitor visit, void *data)
{
    g_autofree char *scope = plan_adopted_scope(process);

    visit(process, process->unit, false, data);
    if (scope)
        visit(process, scope, false, data);
}

static void visit_units(const Plan *plan, const GPtrArray *instances, UnitVisitor visit, void *data)
{
    for (size_t i = 0; i < plan_group_count(plan); i++) {
        const PlannedGroup *group = plan_group(plan, i);
        for (size_t j = 0; j < group->process_count; j++)
            visit_process(&group->processes[j], visit, data);
    }
    for (size_t i = 0; i < instances->len; i++) {
        const ExportInstance *instance = instances->pdata[i];
        visit(instance->process, instance->unit, true, data);
    }
}

static void collect_name(const PlannedProcess *process, const char *unit, bool exported, void *data)
{
    g_ptr_array_add(data, g_strdup(unit));
}

typedef struct Placing {
    const SideBySide *side;
    GHashTable *states;
} Placing;

static void place_unit(const PlannedProcess *process, const char *unit, bool exported, void *data)
{
    const Placing *placing = data;
    SideProcess *beside = find(placing->side, process->namespec);

    if (beside)
        add_unit(beside, unit, exported, placing->states);
}

static int look_at_units(SideBySide *side, const Plan *plan, const ExportHost *host, char **ret_problem)
{
    g_autoptr(GPtrArray) instances = export_instances(plan, host);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) states = NULL;

    visit_units(plan, instances, collect_name, names);
    int r = unit_list_ask(names, host->user_manager, &states, ret_problem);
    if (r < 0)
        return r;
    visit_units(plan, instances, place_unit, &(Placing){side, states});
    return 0;
}

/* Who claims it */

/* The daemon and systemd are asked one after the other, and a program may be restarted in between: what
 * counts is where the daemon's process lives. One that is gone by now is nobody's. */
static bool lives_elsewhere(int64_t pid, const char *unit)
{
    g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/cgroup", pid), *text = NULL;
    g_autofree char *end = g_strdup_printf("/%s\n", unit);

    return pid > 0 && g_file_get_contents(path, &text, NULL, NULL) && !strstr(text, end);
}

static Claim claim_of(const SideProcess *process)
{
    const SideUnit *busy = NULL;
    size_t count = 0;

    for (size_t i = 0; i < process->units->len; i++) {
        const SideUnit *unit = process->units->pdata[i];
        if (unit->busy && count++ == 0)
            busy = unit;
    }
    bool daemon = process->pid > 0 || g_strcmp0(process->statename, "BACKOFF") == 0;
    if (count > 1)
        return CLAIM_TWICE;
    if (!busy)
        return daemon ? CLAIM_DAEMON : CLAIM_NOBODY;
    if (!daemon)
        return CLAIM_UNIT;
    /* A unit of our daemon's waits between two starts without a process, as the daemon tells. */
    if (process->pid == busy->pid || (!busy->exported && !lives_elsewhere(process->pid, busy->name)))
        return CLAIM_SAME;
    return CLAIM_TWICE;
}

int side_by_side_look(const char *path, const Plan *plan, const ExportHost *host, SideBySide *ret,
                      char **ret_problem)
{
    g_auto(SideBySide) side = {.processes = g_ptr_array_new_with_free_func(process_free)};

    for (size_t i = 0; i < plan_group_count(plan); i++) {
        const PlannedGroup *group = plan_group(plan, i);
        for (size_t j = 0; j < group->process_count; j++) {
            if (!find(&side, group->processes[j].namespec))
                g_ptr_array_add(side.processes,
                                process_new(group->config->name, group->processes[j].config->name));
        }
    }
    look_at_daemon(&side, path, plan);
    int r = look_at_units(&side, plan, host, ret_problem);
    if (r < 0)
        return r;
    for (size_t i = 0; i < side.processes->len; i++) {
        SideProcess *process = side.processes->pdata[i];
        process->claim = claim_of(process);
    }
    *ret = side;
    side = (SideBySide){0};
    return 0;
}
