#include "translator/report.h"

#include <stdarg.h>
#include <string.h>

#include "common/namespec.h"
#include "translator/options.h"
#include "translator/dropin.h"
#include "translator/text.h"
#include "translator/unitfile.h"

/* Longer values of a property are cut: a program may expect many exit codes. */
#define VALUE_WIDTH 48
/* No option of Supervisor's is longer. */
#define OPTION_WIDTH 32

#define BOLD   "\033[1m"
#define RED    "\033[1;31m"
#define YELLOW "\033[1;33m"
#define NORMAL "\033[0m"

static void append_coloured(GString *out, bool colour, const char *sequence, const char *text)
{
    if (colour)
        g_string_append(out, sequence);
    text_append_printable(out, text);
    if (colour)
        g_string_append(out, NORMAL);
}

static void append_origin(GString *out, Origin origin)
{
    text_append_printable(out, origin.file ?: "default");
    if (origin.line > 0)
        g_string_append_printf(out, ":%u", origin.line);
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

/* Findings */

static bool same_file(Origin a, Origin b)
{
    return g_strcmp0(a.file, b.file) == 0;
}

/* The oracle's daemon keeps groups by name; of two it starts the first and says nothing. */
static void find_hidden_groups(const Plan *plan, Diagnostics *diagnostics)
{
    for (size_t i = 0; i < plan_group_count(plan); i++) {
        const GroupConfig *group = plan_group(plan, i)->config;
        const PlannedGroup *first = plan_find_group(plan, group->name);
        if (first->config == group)
            continue;
        diagnostics_add_ours(
            diagnostics, SEVERITY_WARNING, group->origin.file, group->origin.line, NULL,
            "there is another group '%s' (line %u%s%s), which is started; this one is not", group->name,
            first->config->origin.line, same_file(group->origin, first->config->origin) ? "" : " of ",
            same_file(group->origin, first->config->origin) ? "" : first->config->origin.file);
    }
}

static bool is_planned(const PlannedGroup *group, const ProcessConfig *config)
{
    for (size_t i = 0; i < group->process_count; i++) {
        if (group->processes[i].config == config)
            return true;
    }
    return false;
}

static void find_hidden_processes(const Plan *plan, Diagnostics *diagnostics)
{
    for (size_t i = 0; i < plan_group_count(plan); i++) {
        const PlannedGroup *group = plan_group(plan, i);
        for (size_t j = 0; j < group->config->process_count; j++) {
            const ProcessConfig *process = group->config->processes[j];
            if (!is_planned(group, process))
                diagnostics_add_ours(diagnostics, SEVERITY_WARNING, process->origin.file,
                                     process->origin.line, process->section,
                                     "another process of group '%s' is called '%s' too and replaces it",
                                     group->config->name, process->name);
        }
    }
}

/* The oracle makes plain programs of the members of a [group:x]: standard input is a pipe, nobody listens. */
static void find_lost_sockets(const Plan *plan, Diagnostics *diagnostics)
{
    for (size_t i = 0; i < plan_group_count(plan); i++) {
        const PlannedGroup *group = plan_group(plan, i);
        const char *told = NULL;
        for (size_t j = 0; j < group->process_count; j++) {
            const ProcessConfig *process = group->processes[j].config;
            if (group->config->kind != GROUP_HETEROGENEOUS ||
                !g_str_has_prefix(process->section, "fcgi-program:") ||
                g_strcmp0(process->section, told) == 0)
                continue;
            told = process->section;
            diagnostics_add_ours(diagnostics, SEVERITY_WARNING, process->origin.file, process->origin.line,
                                 process->section,
                                 "[%s] gets no socket because it is in [group:%s], as in Supervisor; take it "
                                 "out of that group",
                                 process->section, group->config->name);
        }
    }
}

void report_add_findings(const Plan *plan, Diagnostics *diagnostics)
{
    find_hidden_groups(plan, diagnostics);
    find_hidden_processes(plan, diagnostics);
    find_lost_sockets(plan, diagnostics);
}

/* Options */

typedef struct Report {
    const MappingContext *context;
    bool colour;
    int option_width;
    GHashTable *by_section; /* name to GPtrArray of PlannedProcess */
    GString *out;
} Report;

/* What the processes of one section have in common. */
typedef struct SectionUnits {
    GPtrArray *units;              /* names */
    const PlannedProcess *example; /* NULL when the section makes none */
    PropertyList *properties;      /* of the example; NULL for event listeners */
} SectionUnits;

static void section_units_clear(SectionUnits *units)
{
    g_ptr_array_unref(units->units);
    property_list_free(units->properties);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SectionUnits, section_units_clear)

static void unref_processes(void *processes)
{
    g_ptr_array_unref(processes);
}

static GHashTable *processes_by_section(const Plan *plan)
{
    GHashTable *sections = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, unref_processes);

    for (size_t i = 0; i < plan_group_count(plan); i++) {
        const PlannedGroup *group = plan_group(plan, i);
        for (size_t j = 0; j < group->process_count; j++) {
            const PlannedProcess *process = &group->processes[j];
            GPtrArray *processes = g_hash_table_lookup(sections, process->config->section);
            if (!processes) {
                processes = g_ptr_array_new();
                g_hash_table_insert(sections, (void *)process->config->section, processes);
            }
            g_ptr_array_add(processes, (void *)process);
        }
    }
    return sections;
}

