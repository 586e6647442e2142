/* supersede check: what becomes of a configuration, what moving it to systemd means. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "translator/config.h"
#include "translator/host.h"
#include "translator/host_daemon.h"
#include "translator/json_string.h"
#include "translator/migration.h"
#include "translator/report.h"
#include "translator/supersede.h"

typedef struct Check {
    bool json;
    bool looked; /* for the host's own configuration */
    char *path;  /* of the configuration */
    GPtrArray *daemons;
    Diagnostics *diagnostics;
    Plan *plan;          /* NULL when it cannot be read */
    GPtrArray *findings; /* NULL likewise */
    Surroundings surroundings;
} Check;

static void check_clear(Check *check)
{
    g_free(check->path);
    g_clear_pointer(&check->daemons, g_ptr_array_unref);
    diagnostics_free(check->diagnostics);
    plan_unref(check->plan);
    g_clear_pointer(&check->findings, g_ptr_array_unref);
    surroundings_clear(&check->surroundings);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Check, check_clear)

/* [supervisorctl] is read by the client, so only here are its errors seen together with the daemon's. */
static void check_client(const char *path, const Plan *plan, Diagnostics *diagnostics)
{
    const Config *config = plan_config(plan);
    g_autoptr(Config) client = NULL;

    for (size_t i = 0; i < config_section_count(config); i++) {
        if (strcmp(config_section(config, i)->name, "supervisorctl") == 0) {
            (void)config_load_client(path, config_host_real(), diagnostics, &client);
            return;
        }
    }
}

/* Text */

static void print_daemons(const Check *check)
{
    for (size_t i = 0; i < check->daemons->len; i++) {
        const HostDaemon *daemon = check->daemons->pdata[i];
        if (daemon->pid > 0)
            printf("%s runs as pid %d%s%s with %s\n",
                   daemon->ours ? "supersede's supervisord" : "supervisord", (int)daemon->pid,
                   daemon->unit ? " in " : "", daemon->unit ?: "",
                   daemon->configuration ?: "no configuration that is found");
        else
            printf("%s starts supervisord with %s\n", daemon->unit,
                   daemon->configuration ?: "no configuration that is found");
    }
    printf("looking at %s\n\n", check->path);
}

static void print_text(const Check *check)
{
    bool colour = supersede_wants_colour();

    if (check->looked)
        print_daemons(check);
    if (check->plan) {
        g_autofree char *options = report_options(check->plan, &check->surroundings.mapping, colour);
        g_autofree char *migration = migration_report(check->findings, colour);
        fputs(options, stdout);
        fputs(migration, stdout);
    }
    g_autofree char *diagnostics = report_diagnostics(check->diagnostics, colour);
    fputs(diagnostics, stdout);
}

/* JSON: an object of one line per entry; keys are documented in supersede(1) and stay. */

static void append_key(GString *out, const char *key, const char *value)
{
    g_string_append_printf(out, "\"%s\": ", key);
    json_string_append(out, value);
}

static void append_origin(GString *out, const char *file, unsigned line)
{
    append_key(out, "file", file);
    if (line > 0)
        g_string_append_printf(out, ", \"line\": %u", line);
    else
        g_string_append(out, ", \"line\": null");
}

static void begin_item(GString *out)
{
    g_string_append(out, out->str[out->len - 1] == '[' ? "\n    {" : ",\n    {");
}

static void append_daemons(GString *out, const Check *check)
{
    g_string_append(out, "  \"daemons\": [");
    for (size_t i = 0; check->daemons && i < check->daemons->len; i++) {
        const HostDaemon *daemon = check->daemons->pdata[i];
        begin_item(out);
        if (daemon->pid > 0)
            g_string_append_printf(out, "\"pid\": %d, ", (int)daemon->pid);
        else
            g_string_append(out, "\"pid\": null, ");
        append_key(out, "unit", daemon->unit);
        g_string_append(out, ", ");
        append_key(out, "configuration", daemon->configuration);
        g_string_append_printf(out, ", \"ours\": %s}", daemon->ours ? "true" : "false");
    }
    g_string_append(out, "],\n");
}

