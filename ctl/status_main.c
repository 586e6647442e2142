/* supersede-status: the part of `supersede status` that speaks to a daemon; `supersede` executes it. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/side_by_side.h"
#include "translator/host.h"
#include "translator/json_string.h"

enum { STATUS_OK = 0, STATUS_TWICE = 1, STATUS_ERROR = 2 };

static const char *const claims[] = {
    [CLAIM_NOBODY] = "nobody", [CLAIM_DAEMON] = "daemon", [CLAIM_UNIT] = "unit",
    [CLAIM_SAME] = "same",     [CLAIM_TWICE] = "twice",
};

static int complain(const char *text)
{
    fprintf(stderr, "supersede: %s\n", text);
    return STATUS_ERROR;
}

/* Names come from the other side of a network. */
static char *clean(const char *text)
{
    char *valid = g_utf8_make_valid(text, -1);

    for (char *p = valid; *p; p++) {
        if (g_ascii_iscntrl(*p))
            *p = '?';
    }
    return valid;
}

/* Text */

static char *daemon_cell(const SideProcess *process)
{
    if (!process->statename)
        return g_strdup("-");
    if (process->pid == 0)
        return g_strdup(process->statename);
    return g_strdup_printf("%s pid %" G_GINT64_FORMAT, process->statename, process->pid);
}

static char *unit_cell(const SideUnit *unit)
{
    if (unit->pid == 0)
        return g_strdup_printf("%s %s", unit->name, unit->active);
    return g_strdup_printf("%s %s pid %" G_GINT64_FORMAT, unit->name, unit->active, unit->pid);
}

static char *units_cell(const SideProcess *process)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (size_t i = 0; i < process->units->len; i++) {
        g_autofree char *cell = unit_cell(process->units->pdata[i]);
        g_string_append_printf(out, "%s%s", i > 0 ? ", " : "", cell);
    }
    return g_strdup(out->len > 0 ? out->str : "-");
}

static size_t print_text(const SideBySide *side)
{
    size_t twice = 0;

    if (side->problem) {
        g_autofree char *problem = clean(side->problem);
        printf("the daemon at %s does not answer: %s\n\n", side->serverurl, problem);
    }
    printf("%-32s %-24s %s\n", "PROCESS", "DAEMON", "UNIT");
    for (size_t i = 0; i < side->processes->len; i++) {
        const SideProcess *process = side->processes->pdata[i];
        g_autofree char *daemon = daemon_cell(process), *units = units_cell(process);
        g_autofree char *line = g_strdup_printf("%-32s %-24s %s%s", process->name, daemon, units,
                                                process->claim == CLAIM_TWICE ? "  RUNS TWICE" : "");
        g_autofree char *shown = clean(line);
        puts(shown);
        twice += process->claim == CLAIM_TWICE;
    }
    if (twice > 0)
        printf("\n%zu run twice: stop them on one side (supervisorctl stop NAME, or systemctl disable --now "
               "UNIT)\n",
               twice);
    return twice;
}

/* JSON; keys are documented in supersede(1) and stay. */

static void append_key(GString *out, const char *key, const char *value)
{
    g_string_append_printf(out, "\"%s\": ", key);
    json_string_append(out, value);
}

static void append_unit(GString *out, const SideUnit *unit)
{
    g_string_append_c(out, '{');
    append_key(out, "name", unit->name);
    g_string_append_printf(out, ", \"exported\": %s, ", unit->exported ? "true" : "false");
    append_key(out, "active", unit->active);
    g_string_append(out, ", ");
    append_key(out, "sub", unit->sub);
    g_string_append_printf(out, ", \"pid\": %" G_GINT64_FORMAT "}", unit->pid);
}

static void append_process(GString *out, const SideProcess *process)
{
    g_string_append(out, "    {");
    append_key(out, "name", process->name);
    g_string_append(out, ", ");
    append_key(out, "state", process->statename);
    g_string_append_printf(out, ", \"pid\": %" G_GINT64_FORMAT ", ", process->pid);
    append_key(out, "claimed", claims[process->claim]);
    g_string_append(out, ", \"units\": [");
    for (size_t i = 0; i < process->units->len; i++) {
        g_string_append(out, i > 0 ? ", " : "");
        append_unit(out, process->units->pdata[i]);
    }
    g_string_append(out, "]}");
}

static size_t print_json(const SideBySide *side, const char *path)
{
    g_autoptr(GString) out = g_string_new("{\n  ");
    size_t twice = 0;

    append_key(out, "configuration", path);
    g_string_append(out, ",\n  ");
    append_key(out, "serverurl", side->serverurl);
    g_string_append(out, ",\n  ");
    append_key(out, "problem", side->problem);
    g_string_append(out, ",\n  \"processes\": [\n");
    for (size_t i = 0; i < side->processes->len; i++) {
        const SideProcess *process = side->processes->pdata[i];
        g_string_append(out, i > 0 ? ",\n" : "");
        append_process(out, process);
        twice += process->claim == CLAIM_TWICE;
    }
    g_string_append(out, "\n  ]\n}\n");
    fputs(out->str, stdout);
    return twice;
}

static int read_plan(const char *path, Plan **ret_plan)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Config) config = NULL;

    if (config_load_daemon(path, config_host_real(), diagnostics, &config) < 0) {
        const Diagnostic *error = diagnostics_first_error(diagnostics);
        return complain(error ? error->text : "the configuration cannot be read");
    }
    if (plan_new(config, config_daemon(config)->identifier, ret_plan) < 0)
        return complain("identifier is too long for the names of units");
    return STATUS_OK;
}

static int show(const char *path, bool json)
{
    g_autoptr(Plan) plan = NULL;
    g_auto(SideBySide) side = {0};
    g_autofree char *problem = NULL;
    const ExportHost host = host_for_export(geteuid() != 0, "/etc/systemd/system");

    int status = read_plan(path, &plan);
    if (status != STATUS_OK)
        return status;
    if (side_by_side_look(path, plan, &host, &side, &problem) < 0)
        return complain(problem);
    size_t twice = json ? print_json(&side, path) : print_text(&side);
    if (fflush(stdout) == EOF || ferror(stdout))
        return complain(g_strerror(errno));
    return twice > 0 ? STATUS_TWICE : STATUS_OK;
}

int main(int argc, char *argv[])
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
    bool json = false;

    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 'j')
            return complain("usage: supersede status [--json] [CONF]");
        json = true;
    }
    if (argc - optind != 1)
        return complain("usage: supersede status [--json] [CONF]");
    return show(argv[optind], json);
}