static SectionUnits units_of_section(const Report *report, const char *section)
{
    SectionUnits found = {.units = g_ptr_array_new()};
    const GPtrArray *processes = g_hash_table_lookup(report->by_section, section);

    if (!processes)
        return found;
    for (unsigned i = 0; i < processes->len; i++) {
        const PlannedProcess *process = processes->pdata[i];
        g_ptr_array_add(found.units, (void *)process->unit);
    }
    found.example = processes->pdata[0];
    if (found.example->config->kind != PROGRAM_EVENTLISTENER)
        found.properties = mapping_service(found.example, report->context);
    return found;
}

/* autorestart=false lists every way to end. */
static bool is_every_end(const Property *property)
{
    return property->kind == PROPERTY_EXIT_STATUS_SET && property->value.exit_status_set.code_count == 256;
}

/* "Restart=always", and of a long list no more than fits. */
static void append_property(GString *out, const Property *property)
{
    if (is_every_end(property)) {
        g_string_append_printf(out, "%s=(every end)", property->name);
        return;
    }
    g_autofree char *line = unitfile_format_property(property);
    const char *value = strchr(line, '=') + 1;

    if (strlen(value) > VALUE_WIDTH) {
        char *end = line + (value - line) + VALUE_WIDTH;
        while (end > value && *end != ' ')
            end--;
        *end = '\0';
        g_string_append_printf(out, "%s …", line);
        return;
    }
    g_string_append(out, line);
}

static void append_properties(GString *out, const Option *row, const SectionUnits *units)
{
    g_auto(GStrv) names = g_strsplit(row->property, " ", -1);
    size_t found = 0;

    if (!mapping_is_used(units->example->config, row->name)) {
        g_string_append(out, "no effect with this autorestart");
        return;
    }
    for (size_t i = 0; names[i]; i++) {
        const Property *property = property_list_find(units->properties, names[i]);
        if (!property)
            continue;
        g_string_append(out, found++ > 0 ? ", " : "");
        append_property(out, property);
    }
}

/* Of systemd's own properties the names alone, as of everything else: values may be secrets. */
static void append_setting(GString *out, const char *option)
{
    const UnitSettingKind *kind = unit_setting_find(option + strlen(UNIT_SETTING_PREFIX));

    if (kind)
        g_string_append_printf(out, "%s= of the unit", kind->name);
}

