/* supersede-adopt: `supersede adopt` executes it. Finds the supervisord of the old kind that runs on this
 * host, asks it what it has, and becomes the supervisord of ours that takes its place (bridge/adoption.h). */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/install_path.h"
#include "ctl/legacy_ask.h"
#include "translator/host_daemon.h"
#include "translator/path.h"
#include "translator/plan.h"

enum { STATUS_OK = 0, STATUS_ERROR = 2 };

G_GNUC_PRINTF(1, 2) static int complain(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fprintf(stderr, "supersede: %s\n", text);
    return STATUS_ERROR;
}

/* Which daemon
 * ------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const HostDaemon *daemon, const char *configuration)
{
    return daemon->pid > 0 && !daemon->ours && daemon->configuration &&
           (!configuration || strcmp(daemon->configuration, configuration) == 0);
}

static int complain_of_several(const GPtrArray *daemons, const char *configuration)
{
    complain("several run here: say which one by its configuration");
    for (unsigned i = 0; i < daemons->len; i++) {
        const HostDaemon *daemon = g_ptr_array_index(daemons, i);
        if (is_wanted(daemon, configuration))
            fprintf(stderr, "    pid %d: %s\n", (int)daemon->pid, daemon->configuration);
    }
    return STATUS_ERROR;
}

/* What another user's process is cannot be seen, nor can its place be taken. */
static bool is_foreign(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d", (int)pid);
    struct stat status;

    return geteuid() != 0 && stat(path, &status) >= 0 && status.st_uid != geteuid();
}

static int choose(const GPtrArray *daemons, const char *configuration, const HostDaemon **ret)
{
    const HostDaemon *chosen = NULL;

    for (unsigned i = 0; i < daemons->len; i++) {
        const HostDaemon *daemon = g_ptr_array_index(daemons, i);
        if (!is_wanted(daemon, configuration))
            continue;
        if (chosen)
            return complain_of_several(daemons, configuration);
        chosen = daemon;
    }
    if (!chosen && configuration)
        return complain("no supervisord of the old kind runs with %s here", configuration);
    if (!chosen)
        return complain("no supervisord of the old kind runs here");
    if (is_foreign(chosen->pid))
        return complain("the supervisord with pid %d runs as another user: become root", (int)chosen->pid);
    *ret = chosen;
    return STATUS_OK;
}

/* Whoever may write the configuration says what will run here with our privileges. What was only found is to
 * be the work of somebody who has those anyway. */
static int check_trust(const HostDaemon *daemon, bool named)
{
    struct stat status;

    if (named || stat(daemon->configuration, &status) < 0)
        return STATUS_OK;
    if ((status.st_uid == 0 || status.st_uid == geteuid()) && !(status.st_mode & S_IWOTH))
        return STATUS_OK;
    return complain("%s, which pid %d runs with, can be changed by others: name it if you mean it",
                    daemon->configuration, (int)daemon->pid);
}

static int read_plan(const char *path, Plan **ret)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Config) config = NULL;

    if (config_load_daemon(path, config_host_real(), diagnostics, &config) < 0) {
        const Diagnostic *error = diagnostics_first_error(diagnostics);
        return complain("%s", error ? error->text : "the configuration cannot be read");
    }
    if (plan_new(config, config_daemon(config)->identifier, ret) < 0)
        return complain("identifier is too long for the names of units");
    return STATUS_OK;
}

static int ask(const HostDaemon *daemon, const Plan *plan, LegacyDaemon **ret)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Config) client = NULL;
    g_autofree char *problem = NULL;

    (void)config_load_client(daemon->configuration, config_host_real(), diagnostics, &client);
    g_auto(DaemonAddress) address = daemon_address_find(plan_config(plan), client);
    if (legacy_ask(&address, ret, &problem) < 0)
        return complain("the supervisord with pid %d does not answer at %s: %s", (int)daemon->pid,
                        address.url, problem);
    if ((*ret)->pid != daemon->pid)
        return complain("at %s answers pid %d and not the supervisord with pid %d", address.url,
                        (int)(*ret)->pid, (int)daemon->pid);
    return STATUS_OK;
}

/* What will be done
 * -------------------------------------------------------------------------------------------------- */

