#include "ctl/command.h"

#include <errno.h>
#include <string.h>

#include "ctl/argument.h"
#include "ctl/cmd.h"

#define COMMAND_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

static const CommandRow rows[] = {
    {"add", cmd_add, COMPLETE_GROUPS,
     "add <name> [...]\tBring new processes or groups of the read configuration to life"},
    {"avail", cmd_avail, COMPLETE_NOTHING,
     "avail\t\t\tList the processes of the configuration, in use or not"},
    {"clear", cmd_clear, COMPLETE_PROCESSES,
     "clear <name>\t\tEmpty the log files of one process\n"
     "clear <name> <name>\tEmpty the log files of several processes\n"
     "clear all\t\tEmpty the log files of every process"},
    {"exit", cmd_quit, COMPLETE_NOTHING, "exit\tLeave the shell"},
    {"fg", cmd_fg, COMPLETE_PROCESSES,
     "fg <process>\tSee what a process prints and type into it\n"
     "\t\tCtrl-C leaves it alone again"},
    {"help", cmd_help, COMPLETE_COMMANDS,
     "help\t\tList the actions\n"
     "help <action>\tSay what an action does"},
    {"maintail", cmd_maintail, COMPLETE_NOTHING,
     "maintail -f \tFollow the daemon's own log (Ctrl-C ends it)\n"
     "maintail -100\tthe last 100 *bytes* of the daemon's own log\n"
     "maintail\tthe last 1600 *bytes* of the daemon's own log\n"},
    {"open", cmd_open, COMPLETE_NOTHING,
     "open <url>\tTalk to another supervisord from now on\n"
     "\t\t(unix:///path or http://host:port)"},
    {"pid", cmd_pid, COMPLETE_PROCESSES,
     "pid\t\t\tShow the PID of supervisord\n"
     "pid <name>\t\tShow the PID of one process\n"
     "pid all\t\t\tShow the PIDs of all processes, a line each"},
    {"quit", cmd_quit, COMPLETE_NOTHING, "quit\tLeave the shell"},
    {"reload", cmd_reload, COMPLETE_NOTHING, "reload \t\tStop everything and start supervisord anew"},
    {"remove", cmd_remove, COMPLETE_GROUPS, "remove <name> [...]\tForget stopped processes or groups"},
    {"reread", cmd_reread, COMPLETE_NOTHING,
     "reread \t\t\tRead the configuration again and say what differs, no more"},
    {"restart", cmd_restart, COMPLETE_PROCESSES,
     "restart <name>\t\tStop and start a process\n"
     "restart <gname>:*\tStop and start the processes of a group\n"
     "restart <name> <name>\tStop and start several processes or groups\n"
     "restart all\t\tStop and start every process\n"
     "Note: the configuration is not read again; reread and update do that."},
    {"shutdown", cmd_shutdown, COMPLETE_NOTHING, "shutdown \tStop everything, supervisord included"},
    {"signal", cmd_signal, COMPLETE_PROCESSES,
     "signal <signal name> <name>\t\tSend a signal to a process\n"
     "signal <signal name> <gname>:*\t\tSend it to the processes of a group\n"
     "signal <signal name> <name> <name>\tSend it to several processes or groups\n"
     "signal <signal name> all\t\tSend it to every process"},
    {"start", cmd_start, COMPLETE_PROCESSES,
     "start <name>\t\tStart one process\n"
     "start <gname>:*\t\tStart the processes of a group\n"
     "start <name> <name>\tStart several processes or groups\n"
     "start all\t\tStart every process"},
    {"status", cmd_status, COMPLETE_PROCESSES,
     "status <name>\t\tShow the state of one process\n"
     "status <gname>:*\tShow the states of a group's processes\n"
     "status <name> <name>\tShow the states of several processes\n"
     "status\t\t\tShow the states of all processes"},
    {"stop", cmd_stop, COMPLETE_PROCESSES,
     "stop <name>\t\tStop one process\n"
     "stop <gname>:*\t\tStop the processes of a group\n"
     "stop <name> <name>\tStop several processes or groups\n"
     "stop all\t\tStop every process"},
    {"tail", cmd_tail, COMPLETE_PROCESSES,
     "tail [-f] <name> [stdout|stderr] (default stdout)\n"
     "Ex:\n"
     "tail -f <name>\t\tFollow what the process prints to stdout\n"
     "\t\t\tCtrl-C ends it.\n"
     "tail -100 <name>\tthe last 100 *bytes* of its stdout\n"
     "tail <name> stderr\tthe last 1600 *bytes* of its stderr"},
    {"update", cmd_update, COMPLETE_GROUPS,
     "update\t\t\tRead the configuration again and make it so; what changed is restarted\n"
     "update all\t\tThe same\n"
     "update <gname> [...]\tThe same for these groups only"},
    {"version", cmd_version, COMPLETE_NOTHING, "version\t\t\tShow the version of the supervisord we talk to"},
};

