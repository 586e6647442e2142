#include "translator/migration.h"

#include <string.h>

#include "common/command.h"
#include "translator/export_service.h"
#include "translator/known_program.h"
#include "translator/options.h"
#include "translator/text.h"
#include "translator/unitname.h"

/* What a rule looks at: one section through its first process, and what that is made of. */
typedef struct Subject {
    const Plan *plan;
    const Config *config;
    const DaemonConfig *daemon;
    const MigrationHost *host;
    const PlannedGroup *group;
    const ProcessConfig *process; /* NULL for rules about the whole */
    char **argv;                  /* of its command; NULL when that cannot be split */
    const char *advice;           /* a rule may set a better one */
} Subject;

/* Returns what is to be told, newly allocated; NULL when the rule does not apply. */
typedef char *(*Rule)(Subject *subject);

typedef struct RuleRow {
    FindingKind kind;
    const char *code;
    Rule rule;
    const char *reason;
    const char *advice;
} RuleRow;

/* Rules about a program */

static char *rule_daemonises(Subject *subject)
{
    const char *advice = subject->argv ? known_program_daemonises((const char *const *)subject->argv) : NULL;

    if (!advice)
        return NULL;
    subject->advice = advice;
    return g_strdup_printf("%s probably goes into the background", subject->argv[0]);
}

static char *rule_pidproxy(Subject *subject)
{
    if (!subject->argv || !known_program_is_pidproxy((const char *const *)subject->argv))
        return NULL;
    return g_strdup_printf("pidproxy stands between systemd and the process of %s", subject->argv[1]);
}

static char *rule_relative(Subject *subject)
{
    const ProcessConfig *process = subject->process;
    const LogConfig *out = &process->log[STREAM_STDOUT], *err = &process->log[STREAM_STDERR];

    if (subject->daemon->directory)
        return NULL;
    if (subject->argv && subject->argv[0] && strchr(subject->argv[0], '/') && *subject->argv[0] != '/')
        return g_strdup_printf("the command %s is relative", subject->argv[0]);
    if (process->directory && *process->directory != '/')
        return g_strdup_printf("the directory %s is relative", process->directory);
    if (out->kind == LOGFILE_PATH && *out->path != '/')
        return g_strdup_printf("the log %s is relative", out->path);
    if (err->kind == LOGFILE_PATH && *err->path != '/')
        return g_strdup_printf("the log %s is relative", err->path);
    return NULL;
}

static char *rule_terminal(Subject *subject)
{
    for (Stream stream = STREAM_STDOUT; stream < STREAM_COUNT; stream++) {
        const LogConfig *log = &subject->process->log[stream];
        if (log->kind == LOGFILE_PATH && export_service_is_terminal(log->path))
            return g_strdup_printf("%s is what the daemon itself writes to", log->path);
    }
    return NULL;
}

static char *rule_needs_root(Subject *subject)
{
    if (subject->host->is_root || !subject->process->user)
        return NULL;
    return g_strdup_printf("user=%s needs a daemon that is root", subject->process->user);
}

static char *rule_same_unit(Subject *subject)
{
    g_autofree char *program = unitname_escape_if_needed(subject->process->program);
    g_autofree char *unit = g_strconcat(program, ".service", NULL);

    if (!subject->host->has_unit(unit, subject->host->user_manager))
        return NULL;
    return g_strdup_printf("there is a %s on this host already", unit);
}

static char *rule_supervisor(Subject *subject)
{
    if (!subject->argv || !known_program_needs_supervisor((const char *const *)subject->argv))
        return NULL;
    return g_strdup("its command speaks to Supervisor");
}

static char *rule_unreadable(Subject *subject)
{
    if (subject->argv && subject->argv[0])
        return NULL;
    return g_strdup("its command cannot be split into words: no start of it will ever succeed");
}

