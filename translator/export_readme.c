#include "translator/export_readme.h"

#include <string.h>

#include "common/command.h"
#include "translator/known_program.h"

struct ExportReadme {
    GPtrArray *enabled; /* names of units */
    GString *programs;  /* lines of the table */
    GString *lost;
    GString *logrotate;
    GHashTable *rotated; /* paths that are in there */
};

ExportReadme *export_readme_new(void)
{
    ExportReadme *readme = g_new0(ExportReadme, 1);

    readme->enabled = g_ptr_array_new_with_free_func(g_free);
    readme->programs = g_string_new(NULL);
    readme->lost = g_string_new(NULL);
    readme->logrotate = g_string_new(NULL);
    readme->rotated = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return readme;
}

void export_readme_free(ExportReadme *readme)
{
    g_ptr_array_unref(readme->enabled);
    g_string_free(readme->programs, TRUE);
    g_string_free(readme->lost, TRUE);
    g_string_free(readme->logrotate, TRUE);
    g_hash_table_unref(readme->rotated);
    g_free(readme);
}

void export_readme_enable(ExportReadme *readme, const char *unit)
{
    g_ptr_array_add(readme->enabled, g_strdup(unit));
}

void export_readme_program(ExportReadme *readme, const PlannedGroup *group, const ProcessConfig *config,
                           const GPtrArray *units)
{
    const char *first = units->pdata[0], *last = units->pdata[units->len - 1];

    g_string_append_printf(readme->programs, "  %-30s ", config->section);
    if (units->len == 1)
        g_string_append_printf(readme->programs, "%s", first);
    else
        g_string_append_printf(readme->programs, "%s to %s", first, last);
    if (group->config->kind == GROUP_HETEROGENEOUS)
        g_string_append_printf(readme->programs, "  (group %s)", group->config->name);
    g_string_append_c(readme->programs, '\n');
}

static const char *way_out(const ProcessConfig *config)
{
    g_auto(GStrv) argv = NULL;

    if (config->kind != PROGRAM_EVENTLISTENER)
        return "Write its unit by hand.";
    if (command_split(config->command, &argv) != COMMAND_OK)
        argv = NULL;
    return (argv ? known_program_replacement((const char *const *)argv) : NULL)
               ?: "What it did about programs that end, OnFailure= and OnSuccess= of their units can do; "
                  "about programs "
                  "that hang, WatchdogSec=; at fixed times, a timer; about memory, MemoryMax=.";
}

void export_readme_lost(ExportReadme *readme, const ProcessConfig *config, const char *reason)
{
    g_string_append_printf(readme->lost, "  [%s] (%s:%u)\n    %s: %s.\n    Instead: %s\n", config->section,
                           config->origin.file ?: "-", config->origin.line, config->command, reason,
                           way_out(config));
    if (config->kind == PROGRAM_EVENTLISTENER)
        g_string_append(readme->lost, "    To keep it, keep a supervisord for this section alone.\n");
}

/* logrotate reads quotes and backslashes in its own way; such a path is left to the administrator. */
static bool is_plain(const char *path)
{
    for (const char *p = path; *p; p++) {
        if (g_ascii_iscntrl(*p) || strchr("\"'\\*?[]{}", *p))
            return false;
    }
    return true;
}

static void add_rotation(ExportReadme *readme, const LogConfig *log, const DaemonConfig *daemon)
{
    if (log->kind != LOGFILE_PATH || log->maxbytes <= 0 || g_str_has_prefix(log->path, "/dev/") ||
        export_service_is_terminal(log->path))
        return;
    char *path = export_service_path(daemon, log->path);
    if (g_hash_table_contains(readme->rotated, path) || !is_plain(path)) {
        g_free(path);
        return;
    }
    g_hash_table_add(readme->rotated, path);
    g_autofree char *settings =
        g_strdup_printf("{\n    size %" G_GINT64_FORMAT "\n    rotate %" G_GINT64_FORMAT
                        "\n    copytruncate\n    missingok\n    notifempty\n}\n",
                        log->maxbytes, log->backups);
    /* Files that are treated alike, one behind the other, share a block. */
    if (g_str_has_suffix(readme->logrotate->str, settings))
        g_string_truncate(readme->logrotate, readme->logrotate->len - strlen(settings));
    g_string_append_printf(readme->logrotate, "\"%s\"\n%s", path, settings);
}

void export_readme_logs(ExportReadme *readme, const ProcessConfig *config, const DaemonConfig *daemon)
{
    for (Stream stream = STREAM_STDOUT; stream < STREAM_COUNT; stream++)
        add_rotation(readme, &config->log[stream], daemon);
}

char *export_readme_logrotate(const ExportReadme *readme)
{
    if (readme->logrotate->len == 0)
        return NULL;
    return g_strconcat(
        "# Sizes and numbers of files are Supervisor's *_logfile_maxbytes and *_logfile_backups.\n"
        "# logrotate looks when its timer says so, usually once a day.\n",
        readme->logrotate->str, NULL);
}

/* The text */