/* What is no option of Supervisor's. A foreign plugin has options that only it knows. */
static void append_unknown(GString *out, const char *section, const char *name)
{
    SectionKind kind = option_section_kind(section);
    const char *suggestion = option_suggest(section, name);

    if (kind == SECTION_UNKNOWN || kind == SECTION_RPCINTERFACE || kind == SECTION_CTLPLUGIN)
        g_string_append(out, "not read");
    else if (option_is_systemd(section, name))
        append_setting(out, name);
    else if (suggestion)
        g_string_append_printf(out, "unknown, ignored; did you mean %s?", suggestion);
    else
        g_string_append(out, "unknown, ignored");
}

/* A Python function other than the one that is built in. */
static bool is_foreign(const Option *row, const char *value)
{
    return row->kind == VALUE_FACTORY && (!row->choices || strcmp(row->choices, value) != 0);
}

static void append_becomes(GString *out, const RawSection *section, const RawOption *option,
                           const SectionUnits *units)
{
    const Option *row = option_find(section->name, option->name);

    if (!row)
        append_unknown(out, section->name, option->name);
    else if (is_foreign(row, option->value))
        g_string_append(out, "not loaded: Python code");
    else if (row->disposition == DISPOSITION_PROPERTY && units->properties)
        append_properties(out, row, units);
    else if (row->disposition == DISPOSITION_REFUSED)
        g_string_append(out, "nothing to do; other values are refused");
    else
        g_string_append(out, option_disposition_text(row->disposition));
}

static void append_option(const Report *report, const RawSection *section, const RawOption *option,
                          const SectionUnits *units)
{
    g_autoptr(GString) place = g_string_new(NULL);
    g_autoptr(GString) name = g_string_new(NULL);

    /* The heading names the file of most. */
    if (same_file(option->origin, section->origin))
        g_string_append_printf(place, "%u", option->origin.line);
    else
        append_origin(place, option->origin);
    text_append_printable(name, option->name);
    g_string_append_printf(report->out, "%6s  %s", place->str, name->str);
    int padding = report->option_width - (int)g_utf8_strlen(name->str, -1);
    g_string_append_printf(report->out, "%*s  ", MAX(padding, 0), "");
    append_becomes(report->out, section, option, units);
    g_string_append_c(report->out, '\n');
}

static void append_unit_names(const Report *report, const SectionUnits *units)
{
    size_t count = units->units->len;

    if (count == 0)
        return;
    g_string_append_printf(report->out, "        unit%s %s", plural(count), (char *)units->units->pdata[0]);
    if (count > 1)
        g_string_append_printf(report->out, "%s%s", count > 2 ? " … " : ", ",
                               (char *)units->units->pdata[count - 1]);
    if (count > 2)
        g_string_append_printf(report->out, " (%zu)", count);
    g_string_append_c(report->out, '\n');
}

static void append_section(const Report *report, const RawSection *section)
{
    g_auto(SectionUnits) units = units_of_section(report, section->name);
    g_autofree char *heading = g_strdup_printf("[%s]", section->name);

    append_coloured(report->out, report->colour, BOLD, heading);
    g_string_append(report->out, "  ");
    append_origin(report->out, section->origin);
    if (option_section_kind(section->name) == SECTION_UNKNOWN)
        g_string_append(report->out, "  unknown section, ignored");
    g_string_append_c(report->out, '\n');
    append_unit_names(report, &units);
    for (size_t i = 0; i < section->option_count; i++)
        append_option(report, section, &section->options[i], &units);
    g_string_append_c(report->out, '\n');
}

/* As wide as the longest name; rubbish that is longer than any option just sticks out. */
static int option_width(const Config *config)
{
    size_t width = 0;

    for (size_t i = 0; i < config_section_count(config); i++) {
        const RawSection *section = config_section(config, i);
        for (size_t j = 0; j < section->option_count; j++) {
            size_t length = strlen(section->options[j].name);
            if (length <= OPTION_WIDTH)
                width = MAX(width, length);
        }
    }
    return (int)width;
}

