/* supersede show: the units that the daemon would make. */
#include <stdio.h>

#include "translator/report.h"
#include "translator/supersede.h"

int supersede_show(int argc, char **argv)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Plan) plan = NULL;
    g_auto(Surroundings) surroundings = {0};

    if (argc < 2 || argc > 3)
        return supersede_usage("show");
    int r = supersede_read_plan(argv[1], diagnostics, &plan);
    if (r < 0) {
        const Diagnostic *error = diagnostics_first_error(diagnostics);
        return supersede_complain("%s", error->text);
    }
    r = surroundings_fill(&surroundings, plan_identifier(plan));
    if (r < 0)
        return supersede_complain("cannot find its own installation: %s", g_strerror(-r));
    g_autofree char *units = report_units(plan, &surroundings.mapping, argc > 2 ? argv[2] : NULL);
    if (!units)
        return supersede_complain("%s has no program, group or process '%s'", argv[1],
                                  argc > 2 ? argv[2] : NULL);
    fputs(units, stdout);
    return supersede_finish(STATUS_OK);
}
