#include "translator/plan.h"

#include <errno.h>
#include <string.h>

#include "common/namespec.h"
#include "translator/unitname.h"

/* Bytes of a file name below /run/supersede/IDENTIFIER/; suffixes like ".stdout" and ".failures" come behind
 * it. */
#define FILE_STEM_MAX 200
/* ":" and the hash of a cut name, "@-9223372036854775808", ".service", and ":" with at least one byte before
 * them. */
#define IDENTIFIER_ROOM 56

struct Plan {
    unsigned references;
    Config *config;
    char *identifier;
    char *slice;
    PlannedGroup *groups;
    size_t group_count;
    GHashTable *by_name;   /* the first group of each name */
    GStringChunk *strings; /* owns every name below groups */
};

/* What is needed only while a plan is made. */
typedef struct Builder {
    Plan *plan;
    char *unit_identifier;  /* as units begin */
    char *slice_identifier; /* as slices begin */
    GHashTable *taken;      /* unit names and file stems, owned by the plan's strings */
} Builder;

/* An identifier of this name would put the programs into a slice that is systemd's own, to be started and
 * stopped with it. */
static const char *const systemd_slices[] = {"system",     "user",    "machine", "init", "app",
                                             "background", "session", "capsule", NULL};

static char *slice_identifier(const char *identifier)
{
    if (g_strv_contains(systemd_slices, identifier))
        return g_strdup_printf("\\x%02x%s", (unsigned char)*identifier, identifier + 1);
    return unitname_escape(identifier);
}

static const char *keep(Builder *builder, const char *text)
{
    return g_string_chunk_insert(builder->plan->strings, text);
}

/* Names built from the parts that a user sees, before any cutting. */
static char *unit_prefix(const Builder *builder, const GroupConfig *group, const ProcessConfig *process)
{
    g_autofree char *program = unitname_escape_if_needed(process->program);

    if (group->kind != GROUP_HETEROGENEOUS)
        return g_strdup_printf("%s:%s", builder->unit_identifier, program);
    g_autofree char *group_name = unitname_escape_if_needed(group->name);
    return g_strdup_printf("%s:%s:%s", builder->unit_identifier, group_name, program);
}

/* One [program:x] and one [eventlistener:x] are two groups of one name to the reader, of which only one can
 * be active; their units (and, .service and .scope apart, their files) would be the same. The later one gets
 * a hash of its section. */
static void name_unit(Builder *builder, const GroupConfig *group, const ProcessConfig *process,
                      PlannedProcess *planned)
{
    bool is_scope = process->kind == PROGRAM_EVENTLISTENER;
    g_autofree char *name = unit_prefix(builder, group, process);
    g_autofree char *number =
        process->numprocs > 1 ? g_strdup_printf("%" G_GINT64_FORMAT, process->process_num) : NULL;
    /* systemd knows no instances of scopes. */
    g_autofree char *prefix = is_scope && number ? g_strconcat(name, ":", number, NULL) : g_strdup(name);
    const char *instance = is_scope ? NULL : number;
    const char *suffix = is_scope ? ".scope" : ".service";

    for (unsigned attempt = 0;; attempt++) {
        g_autofree char *salt = g_strdup_printf("%s#%u", process->section, attempt);
        g_autofree char *unit =
            unitname_compose(prefix, instance, suffix, attempt > 0, attempt > 0 ? salt : NULL);
        g_autofree char *stem = unitname_file_stem(unit, FILE_STEM_MAX);
        if (g_hash_table_contains(builder->taken, unit) || g_hash_table_contains(builder->taken, stem))
            continue;
        planned->unit = keep(builder, unit);
        planned->file_stem = keep(builder, stem);
        g_hash_table_add(builder->taken, (void *)planned->unit);
        g_hash_table_add(builder->taken, (void *)planned->file_stem);
        return;
    }
}

static void plan_process(Builder *builder, const PlannedGroup *group, const ProcessConfig *config,
                         PlannedProcess *planned)
{
    char *namespec = namespec_make(group->config->name, config->name);

    if (!namespec)
        g_error("out of memory");
    planned->group = group;
    planned->config = config;
    planned->namespec = keep(builder, namespec);
    free(namespec);
    name_unit(builder, group->config, config, planned);
}

/* The oracle keeps a group's processes in a dictionary by name: a later one replaces an earlier one, in the
 * earlier one's place. */
static GPtrArray *distinct_processes(const GroupConfig *group)
{
    g_autoptr(GHashTable) places = g_hash_table_new(g_str_hash, g_str_equal);
    GPtrArray *distinct = g_ptr_array_new();

    for (size_t i = 0; i < group->process_count; i++) {
        const ProcessConfig *process = group->processes[i];
        void *place;
        if (g_hash_table_lookup_extended(places, process->name, NULL, &place)) {
            distinct->pdata[GPOINTER_TO_UINT(place)] = (void *)process;
            continue;
        }
        g_hash_table_insert(places, (void *)process->name, GUINT_TO_POINTER(distinct->len));
        g_ptr_array_add(distinct, (void *)process);
    }
    return distinct;
}

/* No process can have such a name: the part behind the second colon of theirs is never empty. The service has
 * the socket's name, since a transient socket cannot name another one. */