static const PlannedProcess *find_planned(const Plan *plan, const LegacyProcess *process)
{
    const PlannedGroup *group = plan_find_group(plan, process->group);

    for (size_t i = 0; group && i < group->process_count; i++) {
        if (strcmp(group->processes[i].config->name, process->name) == 0)
            return &group->processes[i];
    }
    return NULL;
}

static const char *describe(const LegacyProcess *process, const PlannedProcess *planned)
{
    if (!planned)
        return process->pid > 0 ? "NOT IN THE CONFIGURATION: put it back there, or stop it first"
                                : "is not in the configuration any more and goes";
    if (planned->config->kind == PROGRAM_EVENTLISTENER)
        return process->pid > 0 ? "event listener: is started anew" : "stays as it is";
    if (process->pid > 0)
        return "runs on in a scope; a service from its next start on";
    return process->state == PROCESS_BACKOFF ? "is started again at once" : "stays as it is";
}

/* Returns how many stand in the way. */
static unsigned print_processes(const LegacyDaemon *legacy, const Plan *plan)
{
    unsigned obstacles = 0;

    for (unsigned i = 0; i < legacy->processes->len; i++) {
        const LegacyProcess *process = g_ptr_array_index(legacy->processes, i);
        const PlannedProcess *planned = find_planned(plan, process);
        g_autofree char *name = strcmp(process->group, process->name) == 0
                                    ? g_strdup(process->name)
                                    : g_strconcat(process->group, ":", process->name, NULL);
        g_autofree char *pid = process->pid > 0 ? g_strdup_printf("pid %d", (int)process->pid) : g_strdup("");
        g_autofree char *line =
            g_strdup_printf("  %-32s %-9s %-11s %s", name, process_state_name(process->state), pid,
                            describe(process, planned));
        g_autofree char *shown = g_utf8_make_valid(line, -1);
        puts(shown);
        obstacles += process->pid > 0 && !planned;
    }
    return obstacles;
}

static int print_intention(const HostDaemon *daemon, const LegacyDaemon *legacy, const Plan *plan)
{
    printf("supervisord, pid %d, %s\n\n", (int)daemon->pid, daemon->configuration);
    unsigned obstacles = print_processes(legacy, plan);
    printf("\nWhat adopting does:\n"
           "   1  keep %s from restarting or stopping anything (a drop-in below /run)\n"
           "   2  put each program with its children into a scope of its own, below %s\n"
           "   3  stop the old daemon where it stands (SIGSTOP) and look at its children once more\n"
           "   4  duplicate its ends of the programs' pipes, and its listening sockets\n"
           "   5  write down the states of all programs\n"
           "      up to here every failure is undone: the old daemon goes on as if nothing had happened\n"
           "   6  end the old daemon (SIGKILL: it takes nobody along), and its event listeners\n"
           "   7  read on from the pipes, into the same log files; answer at the same sockets\n"
           "   8  enable and start the unit of supersede that has this configuration, and disable %s;\n"
           "      where there is none, both stay as they are, and the next boot starts the old daemon\n",
           daemon->unit ? daemon->unit : "its unit (it has none)", plan_slice(plan),
           daemon->unit ? daemon->unit : "its unit (it has none)");
    if (obstacles > 0)
        return complain("%u in the way", obstacles);
    puts("\nNothing was changed.");
    return STATUS_OK;
}

/* Becoming the new one
 * ------------------------------------------------------------------------------------------------ */

/* What the old daemon's programs have inherited from it, ours shall inherit, too. */
static int take_surroundings(pid_t pid)
{
    g_autofree char *directory = g_strdup_printf("/proc/%d/cwd", (int)pid);

    if (chdir(directory) < 0)
        return complain("cannot go to the working directory of pid %d: %s", (int)pid, g_strerror(errno));
    for (int resource = 0; resource < RLIMIT_NLIMITS; resource++) {
        struct rlimit limit;
        if (prlimit(pid, (__rlimit_resource_t)resource, NULL, &limit) == 0)
            (void)setrlimit((__rlimit_resource_t)resource, &limit);
    }
    return STATUS_OK;
}

