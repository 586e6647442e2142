#include "translator/known_plugin.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static const struct {
    const char *package; /* of the factory */
    PluginKind kind;
    const char *instead;
} known[] = {
    {"supervisorwildcards", PLUGIN_CTL,
     "supervisorctl takes shell patterns itself: supervisorctl restart 'web*'"},
    {"supervisorserialrestart", PLUGIN_CTL, "supervisorctl restart --rolling does the same"},
    {"supervisor_twiddler", PLUGIN_RPC,
     "change the configuration file and run supervisorctl update; what twiddler.log wrote, logger(1) can "
     "write"},
    {"supervisor_twiddler", PLUGIN_CTL, "change the configuration file and run supervisorctl update"},
    {"supervisor_loader", PLUGIN_RPC, "write a file that [include] names and run supervisorctl update"},
    {"supervisor_filemanager", PLUGIN_RPC, "write a file that [include] names and run supervisorctl update"},
    {"supervisor_sysinfo", PLUGIN_RPC, "systemd-cgtop and systemctl status show what programs use"},
    {"mr.laforge", PLUGIN_RPC, "supervisorctl start NAME, whose exit status tells, does what kickstart did"},
    {"mr.laforge", PLUGIN_CTL, "supervisorctl start NAME, whose exit status tells, does what kickstart did"},
    {"supvisors", PLUGIN_RPC, "a program on several hosts wants an orchestrator, or Supervisor itself"},
    {"supvisors", PLUGIN_CTL, "a program on several hosts wants an orchestrator, or Supervisor itself"},
};

static const char *const for_any[] = {
    [PLUGIN_RPC] = "take the section out; what calls these methods needs another way, or Supervisor itself",
    [PLUGIN_CTL] =
        "take the section out; a script that calls supervisorctl or its XML-RPC methods can do such things",
};

static bool is_of(const char *factory, const char *package)
{
    size_t length = strlen(package);

    return strncmp(factory, package, length) == 0 && strchr(".:", factory[length]);
}

const char *known_plugin_instead(PluginKind kind, const char *factory)
{
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        if (known[i].kind == kind && is_of(factory, known[i].package))
            return known[i].instead;
    }
    return for_any[kind];
}
