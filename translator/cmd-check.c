/* supersede check: what becomes of a configuration. */
#include <stdio.h>
#include <string.h>

#include "translator/config.h"
#include "translator/report.h"
#include "translator/supersede.h"

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

int supersede_check(int argc, char **argv)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Plan) plan = NULL;
    g_auto(Surroundings) surroundings = {0};
    bool colour = supersede_wants_colour();

    if (argc != 2)
        return supersede_usage("check");
    if (supersede_read_plan(argv[1], diagnostics, &plan) >= 0) {
        int r = surroundings_fill(&surroundings, plan_identifier(plan));
        if (r < 0)
            return supersede_complain("cannot find its own installation: %s", g_strerror(-r));
        report_add_findings(plan, diagnostics);
        check_client(argv[1], plan, diagnostics);
        g_autofree char *options = report_options(plan, &surroundings.mapping, colour);
        fputs(options, stdout);
    }
    g_autofree char *findings = report_diagnostics(diagnostics, colour);
    fputs(findings, stdout);
    return supersede_finish(report_status(diagnostics));
}