#define PATTERN(usage)                                                                                       \
    usage " '<pattern>'\tThe same for each process that a shell pattern fits, as 'web*' or 'web:*_0?';\n"    \
          "\t\t\twhat is literally called so comes first, and * alone is no pattern"

static const CommandAddition additions[] = {
    {"clear", NULL, PATTERN("clear")},
    {"restart", "--rolling",
     PATTERN("restart") "\n"
                        "restart --rolling <gname>\tOne process after the other, by their priorities: each "
                        "is RUNNING before\n"
                        "\t\t\tthe next is touched, and a failure ends it.\n"
                        "\t\t\tAlso for <name>, <gname>:*, '<pattern>', several of these, all"},
    {"signal", NULL, PATTERN("signal <signal name>")},
    {"start", NULL, PATTERN("start")},
    {"status", "--json",
     PATTERN("status") "\n"
                       "status --json [<name>]\tThe same as a JSON array of what getProcessInfo tells"},
    {"stop", NULL, PATTERN("stop")},
    {"tail", NULL,
     "tail [-f] '<pattern>' [stdout|stderr]\tThe same for the one process that a shell pattern fits"},
    {"update", "--minimal",
     "update --minimal [<gname> ...]\tThe same, but within a group only the processes that differ are "
     "touched"},
};

const CommandRow *command_rows(size_t *ret_count)
{
    *ret_count = G_N_ELEMENTS(rows);
    return rows;
}

const CommandRow *command_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

const CommandAddition *command_find_addition(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(additions); i++)
        if (strcmp(additions[i].name, name) == 0)
            return &additions[i];
    return NULL;
}

void command_show_help(Controller *controller, const char *name)
{
    const CommandRow *row = command_find(name);

    if (row)
        controller_output(controller, "%s", row->help);
}

/* "EOF" is what the end of input stands for, and who types it gets the same. */
static CommandHandler find_handler(const char *name)
{
    const CommandRow *row = command_find(name);

    if (strcmp(name, "EOF") == 0)
        return cmd_quit;
    return row ? row->run : NULL;
}

static int tell_raised(Controller *controller)
{
    g_autofree char *raised = controller_take_raised(controller);

    controller_output(controller, "error: %s", raised);
    controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
    return 0;
}

/* The daemon wants a name and a password. Returns 1 when the user gave some, otherwise what the command ends
 * with. */
static int ask_credentials(Controller *controller)
{
    g_autofree char *username = NULL, *password = NULL;
    int r = controller_ask(controller, "Username:", &username);

    if (r >= 0)
        r = controller_ask_password(controller, "Password:", &password);
    if (r == -EINTR)
        return r;
    if (r < 0)
        return tell_raised(controller);
    controller_output(controller, "%s", "");
    controller_set_credentials(controller, username, password);
    return 1;
}

static int run_handler(Controller *controller, CommandHandler run, const char *arguments)
{
    bool refused = false;
    int r;

    for (;;) {
        r = run(controller, arguments);
        if (r >= 0 || r == -EINTR)
            return r;
        if (r != -EACCES || refused)
            return tell_raised(controller);
        controller_output(controller, "Server requires authentication");
        if (controller_settings(controller)->interactive) {
            r = ask_credentials(controller);
            if (r <= 0)
                return r;
        } else {
            /* The oracle tries again all the same, so that the user sees the second refusal as an error. */
            refused = true;
        }
    }
}

int command_execute(Controller *controller, const char *line)
{
    g_autofree char *stripped = argument_strip(line), *name = NULL, *arguments = NULL;
    CommandHandler run;
    size_t length;

    if (!*stripped)
        return 0;
    if (*stripped == '?') {
        char *help = g_strconcat("help ", stripped + 1, NULL);
        g_free(stripped);
        stripped = help;
    }
    length = strspn(stripped, COMMAND_CHARACTERS);
    name = g_strndup(stripped, length);
    arguments = argument_strip(stripped + length);
    run = find_handler(name);
    if (!run) {
        controller_output(controller, "*** Unknown syntax: %s", stripped);
        controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
        return 0;
    }
    return run_handler(controller, run, arguments);
}