static char *rule_listener(Subject *subject)
{
    if (subject->process->kind != PROGRAM_EVENTLISTENER)
        return NULL;
    subject->advice = (subject->argv ? known_program_replacement((const char *const *)subject->argv) : NULL)
                          ?: subject->advice;
    return g_strdup("an event listener is a child of the daemon and ends with it");
}

static char *rule_no_startsecs(Subject *subject)
{
    if (subject->process->startsecs > 0 || subject->process->autorestart == AUTORESTART_NEVER ||
        subject->process->kind == PROGRAM_EVENTLISTENER)
        return NULL;
    return g_strdup("with startsecs=0 there is a second between restarts");
}

static char *rule_secret(Subject *subject)
{
    for (size_t i = 0; i < subject->process->environment_count; i++) {
        const EnvironmentVariable *variable = &subject->process->environment[i];
        if (known_program_is_secret(variable->name, variable->value))
            return g_strdup_printf("%s looks secret", variable->name);
    }
    return NULL;
}

/* Rules about the whole */

static char *find_plugin(const Subject *subject, size_t count,
                         const PluginConfig *(*get)(const Config *, size_t))
{
    for (size_t i = 0; i < count; i++) {
        const PluginConfig *plugin = get(subject->config, i);
        const Option *row = option_find(plugin->section, "supervisor.rpcinterface_factory");
        if (!row || !row->choices || strcmp(row->choices, plugin->factory) != 0)
            return g_strdup_printf("[%s] is Python code (%s)", plugin->section, plugin->factory);
    }
    return NULL;
}

static char *rule_rpc_plugin(Subject *subject)
{
    return find_plugin(subject, config_rpcinterface_count(subject->config), config_rpcinterface);
}

/* [ctlplugin:x] is read by the client alone: the sections themselves tell. */
static char *rule_ctl_plugin(Subject *subject)
{
    for (size_t i = 0; i < config_section_count(subject->config); i++) {
        const RawSection *section = config_section(subject->config, i);
        if (option_section_kind(section->name) == SECTION_CTLPLUGIN)
            return g_strdup_printf("[%s] is Python code", section->name);
    }
    return NULL;
}

static char *rule_daemon_relative(Subject *subject)
{
    Origin logfile = config_option_origin(subject->config, "supervisord", "logfile");
    const char *path = subject->daemon->logfile;

    if (logfile.file && *path == '/')
        return NULL;
    if (strcmp(path, "syslog") == 0 || *path == '/' || subject->daemon->directory)
        return NULL;
    return g_strdup_printf("the daemon's log %s is relative", path);
}

static char *rule_daemon_user(Subject *subject)
{
    if (subject->host->is_root || !subject->daemon->user)
        return NULL;
    return g_strdup_printf("user=%s of the daemon needs root", subject->daemon->user);
}

static char *rule_children(Subject *subject)
{
    for (size_t i = 0; i < plan_group_count(subject->plan); i++) {
        const PlannedGroup *group = plan_group(subject->plan, i);
        for (size_t j = 0; j < group->process_count; j++) {
            if (!group->processes[j].config->killasgroup)
                return g_strdup("children that a program leaves behind are killed when it ends");
        }
    }
    return NULL;
}

/* A port that only root may listen on. */
#define FIRST_FREE_PORT 1024

static char *privileged_server(const Config *config)
{
    for (size_t i = 0; i < config_server_count(config); i++) {
        const ServerConfig *server = config_server(config, i);
        if (server->is_unix && server->has_chown)
            return g_strdup_printf("chown= of [%s]", server->section);
        if (!server->is_unix && server->port < FIRST_FREE_PORT)
            return g_strdup_printf("port %u of [%s]", server->port, server->section);
    }
    return NULL;
}

static char *privileged_option(const Subject *subject)
{
    if (subject->daemon->user)
        return g_strdup("user= of [supervisord]");
    for (size_t i = 0; i < plan_group_count(subject->plan); i++) {
        const PlannedGroup *group = plan_group(subject->plan, i);
        for (size_t j = 0; j < group->process_count; j++) {
            if (group->processes[j].config->user)
                return g_strdup_printf("user= of [%s]", group->processes[j].config->section);
        }
    }
    return privileged_server(subject->config);
}

