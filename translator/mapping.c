#include "translator/mapping.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "common/launch_spec.h"

/* Everything that systemd would otherwise take from system.conf, or that Supervisor does not do. The same for
 * every program. */
typedef struct FixedProperty {
    PropertyKind kind;
    const char *name;
    const char *string;
    uint64_t number;
} FixedProperty;

static const FixedProperty fixed_properties[] = {
    {PROPERTY_STRING, "Type", "simple", 0},
    /* The gate runs as ExecStartPost= for startsecs, and waits between retries: no time limit may cover it.
     */
    {PROPERTY_UINT64, "TimeoutStartUSec", NULL, UINT64_MAX},
    /* Retries are counted by the gate; systemd's own counter is forgotten at every daemon-reload. */
    {PROPERTY_UINT64, "StartLimitIntervalUSec", NULL, 0},
    {PROPERTY_BOOLEAN, "SendSIGKILL", NULL, true},
    /* The launcher opens the program's FIFOs itself. What it or the gate has to say is for the journal. */
    {PROPERTY_STRING, "StandardInput", "null", 0},
    {PROPERTY_STRING, "StandardOutput", "null", 0},
    {PROPERTY_STRING, "StandardError", "journal", 0},
    /* Supervisor sets no limit on the number of tasks and does not stop a program whose worker the kernel
       killed. */
    {PROPERTY_UINT64, "TasksMax", NULL, UINT64_MAX},
    {PROPERTY_STRING, "OOMPolicy", "continue", 0},
    /* The status page and /metrics tell about it; system.conf may have switched it off. CPU time needs no
       switch: the kernel counts it for every cgroup, and newer systemd has no CPUAccounting=. */
    {PROPERTY_BOOLEAN, "MemoryAccounting", NULL, true},
    /* No target wants these units, so `systemctl isolate` would stop them; it does not stop supervisord's
       programs. */
    {PROPERTY_BOOLEAN, "IgnoreOnIsolate", NULL, true},
};

static void add_fixed(PropertyList *list)
{
    for (size_t i = 0; i < G_N_ELEMENTS(fixed_properties); i++) {
        const FixedProperty *fixed = &fixed_properties[i];
        if (fixed->kind == PROPERTY_STRING)
            property_list_add_string(list, fixed->name, fixed->string);
        else if (fixed->kind == PROPERTY_BOOLEAN)
            property_list_add_boolean(list, fixed->name, fixed->number);
        else
            property_list_add_uint64(list, fixed->name, fixed->number);
    }
}

static uint64_t seconds_to_usec(int64_t seconds)
{
    if ((uint64_t)seconds >= UINT64_MAX / G_USEC_PER_SEC)
        return UINT64_MAX;
    return (uint64_t)seconds * G_USEC_PER_SEC;
}

/* systemd writes the description into the unit's file as it is: a line break in a name would begin another
 * setting there, and a backslash at the end would swallow the next one, both at the first daemon-reload. */
static void add_clean_description(PropertyList *list, const char *text)
{
    /* A name may hold any bytes, D-Bus strings only UTF-8. */
    g_autofree char *description = g_utf8_make_valid(text, -1);

    for (char *p = description; *p; p++) {
        if (g_ascii_iscntrl(*p))
            *p = '?';
    }
    property_list_add_string(list, "Description", description);
}

static void add_description(PropertyList *list, const PlannedProcess *process)
{
    g_autofree char *text = g_strdup_printf("%s (Supervisor program)", process->namespec);

    add_clean_description(list, text);
}

/* systemd forgets units that have ended well by its measure, and a bridge that was dead then cannot ask it
 * any more. With one expected exit code nobody needs to; a program that is always restarted has no last end.
 */
static bool end_is_ambiguous(const ProcessConfig *config)
{
    return config->autorestart == AUTORESTART_NEVER ||
           (config->autorestart == AUTORESTART_UNEXPECTED && config->exitcode_count > 1);
}

