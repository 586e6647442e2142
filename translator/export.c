#include "translator/export.h"

#include <string.h>

#include "translator/export_readme.h"
#include "translator/export_template.h"
#include "translator/unitname.h"

/* A level of priority that has more units is named by the targets of its groups. */
#define MOST_NEIGHBOURS 32

/* What one section of a group has become. */
typedef struct Part {
    const PlannedGroup *group;
    const ProcessConfig *config;
    char *target; /* of the group; NULL */
    ExportBatch batch;
    GPtrArray *processes; /* PlannedProcess, as many as the batch has instances */
} Part;

typedef struct Exporter {
    const Plan *plan;
    const Config *config;
    const DaemonConfig *daemon;
    const ExportHost *host;
    Diagnostics *diagnostics;
    GHashTable *taken; /* names of units, owned */
    GPtrArray *parts;  /* Part, owned */
    GPtrArray *units;  /* ExportUnit that belong to no part, owned */
    GPtrArray *files;  /* ExportFile */
    ExportReadme *readme;
} Exporter;

static void file_free(void *data)
{
    ExportFile *file = data;

    g_free(file->name);
    g_free(file->text);
    g_free(file);
}

static void part_free(void *data)
{
    Part *part = data;

    export_batch_clear(&part->batch);
    g_ptr_array_unref(part->processes);
    g_free(part->target);
    g_free(part);
}

static void unit_free(void *data)
{
    export_unit_free(data);
}

static void add_file(Exporter *exporter, const char *name, mode_t mode, char *text)
{
    ExportFile *file = g_new0(ExportFile, 1);

    file->name = g_strdup(name);
    file->mode = mode;
    file->text = text;
    g_ptr_array_add(exporter->files, file);
}

/* Names */

static bool is_free(const Exporter *exporter, const char *stem, const char *suffix)
{
    static const char *const forms[] = {"", "@"};

    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autofree char *name = g_strconcat(stem, forms[i], suffix, NULL);
        if (g_hash_table_contains(exporter->taken, name) ||
            exporter->host->has_unit(name, exporter->host->user_manager))
            return false;
    }
    return true;
}

static char *shortened(const char *stem, const char *suffix)
{
    g_autofree char *name = unitname_compose(stem, NULL, suffix, false, NULL);

    name[strlen(name) - strlen(suffix)] = '\0';
    /* systemd-analyze takes what is behind a colon for another name of the unit. */
    g_strdelimit(name, ":", '-');
    return g_steal_pointer(&name);
}

/* A unit of the administrator's replaces the distribution's of the same name: nginx.service of a
 * configuration must not. */
static char *take_name(Exporter *exporter, const char *wanted, const char *suffix, Origin origin)
{
    g_autofree char *identifier = unitname_escape_if_needed(plan_identifier(exporter->plan));
    g_autofree char *stem = shortened(wanted, suffix);
    unsigned attempt = 0;

    for (; !is_free(exporter, stem, suffix); attempt++) {
        g_autofree char *other = attempt == 0 ? g_strdup_printf("%s-%s", identifier, wanted)
                                              : g_strdup_printf("%s-%s-%u", identifier, wanted, attempt + 1);
        g_free(stem);
        stem = shortened(other, suffix);
    }
    if (attempt > 0)
        diagnostics_add_ours(exporter->diagnostics, SEVERITY_INFO, origin.file, origin.line, NULL,
                             "there is a %s%s already: exported as %s%s", wanted, suffix, stem, suffix);
    g_hash_table_add(exporter->taken, g_strconcat(stem, suffix, NULL));
    return g_steal_pointer(&stem);
}

static char *wanted_name(const PlannedGroup *group, const ProcessConfig *process)
{
    g_autofree char *program = unitname_escape_if_needed(process->program);
    g_autofree char *prefix = unitname_escape_if_needed(group->config->name);

    return group->config->kind == GROUP_HETEROGENEOUS ? g_strdup_printf("%s-%s", prefix, program)
                                                      : g_steal_pointer(&program);
}