static char **read_environment(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/environ", (int)pid), *text = NULL;
    g_autoptr(GPtrArray) environment = g_ptr_array_new_with_free_func(g_free);
    gsize size = 0;

    if (!g_file_get_contents(path, &text, &size, NULL))
        return NULL;
    for (size_t at = 0; at < size; at += strlen(text + at) + 1)
        g_ptr_array_add(environment, g_strdup(text + at));
    g_ptr_array_add(environment, NULL);
    return (char **)g_ptr_array_steal(environment, NULL);
}

static bool names_configuration(const char *argument)
{
    return g_str_has_prefix(argument, "-c") || g_str_has_prefix(argument, "--configuration");
}

/* The old one's, but in the background, and with what it found where it was. */
static char **make_arguments(const HostDaemon *daemon, const char *program, const char *file)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);
    bool configured = false;

    g_ptr_array_add(arguments, g_strdup(program));
    for (char **argument = daemon->arguments; argument && *argument; argument++) {
        if (strcmp(*argument, "-n") == 0 || strcmp(*argument, "--nodaemon") == 0)
            continue;
        bool clustered = g_str_has_prefix(*argument, "-n") && (*argument)[2] != '\0';
        char *kept = clustered ? g_strconcat("-", *argument + 2, NULL) : g_strdup(*argument);
        g_ptr_array_add(arguments, kept);
        configured |= names_configuration(kept);
    }
    if (!configured) {
        g_ptr_array_add(arguments, g_strdup("-c"));
        g_ptr_array_add(arguments, g_strdup(daemon->configuration));
    }
    g_ptr_array_add(arguments, g_strdup("--adopt"));
    g_ptr_array_add(arguments, g_strdup(file));
    g_ptr_array_add(arguments, NULL);
    return (char **)g_ptr_array_steal(arguments, NULL);
}

static int become(const HostDaemon *daemon, const LegacyDaemon *legacy)
{
    CLEANUP_FREE char *bin = NULL;
    g_autofree char *runtime = g_strdup(geteuid() == 0 ? "/run" : g_get_user_runtime_dir());
    g_autofree char *file = g_strdup_printf("%s/supersede-adoption-%d", runtime, (int)daemon->pid);

    int r = install_path_bin(&bin);
    if (r < 0)
        return complain("cannot find its own installation: %s", g_strerror(-r));
    g_autofree char *program = g_build_filename(bin, "supervisord", NULL);
    r = legacy_daemon_write(legacy, file);
    if (r < 0)
        return complain("cannot write %s: %s", file, g_strerror(-r));
    g_auto(GStrv) arguments = make_arguments(daemon, program, file);
    g_auto(GStrv) environment = read_environment(daemon->pid);
    int status = take_surroundings(daemon->pid);
    if (status == STATUS_OK) {
        execve(program, arguments, environment);
        status = complain("cannot execute %s: %s", program, g_strerror(errno));
    }
    (void)unlink(file);
    return status;
}

static int adopt(const char *configuration, bool dry_run)
{
    g_autoptr(GPtrArray) daemons = host_daemon_find();
    g_autoptr(LegacyDaemon) legacy = NULL;
    g_autoptr(Plan) plan = NULL;
    const HostDaemon *daemon = NULL;

    int status = choose(daemons, configuration, &daemon);
    if (status == STATUS_OK)
        status = check_trust(daemon, configuration != NULL);
    if (status == STATUS_OK)
        status = read_plan(daemon->configuration, &plan);
    if (status == STATUS_OK)
        status = ask(daemon, plan, &legacy);
    if (status != STATUS_OK)
        return status;
    return dry_run ? print_intention(daemon, legacy, plan) : become(daemon, legacy);
}

int main(int argc, char *argv[])
{
    static const struct option options[] = {{"dry-run", no_argument, NULL, 'n'}, {0}};
    bool dry_run = false;

    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 'n')
            return complain("usage: supersede adopt [--dry-run] [CONF]");
        dry_run = true;
    }
    if (argc - optind > 1)
        return complain("usage: supersede adopt [--dry-run] [CONF]");
    g_autofree char *configuration = optind < argc ? path_absolute(argv[optind]) : NULL;
    return adopt(configuration, dry_run);
}