static void name_socket(Builder *builder, const GroupConfig *config, PlannedGroup *group)
{
    g_autofree char *name = unitname_escape_if_needed(config->name);
    g_autofree char *prefix = g_strdup_printf("%s:%s::fcgi", builder->unit_identifier, name);
    g_autofree char *socket = unitname_compose(prefix, NULL, ".socket", false, NULL);
    g_autofree char *service =
        g_strdup_printf("%.*s.service", (int)(strlen(socket) - strlen(".socket")), socket);

    group->socket_unit = keep(builder, socket);
    group->socket_service = keep(builder, service);
}

static void plan_one_group(Builder *builder, const GroupConfig *config, PlannedGroup *group)
{
    g_autoptr(GPtrArray) processes = distinct_processes(config);
    g_autofree char *escaped = unitname_escape(config->name);
    g_autofree char *prefix = g_strdup_printf("%s-%s", builder->slice_identifier, escaped);
    g_autofree char *slice = unitname_compose(prefix, NULL, ".slice", false, NULL);
    PlannedProcess *planned = g_new0(PlannedProcess, processes->len);

    group->config = config;
    group->slice = keep(builder, slice);
    if (config->kind == GROUP_FCGI)
        name_socket(builder, config, group);
    group->processes = planned;
    group->process_count = processes->len;
    for (size_t i = 0; i < processes->len; i++)
        plan_process(builder, group, processes->pdata[i], &planned[i]);
}

static const char *make_target(Builder *builder, int64_t priority)
{
    g_autofree char *prefix =
        g_strdup_printf("%s-priority-%" G_GINT64_FORMAT, builder->unit_identifier, priority);
    g_autofree char *target = unitname_compose(prefix, NULL, ".target", false, NULL);
    return keep(builder, target);
}

/* Groups stand in ascending order of their priorities. */
static void plan_targets(Builder *builder)
{
    const char *upper = NULL, *target = NULL;

    for (size_t i = builder->plan->group_count; i > 0; i--) {
        PlannedGroup *group = &builder->plan->groups[i - 1];
        int64_t priority = group->config->priority;
        if (i == builder->plan->group_count || builder->plan->groups[i].config->priority != priority) {
            upper = target;
            target = make_target(builder, priority);
        }
        group->target = target;
        group->upper_target = upper;
    }
}

static void plan_groups(Builder *builder)
{
    Plan *plan = builder->plan;

    plan->group_count = config_group_count(plan->config);
    plan->groups = g_new0(PlannedGroup, plan->group_count);
    for (size_t i = 0; i < plan->group_count; i++) {
        PlannedGroup *group = &plan->groups[i];
        plan_one_group(builder, config_group(plan->config, i), group);
        if (!g_hash_table_contains(plan->by_name, group->config->name))
            g_hash_table_insert(plan->by_name, (void *)group->config->name, group);
    }
    plan_targets(builder);
}

int plan_new(Config *config, const char *identifier, Plan **ret_plan)
{
    g_autofree char *unit_identifier = unitname_escape_if_needed(identifier);
    g_autofree char *slice_name = slice_identifier(identifier);

    if (strlen(slice_name) > UNITNAME_MAX - IDENTIFIER_ROOM)
        return -ENAMETOOLONG;

    g_autoptr(GHashTable) taken = g_hash_table_new(g_str_hash, g_str_equal);
    Plan *plan = g_new0(Plan, 1);
    plan->references = 1;
    plan->config = config_ref(config);
    plan->identifier = g_strdup(identifier);
    plan->slice = g_strconcat(slice_name, ".slice", NULL);
    plan->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    plan->strings = g_string_chunk_new(4096);
    Builder builder = {
        .plan = plan, .unit_identifier = unit_identifier, .slice_identifier = slice_name, .taken = taken};
    plan_groups(&builder);
    *ret_plan = plan;
    return 0;
}

Plan *plan_ref(Plan *plan)
{
    plan->references++;
    return plan;
}

void plan_unref(Plan *plan)
{
    if (!plan || --plan->references > 0)
        return;
    for (size_t i = 0; i < plan->group_count; i++)
        g_free((void *)plan->groups[i].processes);
    g_free(plan->groups);
    g_hash_table_unref(plan->by_name);
    g_string_chunk_free(plan->strings);
    g_free(plan->slice);
    g_free(plan->identifier);
    config_unref(plan->config);
    g_free(plan);
}

Config *plan_config(const Plan *plan)
{
    return plan->config;
}

const char *plan_identifier(const Plan *plan)
{
    return plan->identifier;
}

const char *plan_slice(const Plan *plan)
{
    return plan->slice;
}

size_t plan_group_count(const Plan *plan)
{
    return plan->group_count;
}

const PlannedGroup *plan_group(const Plan *plan, size_t index)
{
    return &plan->groups[index];
}

const PlannedGroup *plan_find_group(const Plan *plan, const char *name)
{
    return g_hash_table_lookup(plan->by_name, name);
}

char *plan_adopted_scope(const PlannedProcess *process)
{
    g_autofree char *stem = NULL;

    if (process->config->kind == PROGRAM_EVENTLISTENER)
        return NULL;
    stem = g_strndup(process->unit, strlen(process->unit) - strlen(".service"));
    /* systemd knows no instances of scopes. */
    g_strdelimit(stem, "@", ':');
    return g_strconcat(stem, ".scope", NULL);
}