static void add_commands(PropertyList *list, const PlannedProcess *process, const MappingContext *context)
{
    g_autofree char *spec = mapping_spec_path(process, context->runtime_directory);
    g_autofree char *launcher = g_build_filename(context->libexecdir, "supersede-exec", NULL);
    g_autofree char *gate = g_build_filename(context->libexecdir, "supersede-gate", NULL);

    property_list_add_command(list, "ExecStart", (const char *const[]){launcher, spec, NULL}, false);
    property_list_add_command(list, "ExecStartPost", (const char *const[]){gate, spec, NULL}, false);
    if (end_is_ambiguous(process->config))
        property_list_add_command(list, "ExecStopPost",
                                  (const char *const[]){gate, LAUNCH_SPEC_NOTE_END, spec, NULL}, false);
}

/* autorestart=false: every end is a success, so that nothing is left to restart but what the gate reports by
 * the one signal that is not in the list. glibc keeps the numbers between SIGSYS and SIGRTMIN to itself;
 * systemd would take them for exit codes. */
static void add_never_restart(PropertyList *list)
{
    int32_t codes[256];
    int32_t signals[_NSIG];
    size_t signal_count = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
        codes[i] = (int32_t)i;
    for (int32_t number = 1; number <= SIGRTMAX; number++) {
        if ((number <= SIGSYS || number >= SIGRTMIN) && number != LAUNCH_SPEC_RETRY_SIGNAL)
            signals[signal_count++] = number;
    }
    property_list_add_string(list, "Restart", "on-failure");
    property_list_add_exit_status_set(list, "SuccessExitStatus", codes, G_N_ELEMENTS(codes), signals,
                                      signal_count);
}

static void add_restart_when_unexpected(PropertyList *list, const ProcessConfig *config)
{
    /* Clean ends to systemd, unexpected ones to Supervisor. */
    static const int32_t clean_signals[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE};
    static const int32_t clean_code[] = {0};
    g_autofree int32_t *codes = g_new0(int32_t, config->exitcode_count + 1);
    size_t count = 0;
    bool zero_is_expected = false;

    for (size_t i = 0; i < config->exitcode_count; i++) {
        int code = config->exitcodes[i];
        zero_is_expected = zero_is_expected || code == 0;
        if (code >= 0 && code <= 255)
            codes[count++] = code;
    }
    property_list_add_string(list, "Restart", "on-failure");
    property_list_add_exit_status_set(list, "SuccessExitStatus", codes, count, NULL, 0);
    property_list_add_exit_status_set(list, "RestartForceExitStatus", clean_code, zero_is_expected ? 0 : 1,
                                      clean_signals, G_N_ELEMENTS(clean_signals));
}

static void add_restart(PropertyList *list, const ProcessConfig *config)
{
    /* The gate does the waiting between retries. With startsecs=0 nothing is ever a retry: a second between
     * restarts keeps a program that ends at once from burning the machine. */
    property_list_add_uint64(list, "RestartUSec", config->startsecs > 0 ? 0 : G_USEC_PER_SEC);
    switch (config->autorestart) {
    case AUTORESTART_NEVER:
        add_never_restart(list);
        break;
    case AUTORESTART_UNEXPECTED:
        add_restart_when_unexpected(list, config);
        break;
    case AUTORESTART_ALWAYS:
        property_list_add_string(list, "Restart", "always");
        break;
    }
}

static void add_stop(PropertyList *list, const ProcessConfig *config, bool has_main_process)
{
    /* "mixed" signals the main process and kills the rest when that has ended, so that no orphan outlives a
     * stop. A scope has no main process: there "mixed" would kill everything at once, without a signal. */
    property_list_add_string(list, "KillMode",
                             config->stopasgroup || !has_main_process ? "control-group" : "mixed");
    /* stopsignal=0 is a probe to the oracle: the program is told nothing and killed after stopwaitsecs.
     * systemd takes no 0 but sends SIGCONT after every signal anyway. */
    property_list_add_int32(list, "KillSignal", config->stopsignal > 0 ? config->stopsignal : SIGCONT);
    /* 0 would mean "kill at once" now and "wait for ever" after a daemon-reload. The oracle looks once a
     * second. */
    property_list_add_uint64(list, "TimeoutStopUSec", seconds_to_usec(MAX(config->stopwaitsecs, 1)));
}

/* When the host goes down systemd stops everything at once but for what is ordered: the units of the highest
 * priority first, the bridge last. While programs run the targets are active, each of them wants the one
 * below it. */