static char *rule_root_only(Subject *subject)
{
    g_autofree char *option = privileged_option(subject);

    return option ? g_strdup_printf("only root can run all of it, because of %s", option) : NULL;
}

static char *rule_survival(Subject *subject)
{
    return g_strdup("programs go on, and are restarted, while the daemon is gone, crashes or is upgraded");
}

static char *rule_journal(Subject *subject)
{
    return g_strdup("every line is in the journal as well, under the program's unit: journalctl -u");
}

static char *rule_cgroup(Subject *subject)
{
    return g_strdup("every program has a cgroup: systemctl status and systemd-cgtop show what it uses, and "
                    "systemd.MemoryMax= and its kin limit it");
}

static const RuleRow rules_of_the_whole[] = {
    {FINDING_LOSS, "python-rpc-plugin", rule_rpc_plugin, "there is no Python in the daemon",
     "clients of its methods need Supervisor's own, or systemctl"},
    {FINDING_LOSS, "python-ctl-plugin", rule_ctl_plugin, "there is no Python in supervisorctl",
     "supervisorctl's own commands cover shell patterns, rolling restarts and JSON"},
    {FINDING_LOSS, "relative-daemon-log", rule_daemon_relative,
     "a service of systemd starts in /, not where somebody stood when he started supervisord",
     "give the whole path, or set directory= in [supervisord]"},
    {FINDING_LOSS, "daemon-needs-root", rule_daemon_user, NULL, "run it as root, or take user= out"},
    {FINDING_CHANGE, "root-only", rule_root_only, "a user's own systemd becomes nobody else",
     "keep it with the system's systemd, or take that out before it moves to systemd --user"},
    {FINDING_CHANGE, "no-orphans", rule_children,
     "the cgroup knows them; Supervisor leaves them running unless killasgroup=true",
     "start what is to stay as a program or a unit of its own"},
    {FINDING_GAIN, "survives-daemon", rule_survival, NULL, NULL},
    {FINDING_GAIN, "journal", rule_journal, NULL, NULL},
    {FINDING_GAIN, "resources", rule_cgroup, NULL, NULL},
};

static const RuleRow rules_of_programs[] = {
    {FINDING_LOSS, "bad-command", rule_unreadable, NULL, "mend the quotes of command="},
    {FINDING_LOSS, "daemonises", rule_daemonises,
     "its parent ends at once, which counts as the end of the program; systemd kills what it left behind",
     NULL},
    {FINDING_LOSS, "relative-path", rule_relative,
     "a service of systemd starts in /, not where somebody stood when he started supervisord",
     "give the whole path, or set directory= in [supervisord]"},
    {FINDING_LOSS, "needs-root", rule_needs_root, NULL, "run the daemon as root, or take user= out"},
    {FINDING_CHANGE, "terminal-log", rule_terminal,
     "a service of systemd has the journal there, and no terminal",
     "stdout_logfile=NONE leaves it to the journal"},
    {FINDING_CHANGE, "pidproxy", rule_pidproxy, "a unit's signals can reach every process of it",
     "stopasgroup=true does without pidproxy"},
    {FINDING_CHANGE, "same-unit", rule_same_unit, "both may want the same port and the same files",
     "systemctl disable --now the one that is not wanted"},
    {FINDING_CHANGE, "needs-supervisor", rule_supervisor, "it goes on working, until units are exported",
     "replace supervisorctl by systemctl before supersede export"},
    {FINDING_CHANGE, "listener", rule_listener,
     "listeners live on the daemon's events; exported units have none",
     "OnFailure=, WatchdogSec= or a timer can replace it"},
    {FINDING_CHANGE, "startsecs-zero", rule_no_startsecs,
     "a program that ends at once must not burn the machine", NULL},
    {FINDING_GAIN, "secrets", rule_secret,
     "systemctl show does not tell it, and its exported file has mode 0600", NULL},
};