static void append_diagnostics(GString *out, const Check *check)
{
    static const char *const severities[] = {[SEVERITY_INFO] = "info",
                                             [SEVERITY_WARNING] = "warning",
                                             [SEVERITY_CRITICAL] = "warning",
                                             [SEVERITY_ERROR] = "error"};

    g_string_append(out, "  \"diagnostics\": [");
    for (size_t i = 0; i < diagnostics_count(check->diagnostics); i++) {
        const Diagnostic *diagnostic = diagnostics_get(check->diagnostics, i);
        begin_item(out);
        append_key(out, "severity", severities[diagnostic->severity]);
        g_string_append(out, ", ");
        append_origin(out, diagnostic->file, diagnostic->line);
        g_string_append(out, ", ");
        append_key(out, "option", diagnostic->option);
        g_string_append(out, ", ");
        append_key(out, "text", diagnostic->text);
        g_string_append_c(out, '}');
    }
    g_string_append(out, "],\n");
}

static void append_findings(GString *out, const Check *check)
{
    g_string_append(out, "  \"findings\": [");
    for (size_t i = 0; check->findings && i < check->findings->len; i++) {
        const Finding *finding = check->findings->pdata[i];
        begin_item(out);
        append_key(out, "kind", migration_kind_text(finding->kind));
        g_string_append(out, ", ");
        append_key(out, "code", finding->code);
        g_string_append(out, ", ");
        append_key(out, "section", finding->section);
        g_string_append(out, ", ");
        append_origin(out, finding->origin.file, finding->origin.line);
        g_string_append(out, ", ");
        append_key(out, "text", finding->text);
        g_string_append(out, ", ");
        append_key(out, "reason", finding->reason);
        g_string_append(out, ", ");
        append_key(out, "advice", finding->advice);
        g_string_append_c(out, '}');
    }
    g_string_append(out, "],\n");
}

static void append_processes(GString *out, const Check *check)
{
    g_string_append(out, "  \"processes\": [");
    for (size_t i = 0; check->plan && i < plan_group_count(check->plan); i++) {
        const PlannedGroup *group = plan_group(check->plan, i);
        for (size_t j = 0; j < group->process_count; j++) {
            const PlannedProcess *process = &group->processes[j];
            begin_item(out);
            append_key(out, "name", process->namespec);
            g_string_append(out, ", ");
            append_key(out, "section", process->config->section);
            g_string_append(out, ", ");
            append_origin(out, process->config->origin.file, process->config->origin.line);
            g_string_append(out, ", ");
            append_key(out, "unit", process->unit);
            g_string_append_c(out, '}');
        }
    }
    g_string_append(out, "],\n");
}

static void print_json(const Check *check)
{
    g_autoptr(GString) out = g_string_new("{\n  ");

    append_key(out, "configuration", check->path);
    g_string_append(out, ",\n");
    append_daemons(out, check);
    append_processes(out, check);
    append_findings(out, check);
    append_diagnostics(out, check);
    g_string_append_printf(out, "  \"status\": %d\n}\n", report_status(check->diagnostics));
    fputs(out->str, stdout);
}

/* The command */

static bool parse_options(int argc, char **argv, Check *check)
{
    static const struct option known[] = {{"json", no_argument, NULL, 'j'}, {0}};

    optind = 0;
    for (int option; (option = getopt_long(argc, argv, ":", known, NULL)) != -1;) {
        if (option != 'j')
            return false;
        check->json = true;
    }
    check->path = optind < argc ? g_strdup(argv[optind]) : NULL;
    return argc - optind <= 1;
}

static int find_configuration(Check *check)
{
    check->looked = true;
    check->daemons = host_daemon_find();
    return supersede_choose_configuration(check->daemons, &check->path);
}

static int examine(Check *check)
{
    if (supersede_read_plan(check->path, check->diagnostics, &check->plan) < 0)
        return STATUS_OK;
    int r = surroundings_fill(&check->surroundings, plan_identifier(check->plan));
    if (r < 0)
        return supersede_complain("cannot find its own installation: %s", g_strerror(-r));

    const ExportHost host = host_for_export(geteuid() != 0, NULL);
    const MigrationHost migration = {
        .has_unit = host.has_unit, .is_root = geteuid() == 0, .user_manager = geteuid() != 0};
    report_add_findings(check->plan, check->diagnostics);
    check_client(check->path, check->plan, check->diagnostics);
    check->findings = migration_findings(check->plan, &migration);
    return STATUS_OK;
}

int supersede_check(int argc, char **argv)
{
    g_auto(Check) check = {.diagnostics = diagnostics_new()};

    if (!parse_options(argc, argv, &check))
        return supersede_usage("check");
    int status = check.path ? STATUS_OK : find_configuration(&check);
    if (status == STATUS_OK)
        status = examine(&check);
    if (status != STATUS_OK)
        return status;
    if (check.json)
        print_json(&check);
    else
        print_text(&check);
    return supersede_finish(report_status(check.diagnostics));
}