/* Groups */

static const char *everything(const Exporter *exporter)
{
    return exporter->host->user_manager ? "default.target" : "multi-user.target";
}

static char *group_heading(const GroupConfig *group)
{
    return g_strdup_printf(EXPORT_UNIT_HEADING "group %s in %s:%u", group->name, group->origin.file ?: "-",
                           group->origin.line);
}

static ExportUnit *add_unit(Exporter *exporter, const char *name, const char *heading)
{
    ExportUnit *unit = export_unit_new(name, heading);

    g_ptr_array_add(exporter->units, unit);
    return unit;
}

static char *add_target(Exporter *exporter, const PlannedGroup *group)
{
    g_autofree char *wanted = unitname_escape_if_needed(group->config->name);
    g_autofree char *stem = take_name(exporter, wanted, ".target", group->config->origin);
    g_autofree char *name = g_strconcat(stem, ".target", NULL);
    g_autofree char *heading = group_heading(group->config);
    ExportUnit *unit = add_unit(exporter, name, heading);

    export_unit_add_plain(unit, "Unit", "Description", group->config->name);
    export_unit_add(unit, "Install", "WantedBy", everything(exporter));
    export_readme_enable(exporter->readme, name);
    return g_steal_pointer(&name);
}

static void add_slice(Exporter *exporter, const char *name, const char *description, const char *heading)
{
    ExportUnit *unit = add_unit(exporter, name, heading);

    export_unit_add_plain(unit, "Unit", "Description", description);
}

static char *listen_address(Exporter *exporter, const PlannedGroup *group)
{
    const SocketConfig *socket = &group->config->socket;

    /* systemd takes /var/run for /run by itself, and complains about it each time. */
    if (socket->is_unix)
        return g_strdup(g_str_has_prefix(socket->path, "/var/run/") ? socket->path + strlen("/var")
                                                                    : socket->path);
    g_autofree char *address = exporter->host->find_address(socket->host);
    if (!address) {
        diagnostics_add_ours(exporter->diagnostics, SEVERITY_WARNING, group->config->origin.file,
                             group->config->origin.line, NULL,
                             "the host '%s' has no address here; %s.socket needs one in place of 127.0.0.1",
                             socket->host, group->config->name);
        address = g_strdup("127.0.0.1");
    }
    return strchr(address, ':') ? g_strdup_printf("[%s]:%u", address, socket->port)
                                : g_strdup_printf("%s:%u", address, socket->port);
}

/* The unit of a FastCGI program's socket; its service takes the listening socket as file descriptor 0. */
static char *add_socket(Exporter *exporter, const PlannedGroup *group, const char *stem)
{
    const SocketConfig *socket = &group->config->socket;
    g_autofree char *name = g_strconcat(stem, ".socket", NULL);
    g_autofree char *address = listen_address(exporter, group);
    g_autofree char *heading = group_heading(group->config);
    ExportUnit *unit = add_unit(exporter, name, heading);

    export_unit_add_plain(unit, "Unit", "Description", group->config->name);
    export_unit_add_plain(unit, "Socket", "ListenStream", address);
    if (socket->has_owner)
        export_unit_add_format(unit, "Socket", "SocketUser", "%u", (unsigned)socket->uid);
    if (socket->has_owner && socket->gid != (gid_t)-1)
        export_unit_add_format(unit, "Socket", "SocketGroup", "%u", (unsigned)socket->gid);
    if (socket->has_mode)
        export_unit_add_format(unit, "Socket", "SocketMode", "%04o", (unsigned)socket->mode & 0777);
    if (socket->backlog > 0)
        export_unit_add_format(unit, "Socket", "Backlog", "%d", socket->backlog);
    export_unit_add(unit, "Install", "WantedBy", "sockets.target");
    export_readme_enable(exporter->readme, name);
    return g_steal_pointer(&name);
}