static void finding_free(void *data)
{
    Finding *finding = data;

    g_free(finding->text);
    g_free(finding);
}

static void apply(Subject *subject, const RuleRow *row, GPtrArray *findings)
{
    subject->advice = row->advice;
    char *text = row->rule(subject);
    if (!text)
        return;

    Finding *finding = g_new0(Finding, 1);
    finding->kind = row->kind;
    finding->code = row->code;
    finding->section = subject->process ? subject->process->section : NULL;
    finding->origin = subject->process ? subject->process->origin : subject->daemon->origin;
    finding->text = text;
    finding->reason = row->reason;
    finding->advice = subject->advice;
    g_ptr_array_add(findings, finding);
}

static void apply_to_process(Subject *subject, const PlannedProcess *process, GPtrArray *findings)
{
    g_auto(GStrv) argv = NULL;

    if (command_split(process->config->command, &argv) != COMMAND_OK)
        argv = NULL;
    subject->process = process->config;
    subject->argv = argv;
    for (size_t i = 0; i < G_N_ELEMENTS(rules_of_programs); i++)
        apply(subject, &rules_of_programs[i], findings);
}

static void apply_to_group(Subject *subject, const PlannedGroup *group, GPtrArray *findings)
{
    const char *last = NULL;

    subject->group = group;
    for (size_t i = 0; i < group->process_count; i++) {
        const PlannedProcess *process = &group->processes[i];
        /* The processes of one section differ by their number alone. */
        if (g_strcmp0(process->config->section, last) != 0)
            apply_to_process(subject, process, findings);
        last = process->config->section;
    }
}

GPtrArray *migration_findings(const Plan *plan, const MigrationHost *host)
{
    GPtrArray *findings = g_ptr_array_new_with_free_func(finding_free);
    Subject subject = {
        .plan = plan, .config = plan_config(plan), .daemon = config_daemon(plan_config(plan)), .host = host};

    for (size_t i = 0; i < G_N_ELEMENTS(rules_of_the_whole); i++)
        apply(&subject, &rules_of_the_whole[i], findings);
    for (size_t i = 0; i < plan_group_count(plan); i++)
        apply_to_group(&subject, plan_group(plan, i), findings);
    return findings;
}

const char *migration_kind_text(FindingKind kind)
{
    static const char *const texts[] = {
        [FINDING_CHANGE] = "changes", [FINDING_LOSS] = "lost", [FINDING_GAIN] = "better"};

    return texts[kind];
}

/* The report */

static void append_finding(GString *out, const Finding *finding, bool colour)
{
    static const char *const colours[] = {
        [FINDING_CHANGE] = "\033[1;33m", [FINDING_LOSS] = "\033[1;31m", [FINDING_GAIN] = "\033[1;32m"};

    g_string_append_printf(out, "  %s%-7s%s  ", colour ? colours[finding->kind] : "",
                           migration_kind_text(finding->kind), colour ? "\033[0m" : "");
    text_append_printable(out, finding->text);
    if (finding->reason)
        g_string_append_printf(out, ": %s", finding->reason);
    g_string_append_c(out, '\n');
    if (finding->advice)
        g_string_append_printf(out, "           -> %s\n", finding->advice);
}

char *migration_report(const GPtrArray *findings, bool colour)
{
    GString *out = g_string_new("On systemd\n");
    const char *last = NULL;

    for (size_t i = 0; i < findings->len; i++) {
        const Finding *finding = findings->pdata[i];
        if (finding->section && g_strcmp0(finding->section, last) != 0) {
            g_string_append_c(out, '[');
            text_append_printable(out, finding->section);
            g_string_append(out, "]\n");
        }
        last = finding->section;
        append_finding(out, finding, colour);
    }
    g_string_append_c(out, '\n');
    return g_string_free(out, FALSE);
}