char *report_options(const Plan *plan, const MappingContext *context, bool colour)
{
    const Config *config = plan_config(plan);
    g_autoptr(GHashTable) sections = processes_by_section(plan);
    Report report = {.by_section = sections,
                     .context = context,
                     .colour = colour,
                     .option_width = option_width(config),
                     .out = g_string_new(NULL)};

    for (size_t i = 0; i < config_section_count(config); i++)
        append_section(&report, config_section(config, i));
    return g_string_free(report.out, FALSE);
}

/* Diagnostics */

/* The oracle's messages end in the place, which stands before them here: the length without it. */
static size_t length_without_place(const Diagnostic *diagnostic)
{
    size_t length = strlen(diagnostic->text);

    if (!diagnostic->file)
        return length;
    g_autofree char *file = text_repr(diagnostic->file);
    g_autofree char *line = g_strdup_printf(", line: %u", diagnostic->line);
    g_autofree char *place = g_strdup_printf(" (file: %s%s)", file, diagnostic->line > 0 ? line : "");
    return g_str_has_suffix(diagnostic->text, place) ? length - strlen(place) : length;
}

static void append_diagnostic(GString *out, const Diagnostic *diagnostic, bool colour)
{
    bool error = diagnostic->severity == SEVERITY_ERROR;

    if (diagnostic->file) {
        append_origin(out, (Origin){diagnostic->file, diagnostic->line});
        g_string_append(out, ": ");
    }
    append_coloured(out, colour, error ? RED : YELLOW, error ? "error:" : "warning:");
    g_string_append_c(out, ' ');
    g_autofree char *text = g_strndup(diagnostic->text, length_without_place(diagnostic));
    text_append_printable(out, text);
    g_string_append_c(out, '\n');
}

static int compare_places(const void *a, const void *b)
{
    const Diagnostic *left = *(const Diagnostic *const *)a, *right = *(const Diagnostic *const *)b;
    int files = g_strcmp0(left->file, right->file);

    return files != 0 ? files : (left->line > right->line) - (left->line < right->line);
}

/* In the order of the files; stable, so that several of one line stay in the order of discovery. */
static GPtrArray *sorted_diagnostics(const Diagnostics *diagnostics)
{
    GPtrArray *sorted = g_ptr_array_new();

    for (size_t i = 0; i < diagnostics_count(diagnostics); i++) {
        if (diagnostics_get(diagnostics, i)->severity != SEVERITY_INFO)
            g_ptr_array_add(sorted, (void *)diagnostics_get(diagnostics, i));
    }
    g_ptr_array_sort(sorted, compare_places);
    return sorted;
}

char *report_diagnostics(const Diagnostics *diagnostics, bool colour)
{
    g_autoptr(GPtrArray) sorted = sorted_diagnostics(diagnostics);
    GString *out = g_string_new(NULL);
    size_t errors = 0, warnings = 0;

    for (size_t i = 0; i < sorted->len; i++) {
        const Diagnostic *diagnostic = sorted->pdata[i];
        *(diagnostic->severity == SEVERITY_ERROR ? &errors : &warnings) += 1;
        append_diagnostic(out, diagnostic, colour);
    }
    g_string_append_printf(out, "%zu error%s, %zu warning%s\n", errors, plural(errors), warnings,
                           plural(warnings));
    return g_string_free(out, FALSE);
}

int report_status(const Diagnostics *diagnostics)
{
    switch (diagnostics_worst(diagnostics)) {
    case SEVERITY_INFO:
        return 0;
    case SEVERITY_WARNING:
    case SEVERITY_CRITICAL:
        return 1;
    case SEVERITY_ERROR:
        break;
    }
    return 2;
}

/* Units */

static bool is_named(const PlannedProcess *process, const char *name, const Namespec *namespec)
{
    const char *group = process->group->config->name;

    if (strchr(name, ':'))
        return strcmp(group, namespec->group) == 0 &&
               (!namespec->process || strcmp(process->config->name, namespec->process) == 0);
    return strcmp(group, name) == 0 || strcmp(process->config->name, name) == 0 ||
           strcmp(process->config->program, name) == 0;
}