/* The socket starts a service of its own name unless it is told of another. */
static void bind_socket(Exporter *exporter, const char *socket, const ExportBatch *batch)
{
    for (size_t i = 0; i < exporter->units->len; i++) {
        ExportUnit *unit = exporter->units->pdata[i];
        if (strcmp(unit->name, socket) == 0)
            export_unit_add(unit, "Socket", "Service", batch->instances->pdata[0]);
    }
}

/* Processes */

/* "%(process_num)02d" in an option other than process_name: "02". */
static char *number_format(const Exporter *exporter, const char *section)
{
    g_autoptr(GRegex) regex = g_regex_new("%\\(process_num\\)0?([0-9]*)d", 0, 0, NULL);

    for (size_t i = 0; i < config_section_count(exporter->config); i++) {
        const RawSection *raw = config_section(exporter->config, i);
        for (size_t j = 0; strcmp(raw->name, section) == 0 && j < raw->option_count; j++) {
            g_autoptr(GMatchInfo) match = NULL;
            if (strcmp(raw->options[j].name, "process_name") != 0 &&
                g_regex_match(regex, raw->options[j].value, 0, &match))
                return g_match_info_fetch(match, 1);
        }
    }
    return NULL;
}

static bool make_members(Exporter *exporter, const PlannedGroup *group, size_t first, size_t count,
                         const ExportService *names, GArray *members, GPtrArray *processes)
{
    for (size_t i = first; i < first + count; i++) {
        const PlannedProcess *process = &group->processes[i];
        ExportMember member = {.process_num = process->config->process_num};
        if (export_service(process, exporter->daemon, names, exporter->host, &member.unit) < 0) {
            diagnostics_add_ours(exporter->diagnostics, SEVERITY_WARNING, process->config->origin.file,
                                 process->config->origin.line, NULL,
                                 "not exported: the command of '%s' cannot be split into words",
                                 process->namespec);
            export_readme_lost(exporter->readme, process->config, "its command cannot be split into words");
            continue;
        }
        g_array_append_val(members, member);
        g_ptr_array_add(processes, (void *)process);
    }
    return members->len > 0;
}

static void add_part(Exporter *exporter, const PlannedGroup *group, size_t first, size_t count,
                     const char *target)
{
    const ProcessConfig *config = group->processes[first].config;
    g_autofree char *wanted = wanted_name(group, config);
    g_autofree char *base = take_name(exporter, wanted, ".service", config->origin);
    g_autofree char *socket = config->kind == PROGRAM_FCGI ? add_socket(exporter, group, base) : NULL;
    g_autofree char *format = number_format(exporter, config->section);
    g_autoptr(GArray) members = g_array_new(FALSE, FALSE, sizeof(ExportMember));
    ExportService names = {.name = base,
                           .target = target,
                           .socket = socket,
                           .slice = target ? group->slice : plan_slice(exporter->plan)};

    g_autoptr(GPtrArray) processes = g_ptr_array_new();
    if (!make_members(exporter, group, first, count, &names, members, processes))
        return;
    Part *part = g_new0(Part, 1);
    part->group = group;
    part->config = config;
    part->target = g_strdup(target);
    part->processes = g_steal_pointer(&processes);
    part->batch = export_template_merge(base, exporter->host->directory, (ExportMember *)members->data,
                                        members->len, format);
    g_ptr_array_add(exporter->parts, part);
    if (socket)
        bind_socket(exporter, socket, &part->batch);
}

static void add_parts(Exporter *exporter, const PlannedGroup *group, const char *target)
{
    for (size_t first = 0, next; first < group->process_count; first = next) {
        const char *section = group->processes[first].config->section;
        for (next = first + 1; next < group->process_count; next++) {
            if (strcmp(group->processes[next].config->section, section) != 0)
                break;
        }
        add_part(exporter, group, first, next - first, target);
    }
}

static void add_group(Exporter *exporter, const PlannedGroup *group)
{
    g_autofree char *target = NULL;

    if (group->process_count == 0)
        return;
    if (group->config->kind == GROUP_EVENTLISTENER) {
        export_readme_lost(exporter->readme, group->processes[0].config,
                           "event listeners live on Supervisor's events");
        return;
    }
    if (group->config->kind == GROUP_HETEROGENEOUS || group->process_count > 1) {
        g_autofree char *heading = group_heading(group->config);
        target = add_target(exporter, group);
        add_slice(exporter, group->slice, group->config->name, heading);
    }
    add_parts(exporter, group, target);
}

