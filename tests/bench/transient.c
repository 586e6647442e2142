/* systemd's own time for the units that a configuration becomes: asks for all of them as the daemon does,
 * over the same connection and with the same properties, and does nothing else.
 *
 *     transient CONFIGURATION IDENTIFIER LIBEXECDIR start|stop
 *
 * Ends when all units are active, or gone. The launcher's specs are expected below /run/supersede/IDENTIFIER.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/systemd.h"
#include "translator/config.h"
#include "translator/diagnostics.h"
#include "translator/mapping.h"
#include "translator/plan.h"

typedef struct Run {
    sd_event *event;
    Systemd *systemd;
    Plan *plan;
    MappingContext mapping;
    bool stopping;
    GHashTable *open; /* set of the units that are waited for */
} Run;

static void finish(Run *run, const char *unit)
{
    if (g_hash_table_remove(run->open, unit) && g_hash_table_size(run->open) == 0)
        (void)sd_event_exit(run->event, EXIT_SUCCESS);
}

static void on_changed(const char *unit, const UnitSnapshot *snapshot, void *userdata)
{
    Run *run = userdata;

    if (!run->stopping && snapshot->active_state == ACTIVE_STATE_ACTIVE)
        finish(run, unit);
}

static void on_removed(const char *unit, void *userdata)
{
    Run *run = userdata;

    if (run->stopping)
        finish(run, unit);
}

static void on_resynchronise(void *userdata)
{
    Run *run = userdata;

    fprintf(stderr, "transient: systemd reloaded itself\n");
    (void)sd_event_exit(run->event, EXIT_FAILURE);
}

static void on_done(const char *unit, int result, const char *message, void *userdata)
{
    Run *run = userdata;

    if (result >= 0)
        return;
    fprintf(stderr, "transient: %s: %s\n", unit, message ? message : g_strerror(-result));
    (void)sd_event_exit(run->event, EXIT_FAILURE);
}

static int ask(Run *run, const PlannedProcess *process)
{
    g_autoptr(PropertyList) properties = NULL;

    g_hash_table_add(run->open, (char *)process->unit);
    systemd_watch(run->systemd, process->unit);
    if (run->stopping)
        return systemd_stop(run->systemd, process->unit, on_done, run);
    properties = mapping_service(process, &run->mapping);
    return systemd_start_transient(run->systemd, process->unit, properties, on_done, run);
}

static int ask_all(Run *run)
{
    for (size_t i = 0; i < plan_group_count(run->plan); i++) {
        const PlannedGroup *group = plan_group(run->plan, i);
        for (size_t j = 0; j < group->process_count; j++) {
            int r = ask(run, &group->processes[j]);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int load(const char *path, const char *identifier, Plan **ret)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Config) config = NULL;

    int r = config_load_daemon(path, config_host_real(), diagnostics, &config);
    return r < 0 ? r : plan_new(config, identifier, ret);
}

static int work(Run *run, const char *path, const char *identifier)
{
    static const SystemdCallbacks callbacks = {
        .unit_changed = on_changed, .unit_removed = on_removed, .resynchronise = on_resynchronise};

    int r = load(path, identifier, &run->plan);
    if (r >= 0)
        r = sd_event_new(&run->event);
    if (r >= 0)
        r = systemd_new(run->event, false, &callbacks, run, &run->systemd);
    if (r >= 0)
        r = ask_all(run);
    return r < 0 ? r : sd_event_loop(run->event);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: transient CONFIGURATION IDENTIFIER LIBEXECDIR start|stop\n");
        return EXIT_FAILURE;
    }
    g_autofree char *runtime = g_build_filename("/run/supersede", argv[2], NULL);
    g_autoptr(GHashTable) open = g_hash_table_new(g_str_hash, g_str_equal);
    Run run = {.mapping = {.libexecdir = argv[3], .runtime_directory = runtime},
               .stopping = strcmp(argv[4], "stop") == 0,
               .open = open};
    int r = work(&run, argv[1], argv[2]);

    if (r < 0)
        fprintf(stderr, "transient: %s\n", g_strerror(-r));
    systemd_free(run.systemd);
    if (run.event)
        sd_event_unref(run.event);
    g_clear_pointer(&run.plan, plan_unref);
    return r < 0 ? EXIT_FAILURE : r;
}
