#include "translator/dropin.h"

#include <string.h>
#include <unistd.h>

#include "translator/property.h"
#include "translator/unitfile.h"

char *dropin_path(const char *unit, bool user_manager)
{
    const char *base = user_manager ? g_getenv("XDG_RUNTIME_DIR") : "/run";
    g_autofree char *fallback = g_strdup_printf("/run/user/%u", (unsigned)getuid());
    g_autofree char *directory = g_strconcat(unit, ".d", NULL);

    return g_build_filename(base && *base ? base : fallback, "systemd", user_manager ? "user" : "system",
                            directory, "50-supersede.conf", NULL);
}

static void append_settings(GString *out, const ProcessConfig *process, bool of_unit)
{
    for (size_t i = 0; i < process->setting_count; i++) {
        const UnitSetting *setting = &process->settings[i];
        if (setting->kind->of_unit == of_unit)
            g_string_append_printf(out, "%s=%s\n", setting->kind->name, setting->value);
    }
}

/* Something that may keep systemd from making a process, or the gate from doing its work. */
static bool touches_execution(const ProcessConfig *process)
{
    for (size_t i = 0; i < process->setting_count; i++) {
        if (!process->settings[i].kind->of_unit && !process->settings[i].kind->of_resources)
            return true;
    }
    return false;
}

/* The gate counts and waits in files of ours and stops the unit: no sandbox of the program's may reach it.
 * The launcher, which lives in that sandbox, tells there why a start failed. */
static void append_own(GString *out, const PlannedProcess *process, const MappingContext *context)
{
    g_autofree char *spec = mapping_spec_path(process, context->runtime_directory);
    g_autofree char *specs = g_path_get_dirname(spec);
    g_autofree char *gate = g_build_filename(context->libexecdir, "supersede-gate", NULL);
    g_autoptr(PropertyList) list = property_list_new();

    property_list_add_command(list, "ExecStartPost", (const char *const[]){gate, spec, NULL}, false);
    g_autofree char *line = unitfile_format_property(property_list_get(list, 0));
    g_string_append_printf(out, "ExecStartPost=\nExecStartPost=+%s\n", strchr(line, '=') + 1);
    /* Asked for alone it would make a mount namespace, which nobody wanted. */
    for (size_t i = 0; i < process->config->setting_count; i++) {
        const char *name = process->config->settings[i].kind->name;
        if (strcmp(name, "ProtectSystem") == 0 || strcmp(name, "ReadOnlyPaths") == 0) {
            g_string_append_printf(out, "ReadWritePaths=-%s\n", specs);
            break;
        }
    }
}

char *dropin_format(const PlannedProcess *process, const MappingContext *context)
{
    const ProcessConfig *config = process->config;
    bool service = config->kind != PROGRAM_EVENTLISTENER;

    g_autofree char *sockets = mapping_sockets(process->group);

    if (config->setting_count == 0 && !sockets)
        return NULL;
    GString *out = g_string_new(config->setting_count > 0 ? "# From systemd.* options of" : "# From");
    g_string_append(out, " supervisord's configuration; written anew at each start.\n");
    g_string_append(out, "[Unit]\n");
    /* What fails before there is a process (a missing EnvironmentFile=, ExecStartPre=) never gets to the
     * gate, so systemd would try for ever and without a pause. */
    if (service && touches_execution(config))
        g_string_append(out, "StartLimitIntervalSec=2\nStartLimitBurst=5\n");
    append_settings(out, config, true);
    g_string_append_printf(out, "\n[%s]\n", service ? "Service" : "Scope");
    if (service && touches_execution(config))
        append_own(out, process, context);
    append_settings(out, config, false);
    if (sockets)
        g_string_append(out, sockets);
    return g_string_free(out, FALSE);
}

/* Without default dependencies nothing else is loaded. */
static const char probe_head[] = "[Unit]\nDefaultDependencies=no\n",
                  probe_middle[] = "[Service]\nExecStart=/bin/true\n";
enum { PROBE_LINES = 2 }; /* of each */

char *dropin_probe(const ProcessConfig *process)
{
    GString *out = g_string_new(probe_head);

    append_settings(out, process, true);
    g_string_append(out, probe_middle);
    append_settings(out, process, false);
    return g_string_free(out, FALSE);
}

const UnitSetting *dropin_probe_line(const ProcessConfig *process, unsigned line)
{
    unsigned at = PROBE_LINES;

    for (int of_unit = 1; of_unit >= 0; of_unit--) {
        for (size_t i = 0; i < process->setting_count; i++) {
            if (process->settings[i].kind->of_unit == (of_unit != 0) && ++at == line)
                return &process->settings[i];
        }
        at += PROBE_LINES;
    }
    return NULL;
}
