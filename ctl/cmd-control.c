/* What is done to named processes one after the other: start, stop, restart, signal, clear. */
#include "ctl/argument.h"
#include "ctl/cmd.h"
#include "ctl/command.h"
#include "ctl/operation.h"

static int refuse(Controller *controller, const char *command, const char *message, ExitStatus status)
{
    controller_output(controller, "%s", message);
    controller_set_exit_status(controller, status);
    command_show_help(controller, command);
    return 0;
}

int cmd_start(Controller *controller, const char *arguments)
{
    g_auto(GStrv) names = argument_split(arguments);
    int r = controller_check_up(controller);

    if (r <= 0)
        return r;
    if (!names[0])
        return refuse(controller, "start", "Error: start requires a process name",
                      EXIT_STATUS_INVALID_ARGUMENTS);
    return operation_run(controller, &operation_start, names, NULL);
}

int cmd_stop(Controller *controller, const char *arguments)
{
    g_auto(GStrv) names = argument_split(arguments);
    int r = controller_check_up(controller);

    if (r <= 0)
        return r;
    if (!names[0])
        return refuse(controller, "stop", "Error: stop requires a process name", EXIT_STATUS_GENERIC);
    return operation_run(controller, &operation_stop, names, NULL);
}

int cmd_restart(Controller *controller, const char *arguments)
{
    g_auto(GStrv) words = argument_split(arguments);
    bool rolling = argument_take_option(words, "--rolling");
    int r = controller_check_up(controller);

    if (r <= 0)
        return r;
    if (!words[0])
        return refuse(controller, "restart", "Error: restart requires a process name", EXIT_STATUS_GENERIC);
    if (rolling)
        return cmd_restart_rolling(controller, words);
    r = cmd_stop(controller, arguments);
    return r < 0 ? r : cmd_start(controller, arguments);
}

int cmd_signal(Controller *controller, const char *arguments)
{
    g_auto(GStrv) words = argument_split(arguments);
    int r = controller_check_up(controller);

    if (r <= 0)
        return r;
    if (!words[0] || !words[1])
        return refuse(controller, "signal", "Error: signal requires a signal name and a process name",
                      EXIT_STATUS_GENERIC);
    return operation_run(controller, &operation_signal, words + 1, words[0]);
}

int cmd_clear(Controller *controller, const char *arguments)
{
    g_auto(GStrv) names = argument_split(arguments);
    int r = controller_check_up(controller);

    if (r <= 0)
        return r;
    if (!names[0])
        return refuse(controller, "clear", "Error: clear requires a process name", EXIT_STATUS_GENERIC);
    return operation_run(controller, &operation_clear, names, NULL);
}