static void append_comment(GString *out, const char *name, const char *value)
{
    if (!value)
        return;
    g_string_append_printf(out, "# %s=", name);
    text_append_printable(out, value);
    g_string_append_c(out, '\n');
}

/* What the unit does not show, because the launcher does it. Values of variables may be secrets. */
static void append_launcher(GString *out, const ProcessConfig *config)
{
    g_autoptr(GString) variables = g_string_new(NULL);
    g_autofree char *umask = config->has_umask ? g_strdup_printf("%03o", (unsigned)config->umask) : NULL;

    for (size_t i = 0; i < config->environment_count; i++)
        g_string_append_printf(variables, "%s%s", i > 0 ? "," : "", config->environment[i].name);
    append_comment(out, "command", config->command);
    append_comment(out, "directory", config->directory);
    append_comment(out, "user", config->user);
    append_comment(out, "umask", umask);
    append_comment(out, "environment", config->environment_count > 0 ? variables->str : NULL);
}

/* The options systemd.PROPERTY. */
static void append_dropin(GString *out, const PlannedProcess *process, const MappingContext *context)
{
    g_autofree char *text = dropin_format(process, context);
    g_autofree char *path = dropin_path(process->unit, context->user_manager);

    if (text)
        g_string_append_printf(out, "\n# %s\n%s", path, text);
}

static char *listen_address(const SocketConfig *socket)
{
    return socket->is_unix ? g_strdup(socket->path) : g_strdup_printf("%s:%u", socket->host, socket->port);
}

static void append_socket(GString *out, const PlannedGroup *group)
{
    g_autofree char *address = listen_address(&group->config->socket);
    g_autoptr(PropertyList) socket = mapping_socket(group, address, false);
    g_autoptr(PropertyList) service = mapping_socket_service(group);
    g_autofree char *socket_text = unitfile_format(group->socket_unit, socket);
    g_autofree char *service_text = unitfile_format(group->socket_service, service);

    g_string_append(out, out->len > 0 ? "\n# " : "# ");
    text_append_printable(out, group->config->name);
    g_string_append_printf(out, ": socket\n# %s\n%s\n# %s\n%s", group->socket_unit, socket_text,
                           group->socket_service, service_text);
}

static void append_unit(GString *out, const PlannedProcess *process, const MappingContext *context)
{
    g_string_append(out, out->len > 0 ? "\n# " : "# ");
    text_append_printable(out, process->namespec);
    g_string_append(out, ": [");
    text_append_printable(out, process->config->section);
    g_string_append(out, "] in ");
    append_origin(out, process->config->origin);
    g_string_append_c(out, '\n');
    append_launcher(out, process->config);
    if (process->config->kind == PROGRAM_EVENTLISTENER) {
        g_string_append_printf(out, "# %s, below %s: an event listener is a child of the daemon\n",
                               process->unit, process->group->slice);
        append_dropin(out, process, context);
        return;
    }
    g_autoptr(PropertyList) properties = mapping_service(process, context);
    g_autofree char *text = unitfile_format_brief(process->unit, properties);
    g_string_append_printf(out, "# %s\n%s", process->unit, text);
    append_dropin(out, process, context);
}

char *report_units(const Plan *plan, const MappingContext *context, const char *name)
{
    g_autoptr(GString) out = g_string_new(NULL);
    const PlannedGroup *shown = NULL; /* its socket is */
    Namespec namespec = {0};

    if (name && namespec_split(name, &namespec) < 0)
        g_error("out of memory");
    for (size_t i = 0; i < plan_group_count(plan); i++) {
        const PlannedGroup *group = plan_group(plan, i);
        for (size_t j = 0; j < group->process_count; j++) {
            if (name && !is_named(&group->processes[j], name, &namespec))
                continue;
            if (group->socket_unit && shown != group)
                append_socket(out, group);
            append_unit(out, &group->processes[j], context);
            shown = group;
        }
    }
    namespec_clear(&namespec);
    return name && out->len == 0 ? NULL : g_strdup(out->str);
}
