/* The `supersede` program: what a supervisord.conf becomes on systemd, told without touching anything. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_config.h"
#include "common/install_path.h"
#include "translator/config.h"
#include "translator/report.h"
#include "translator/unitname.h"

enum { STATUS_OK = 0, STATUS_ERROR = 2 };

typedef struct Command {
    const char *name;
    const char *arguments;
    int least, most; /* how many arguments it takes */
    int (*run)(char **arguments);
    const char *help;
} Command;

G_GNUC_PRINTF(1, 2) static int complain(const char *format, ...)
{
    va_list arguments;

    fputs("supersede: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return STATUS_ERROR;
}

/* A report that could not be written whole must not look like one that was. */
static int finish(int status)
{
    if (fflush(stdout) == EOF || ferror(stdout))
        return complain("cannot write: %s", g_strerror(errno));
    return status;
}

static bool wants_colour(void)
{
    const char *terminal = getenv("TERM");
    const char *refused = getenv("NO_COLOR");

    return isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb") != 0 && !(refused && *refused);
}

/* What the bridge would put into the units. */
typedef struct Surroundings {
    char *libexec;
    char *runtime;
    MappingContext mapping;
} Surroundings;

static void surroundings_clear(Surroundings *surroundings)
{
    free(surroundings->libexec);
    g_free(surroundings->runtime);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Surroundings, surroundings_clear)

static int surroundings_fill(Surroundings *surroundings, const char *identifier)
{
    bool user_manager = geteuid() != 0;
    const char *base = user_manager ? getenv("XDG_RUNTIME_DIR") : "/run";
    g_autofree char *fallback = g_strdup_printf("/run/user/%u", (unsigned)getuid());
    g_autofree char *directory = unitname_directory(identifier);

    int r = install_path_libexec(&surroundings->libexec);
    if (r < 0)
        return r;
    surroundings->runtime = g_build_filename(base && *base ? base : fallback, "supersede", directory, NULL);
    surroundings->mapping = (MappingContext){.libexecdir = surroundings->libexec,
                                             .runtime_directory = surroundings->runtime,
                                             .user_manager = user_manager};
    return 0;
}

/* Reads and plans; what is wrong is in `diagnostics`, as an error when there is no plan. */
static int read_plan(const char *path, Diagnostics *diagnostics, Plan **ret_plan)
{
    g_autoptr(Config) config = NULL;

    int r = config_load_daemon(path, config_host_real(), diagnostics, &config);
    if (r < 0) {
        if (diagnostics_worst(diagnostics) < SEVERITY_ERROR)
            diagnostics_add(diagnostics, SEVERITY_ERROR, path, 0, NULL, "cannot be read: %s", g_strerror(-r));
        return r;
    }
    const DaemonConfig *daemon = config_daemon(config);
    r = plan_new(config, daemon->identifier, ret_plan);
    if (r < 0) {
        Origin origin = config_option_origin(config, "supervisord", "identifier");
        diagnostics_add(diagnostics, SEVERITY_ERROR, origin.file, origin.line, "supervisord.identifier",
                        "identifier is too long for the names of units");
    }
    return r;
}

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

static int run_check(char **arguments)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Plan) plan = NULL;
    g_auto(Surroundings) surroundings = {0};
    bool colour = wants_colour();

    if (read_plan(arguments[0], diagnostics, &plan) >= 0) {
        int r = surroundings_fill(&surroundings, plan_identifier(plan));
        if (r < 0)
            return complain("cannot find its own installation: %s", g_strerror(-r));
        report_add_findings(plan, diagnostics);
        check_client(arguments[0], plan, diagnostics);
        g_autofree char *options = report_options(plan, &surroundings.mapping, colour);
        fputs(options, stdout);
    }
    g_autofree char *findings = report_diagnostics(diagnostics, colour);
    fputs(findings, stdout);
    return finish(report_status(diagnostics));
}

static int run_show(char **arguments)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Plan) plan = NULL;
    g_auto(Surroundings) surroundings = {0};

    int r = read_plan(arguments[0], diagnostics, &plan);
    if (r < 0) {
        const Diagnostic *error = diagnostics_first_error(diagnostics);
        return complain("%s", error->text);
    }
    r = surroundings_fill(&surroundings, plan_identifier(plan));
    if (r < 0)
        return complain("cannot find its own installation: %s", g_strerror(-r));
    g_autofree char *units = report_units(plan, &surroundings.mapping, arguments[1]);
    if (!units)
        return complain("%s has no program, group or process '%s'", arguments[0], arguments[1]);
    fputs(units, stdout);
    return finish(STATUS_OK);
}

static const Command commands[] = {
    {"check", "CONF", 1, 1, run_check,
     "what becomes of each option of a supervisord.conf; exit status 0, 1 (warnings) or 2 (errors)"},
    {"show", "CONF [PROGRAM]", 1, 2, run_show,
     "the units that would be made: of all, or of a program, a group, group:process or group:*"},
};

static int print_help(void)
{
    puts("usage: supersede COMMAND ARGUMENT...\n");
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        printf("  %s %s\n      %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    puts("  --version\n      print the version\n  --help\n      print this");
    return finish(STATUS_OK);
}

static int print_version(void)
{
    puts("supersede " SUPERSEDE_VERSION);
    return finish(STATUS_OK);
}

static const Command *find_command(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int run(int argc, char **argv)
{
    if (argc < 1)
        return complain("no command (supersede --help lists them)");
    const Command *command = find_command(argv[0]);
    if (!command)
        return complain("unknown command '%s' (supersede --help lists them)", argv[0]);
    if (argc - 1 < command->least || argc - 1 > command->most)
        return complain("usage: supersede %s %s", command->name, command->arguments);
    return command->run(argv + 1);
}

int main(int argc, char *argv[])
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {0},
    };

    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        switch (option) {
        case 'h':
            return print_help();
        case 'V':
            return print_version();
        default:
            if (optopt > 0)
                return complain("unknown option '-%c' (supersede --help lists them)", optopt);
            return complain("unknown option '%s' (supersede --help lists them)", argv[optind - 1]);
        }
    }
    return run(argc - optind, argv + optind);
}