/* Order */

static int compare_priorities(const Part *a, const Part *b)
{
    int64_t left = a->group->config->priority, right = b->group->config->priority;

    if (left == right) {
        left = a->config->priority;
        right = b->config->priority;
    }
    return (left > right) - (left < right);
}

static int compare_parts(const void *a, const void *b)
{
    return compare_priorities(*(const Part *const *)a, *(const Part *const *)b);
}

/* The units from `begin` to `end` of the sorted parts, for After=. */
static char *level_units(const GPtrArray *sorted, size_t begin, size_t end)
{
    g_autoptr(GString) units = g_string_new(NULL);
    g_autoptr(GPtrArray) targets = g_ptr_array_new();
    size_t count = 0;

    for (size_t i = begin; i < end; i++) {
        const Part *part = sorted->pdata[i];
        for (size_t j = 0; j < part->batch.instances->len; j++, count++)
            g_string_append_printf(units, "%s%s", units->len > 0 ? " " : "",
                                   (char *)part->batch.instances->pdata[j]);
        if (part->target && !g_ptr_array_find_with_equal_func(targets, part->target, g_str_equal, NULL))
            g_ptr_array_add(targets, part->target);
    }
    if (count <= MOST_NEIGHBOURS || targets->len == 0)
        return g_strdup(units->str);
    g_ptr_array_add(targets, NULL);
    return g_strjoinv(" ", (char **)targets->pdata);
}

static void add_after(const Part *part, const char *units)
{
    for (size_t i = 0; i < part->batch.units->len; i++) {
        ExportUnit *unit = part->batch.units->pdata[i];
        export_unit_add(unit, "Unit", "After", units);
        export_unit_comment(unit, "priority=%" G_GINT64_FORMAT ": started after these, stopped before them.",
                            part->config->priority);
    }
}

static void add_order(Exporter *exporter)
{
    g_autoptr(GPtrArray) sorted = g_ptr_array_copy(exporter->parts, NULL, NULL);
    g_autofree char *before = NULL;

    /* The copy owns nothing. */
    g_ptr_array_set_free_func(sorted, NULL);
    g_ptr_array_sort(sorted, compare_parts);
    for (size_t begin = 0, end; begin < sorted->len; begin = end) {
        end = begin;
        while (end < sorted->len && compare_priorities(sorted->pdata[begin], sorted->pdata[end]) == 0)
            end++;
        for (size_t i = begin; before && i < end; i++)
            add_after(sorted->pdata[i], before);
        g_free(before);
        before = level_units(sorted, begin, end);
    }
}

/* Files */

static void add_install(Exporter *exporter, const Part *part)
{
    for (size_t i = 0; i < part->batch.units->len; i++) {
        ExportUnit *unit = part->batch.units->pdata[i];
        export_unit_add(unit, "Install", "WantedBy", part->target ?: everything(exporter));
        if (!part->config->autostart)
            export_unit_comment(unit, "autostart=false: not enabled.");
    }
    for (size_t i = 0; part->config->autostart && i < part->batch.instances->len; i++)
        export_readme_enable(exporter->readme, part->batch.instances->pdata[i]);
}

static void write_unit(Exporter *exporter, const ExportUnit *unit)
{
    add_file(exporter, unit->name, 0644, export_unit_format(unit));
}

static void write_part(Exporter *exporter, const Part *part)
{
    for (size_t i = 0; i < part->batch.units->len; i++)
        write_unit(exporter, part->batch.units->pdata[i]);
    for (size_t i = 0; i < part->batch.files->len; i++) {
        const ExportEnvironment *environment = part->batch.files->pdata[i];
        add_file(exporter, environment->name, 0600, g_strdup(environment->text));
    }
    for (size_t i = 0; i < part->group->process_count; i++) {
        const PlannedProcess *process = &part->group->processes[i];
        if (strcmp(process->config->section, part->config->section) == 0)
            export_readme_logs(exporter->readme, process->config, exporter->daemon);
    }
    export_readme_program(exporter->readme, part->group, part->config, part->batch.instances);
}

