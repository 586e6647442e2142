/* The `supersede` program: what a supervisord.conf becomes on systemd, and the way there. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "build_config.h"
#include "translator/supersede.h"

typedef struct Command {
    const char *name;
    const char *arguments;
    int (*run)(int argc, char **argv);
    const char *help;
} Command;

static const Command commands[] = {
    {"check", "[--json] [CONF]", supersede_check,
     "what becomes of each option of a supervisord.conf, and what moving to systemd means for each program;\n"
     "      without CONF of what runs on this host; exit status 0, 1 (warnings) or 2 (errors)"},
    {"show", "CONF [PROGRAM]", supersede_show,
     "the units that would be made: of all, or of a program, a group, group:process or group:*"},
    {"export", "--output DIR [--force] [--user] [--unit-directory DIR] CONF", supersede_export,
     "permanent unit files that need neither Supervisor nor supersede"},
    {"adopt", "[--dry-run] [CONF]", supersede_adopt,
     "takes the place of the supervisord that runs here: its programs run on and do not notice"},
    {"status", "[--json] [CONF]", supersede_status,
     "each process as the daemon tells it beside its units; exit status 1 when something runs twice"},
};

static int print_help(void)
{
    puts("usage: supersede COMMAND ARGUMENT...\n");
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        printf("  %s %s\n      %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    puts("  --version\n      print the version\n  --help\n      print this");
    return supersede_finish(STATUS_OK);
}

static int print_version(void)
{
    puts("supersede " SUPERSEDE_VERSION);
    return supersede_finish(STATUS_OK);
}

static const Command *find_command(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

int supersede_usage(const char *command)
{
    const Command *found = find_command(command);

    g_assert(found);
    return supersede_complain("usage: supersede %s %s", command, found->arguments);
}

static int run(int argc, char **argv)
{
    if (argc < 1)
        return supersede_complain("no command (supersede --help lists them)");
    const Command *command = find_command(argv[0]);
    if (!command)
        return supersede_complain("unknown command '%s' (supersede --help lists them)", argv[0]);
    return command->run(argc, argv);
}

int main(int argc, char *argv[])
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {0},
    };

    opterr = 0;
    /* What follows the command is the command's. */
    for (int option; (option = getopt_long(argc, argv, "+:h", options, NULL)) != -1;) {
        switch (option) {
        case 'h':
            return print_help();
        case 'V':
            return print_version();
        default:
            if (optopt > 0)
                return supersede_complain("unknown option '-%c' (supersede --help lists them)", optopt);
            return supersede_complain("unknown option '%s' (supersede --help lists them)", argv[optind - 1]);
        }
    }
    return run(argc - optind, argv + optind);
}