static void add_order(PropertyList *list, const PlannedGroup *group, const MappingContext *context)
{
    if (!context->bridge_unit)
        return;
    property_list_add_string_list(list, "Wants", (const char *const[]){group->target, NULL});
    property_list_add_string_list(list, "After",
                                  (const char *const[]){context->bridge_unit, group->target, NULL});
    if (group->upper_target)
        property_list_add_string_list(list, "Before", (const char *const[]){group->upper_target, NULL});
}

PropertyList *mapping_service(const PlannedProcess *process, const MappingContext *context)
{
    PropertyList *list = property_list_new();

    add_description(list, process);
    property_list_add_string(list, "Slice", process->group->slice);
    add_order(list, process->group, context);
    add_fixed(list);
    add_commands(list, process, context);
    add_stop(list, process->config, true);
    add_restart(list, process->config);
    return list;
}

/* Sockets of FastCGI programs
 * -------------------------------------------------------------------------------------- */

static void add_group_description(PropertyList *list, const PlannedGroup *group, const char *what)
{
    g_autofree char *text = g_strdup_printf("%s (%s)", group->config->name, what);

    add_clean_description(list, text);
}

PropertyList *mapping_socket(const PlannedGroup *group, const char *address, bool shared)
{
    const SocketConfig *socket = &group->config->socket;
    PropertyList *list = property_list_new();

    add_group_description(list, group, "FastCGI socket of Supervisor programs");
    property_list_add_string(list, "Slice", group->slice);
    property_list_add_boolean(list, "IgnoreOnIsolate", true);
    property_list_add_listen(list, address);
    property_list_add_uint32(list, "Backlog", socket->backlog > 0 ? (uint32_t)socket->backlog : SOMAXCONN);
    property_list_add_string(list, "FileDescriptorName", LAUNCH_SPEC_SOCKET_NAME);
    if (shared)
        property_list_add_boolean(list, "ReusePort", true);
    if (socket->is_unix)
        property_list_add_uint32(list, "SocketMode", socket->mode & 0777);
    /* At each death of a program the socket wakes up once for a connection that waits; twenty such within two
     * seconds and systemd would close it for good. */
    property_list_add_uint64(list, "TriggerLimitIntervalUSec", 0);
    return list;
}

PropertyList *mapping_socket_service(const PlannedGroup *group)
{
    PropertyList *list = property_list_new();

    add_group_description(list, group, "takes no connection while no program runs");
    property_list_add_string(list, "Slice", group->slice);
    property_list_add_boolean(list, "IgnoreOnIsolate", true);
    property_list_add_string(list, "Type", "oneshot");
    property_list_add_boolean(list, "RemainAfterExit", true);
    property_list_add_uint64(list, "StartLimitIntervalUSec", 0);
    property_list_add_command(list, "ExecStart", (const char *const[]){"/bin/true", NULL}, true);
    return list;
}

char *mapping_sockets(const PlannedGroup *group)
{
    if (!group->socket_unit)
        return NULL;
    /* Where names are listed a backslash has to be doubled. */
    g_auto(GStrv) parts = g_strsplit(group->socket_unit, "\\", -1);
    g_autofree char *name = g_strjoinv("\\\\", parts);
    return g_strdup_printf("Sockets=%s\n", name);
}

PropertyList *mapping_scope(const PlannedProcess *process, const uint32_t *pids, size_t count,
                            const MappingContext *context)
{
    PropertyList *list = property_list_new();

    add_description(list, process);
    property_list_add_string(list, "Slice", process->group->slice);
    property_list_add_uint64(list, "TasksMax", UINT64_MAX);
    property_list_add_boolean(list, "MemoryAccounting", true);
    property_list_add_boolean(list, "IgnoreOnIsolate", true);
    /* Nobody wants to hear of how it ended: the daemon has seen it. */
    property_list_add_string(list, "CollectMode", "inactive-or-failed");
    if (context)
        add_order(list, process->group, context);
    add_stop(list, process->config, false);
    property_list_add_uint32_list(list, "PIDs", pids, count);
    return list;
}

char *mapping_spec_path(const PlannedProcess *process, const char *runtime_directory)
{
    return g_build_filename(runtime_directory, "process", process->file_stem, NULL);
}

bool mapping_is_used(const ProcessConfig *config, const char *option)
{
    return strcmp(option, "exitcodes") != 0 || config->autorestart == AUTORESTART_UNEXPECTED;
}