static void write_files(Exporter *exporter)
{
    const char *identifier = plan_identifier(exporter->plan);

    for (size_t i = 0; i < exporter->units->len; i++)
        write_unit(exporter, exporter->units->pdata[i]);
    for (size_t i = 0; i < exporter->parts->len; i++)
        write_part(exporter, exporter->parts->pdata[i]);
    char *logrotate = export_readme_logrotate(exporter->readme);
    g_autofree char *stem = unitname_escape_if_needed(identifier);
    g_autofree char *name = g_strconcat(stem, ".logrotate", NULL);
    if (logrotate)
        add_file(exporter, name, 0644, logrotate);
    add_file(exporter, "install", 0755, export_readme_script(exporter->readme, exporter->host));
    add_file(exporter, "README", 0644,
             export_readme_text(exporter->readme, exporter->plan, exporter->host, exporter->diagnostics));
}

static Exporter exporter_new(const Plan *plan, const ExportHost *host, Diagnostics *diagnostics)
{
    return (Exporter){.plan = plan,
                      .config = plan_config(plan),
                      .daemon = config_daemon(plan_config(plan)),
                      .host = host,
                      .diagnostics = diagnostics,
                      .taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                      .parts = g_ptr_array_new_with_free_func(part_free),
                      .units = g_ptr_array_new_with_free_func(unit_free),
                      .files = g_ptr_array_new_with_free_func(file_free),
                      .readme = export_readme_new()};
}

static void exporter_clear(Exporter *exporter)
{
    export_readme_free(exporter->readme);
    g_ptr_array_unref(exporter->units);
    g_ptr_array_unref(exporter->parts);
    g_clear_pointer(&exporter->files, g_ptr_array_unref);
    g_hash_table_unref(exporter->taken);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Exporter, exporter_clear)

/* Of two groups of one name only the first is ever started. */
static void add_groups(Exporter *exporter)
{
    for (size_t i = 0; i < plan_group_count(exporter->plan); i++) {
        const PlannedGroup *group = plan_group(exporter->plan, i);
        if (plan_find_group(exporter->plan, group->config->name) == group)
            add_group(exporter, group);
    }
}

GPtrArray *export_files(const Plan *plan, const ExportHost *host, Diagnostics *diagnostics)
{
    g_auto(Exporter) exporter = exporter_new(plan, host, diagnostics);
    g_autofree char *heading = g_strdup_printf(EXPORT_UNIT_HEADING "%s", config_path(exporter.config));

    add_slice(&exporter, plan_slice(plan), "Programs of a supervisord.conf", heading);
    add_groups(&exporter);
    add_order(&exporter);
    for (size_t i = 0; i < exporter.parts->len; i++)
        add_install(&exporter, exporter.parts->pdata[i]);
    write_files(&exporter);
    return g_steal_pointer(&exporter.files);
}

static void instance_free(void *data)
{
    ExportInstance *instance = data;

    g_free(instance->unit);
    g_free(instance);
}

GPtrArray *export_instances(const Plan *plan, const ExportHost *host)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_auto(Exporter) exporter = exporter_new(plan, host, diagnostics);
    GPtrArray *instances = g_ptr_array_new_with_free_func(instance_free);

    add_groups(&exporter);
    for (size_t i = 0; i < exporter.parts->len; i++) {
        const Part *part = exporter.parts->pdata[i];
        for (size_t j = 0; j < part->processes->len; j++) {
            ExportInstance *instance = g_new0(ExportInstance, 1);
            instance->process = part->processes->pdata[j];
            instance->unit = g_strdup(part->batch.instances->pdata[j]);
            g_ptr_array_add(instances, instance);
        }
    }
    return instances;
}