static void append_diagnostics(GString *out, const Diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics_count(diagnostics); i++) {
        const Diagnostic *diagnostic = diagnostics_get(diagnostics, i);
        if (diagnostic->ours)
            g_string_append_printf(out, "  %s:%u: %s\n", diagnostic->file ?: "-", diagnostic->line,
                                   diagnostic->text);
    }
}

/* In one command, so that systemd sorts them. Names with a backslash in them are for the shell to leave
 * alone. */
static void append_enabled(GString *out, const ExportReadme *readme, const char *systemctl)
{
    if (readme->enabled->len > 0)
        g_string_append_printf(out, "  %s enable --now", systemctl);
    for (size_t i = 0; i < readme->enabled->len; i++) {
        const char *name = readme->enabled->pdata[i];
        g_autofree char *quoted = strchr(name, '\\') ? g_shell_quote(name) : g_strdup(name);
        g_string_append_printf(out, " \\\n      %s", quoted);
    }
    g_string_append_c(out, '\n');
}

static const char general[] =
    "What is different everywhere\n"
    "  - A program that is started has nothing on its standard input: it reads end-of-file at once, where\n"
    "    Supervisor keeps a pipe open.\n"
    "  - There are no SUPERVISOR_* variables, unless the command itself used them, and no XML-RPC, no web "
    "page\n"
    "    and no supervisorctl; scripts that use them need systemctl.\n"
    "  - Everything a program leaves running is killed when it ends or is stopped.\n"
    "  - A program counts as started as soon as it is executed; startsecs only limits how often it may "
    "fail.\n"
    "  - Output that went to automatic files or nowhere goes to the journal: journalctl -u UNIT.\n"
    "  - User= sets HOME, USER, LOGNAME and SHELL.\n"
    "\n"
    "Words\n"
    "  supervisorctl status             systemctl list-units --all, systemctl status UNIT\n"
    "  supervisorctl start|stop NAME    systemctl start|stop UNIT (a group: its .target)\n"
    "  supervisorctl stop all           systemctl stop SLICE\n"
    "  supervisorctl tail -f NAME       journalctl -fu UNIT, or tail -f of the file\n"
    "  supervisorctl reread, update     systemctl daemon-reload, then systemctl restart UNIT\n";

static const char *systemctl_of(const ExportHost *host)
{
    return host->user_manager ? "systemctl --user" : "systemctl";
}

/* The steps of installing, each a line of shell. */
static void append_install(GString *out, const ExportReadme *readme, const ExportHost *host)
{
    g_autofree char *directory = g_shell_quote(host->directory);

    g_string_append_printf(
        out,
        "  find . -maxdepth 1 -type f ! -name README ! -name install ! -name '*.logrotate' -exec cp "
        "-p -t %s {} +\n",
        directory);
    /* logrotate of the system does not act for a user. */
    if (readme->logrotate->len > 0 && !host->user_manager)
        g_string_append(
            out,
            "  for file in *.logrotate; do cp \"$file\" /etc/logrotate.d/\"${file%.logrotate}\"; done\n");
    g_string_append_printf(out, "  %s daemon-reload\n", systemctl_of(host));
}

char *export_readme_script(const ExportReadme *readme, const ExportHost *host)
{
    GString *out = g_string_new("#!/bin/sh\n"
                                "# Installs these units and starts them, in the place of the old daemon: "
                                "sh install UNIT-OF-THE-OLD-DAEMON\n"
                                "set -eu\n"
                                "cd \"$(dirname \"$0\")\"\n");
    g_autofree char *directory = g_shell_quote(host->directory);

    g_string_append_printf(out, "mkdir -p %s\n", directory);
    append_install(out, readme, host);
    g_string_append_printf(out, "  if [ $# -gt 0 ]; then %s disable --now \"$@\"; fi\n", systemctl_of(host));
    append_enabled(out, readme, systemctl_of(host));
    return g_string_free(out, FALSE);
}

char *export_readme_text(const ExportReadme *readme, const Plan *plan, const ExportHost *host,
                         const Diagnostics *diagnostics)
{
    GString *out = g_string_new(NULL);

    g_string_append_printf(out, "Units for the programs of %s\n\n", config_path(plan_config(plan)));
    g_string_append(out, "Install (sh install UNIT-OF-THE-OLD-DAEMON does this and what follows)\n");
    append_install(out, readme, host);
    g_string_append(out, "\nStop the old daemon and keep it from starting again, then enable\n");
    append_enabled(out, readme, systemctl_of(host));
    g_string_append_printf(out, "\nWhat became what (all of it is below %s)\n%s", plan_slice(plan),
                           readme->programs->str);
    if (readme->lost->len > 0)
        g_string_append_printf(out, "\nWhat could not be carried over\n%s", readme->lost->str);
    if (diagnostics_count(diagnostics) > 0) {
        g_string_append(out, "\nNotes\n");
        append_diagnostics(out, diagnostics);
    }
    g_string_append_printf(out, "\n%s", general);
    return g_string_free(out, FALSE);
}
