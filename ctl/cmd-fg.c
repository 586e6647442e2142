/* fg: both streams of a process on the screen, what is typed into its standard input. */
#include <errno.h>
#include <unistd.h>

#include "common/fault.h"
#include "common/process_state.h"
#include "ctl/argument.h"
#include "ctl/cmd.h"
#include "ctl/command.h"
#include "ctl/interrupt.h"
#include "ctl/record.h"
#include "ctl/stream.h"

static int fail(Controller *controller, const char *message)
{
    controller_output(controller, "ERROR: %s", message);
    controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
    return 0;
}

/* Returns 0 with the process's state, CALL_FAULT, or negative. */
static int fetch_state(Controller *controller, const char *name, int64_t *ret, Reply *fault)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_autofree char *problem = NULL;
    g_auto(ProcessInfo) info = {0};
    int r = controller_call(controller, &value, fault, "supervisor.getProcessInfo", "(s)", name);

    if (r != 0)
        return r;
    if (record_read_process_info(value, &info, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    *ret = info.state;
    return 0;
}

/* Returns 1 when the process runs, 0 when the user was told why not, or negative. */
static int check_running(Controller *controller, const char *name)
{
    g_auto(Reply) fault = {0};
    g_autofree char *text = NULL;
    int64_t state;
    int r = fetch_state(controller, name, &state, &fault);

    if (r < 0)
        return r;
    if (r == 0)
        return state == PROCESS_RUNNING ? 1 : fail(controller, "process not running");
    if (fault.code == FAULT_BAD_NAME)
        return fail(controller, "bad process name supplied");
    text = reply_describe(&fault);
    controller_output(controller, "ERROR: %s", text);
    return 0;
}

/* Sends a line. Returns 1 to go on, 0 when it is over and told, or negative. */
static int send_line(Controller *controller, const char *name, const char *line)
{
    g_autofree char *input = g_strconcat(line, "\n", NULL), *text = NULL;
    g_autoptr(xmlrpc_value) value = NULL;
    g_auto(Reply) fault = {0};
    int64_t state = PROCESS_UNKNOWN;
    int r = controller_call(controller, &value, &fault, "supervisor.sendProcessStdin", "(ss)", name, input);

    if (r == CALL_FAULT && fault.code != FAULT_NOT_RUNNING) {
        text = reply_describe(&fault);
        controller_output(controller, "ERROR: %s\nExiting foreground", text);
        return 0;
    }
    if (r == 0)
        r = fetch_state(controller, name, &state, NULL);
    if (r < 0 || state == PROCESS_RUNNING)
        return r < 0 ? r : 1;
    controller_output(controller, "Process got killed\nExiting foreground");
    return 0;
}

/* Handles the lines that have come. Returns 1 to go on, 0 at the end, or negative. */
static int send_lines(Controller *controller, const char *name)
{
    int r = 1;

    while (r > 0) {
        g_autofree char *line = NULL;

        r = input_take_line(controller_input(controller), &line);
        if (r == -EAGAIN)
            return 1;
        r = r < 0 ? -EINTR : send_line(controller, name, line);
        fflush(controller_stream(controller));
    }
    return r;
}

/* Streams that have ended say so, and the oracle goes on reading what is typed. */
static int talk(Controller *controller, const char *name, LogStream *output, LogStream *errors)
{
    int r = 1;

    while (r > 0) {
        stream_ended(output);
        stream_ended(errors);
        r = send_lines(controller, name);
        if (r <= 0)
            break;
        r = transport_step(controller_transport(controller), STDIN_FILENO);
        if (r > 0)
            r = input_fill(controller_input(controller));
        r = r < 0 ? r : 1;
    }
    /* Ctrl-C and the end of input. */
    if (r == -EINTR) {
        controller_output(controller, "Exiting foreground");
        return 0;
    }
    return r;
}

static LogStream *open_stream(Controller *controller, const char *name, const char *channel)
{
    g_autofree char *path = g_strdup_printf("/logtail/%s/%s", name, channel);

    return stream_open(controller_transport(controller), controller_serverurl(controller), path,
                       controller_stream(controller));
}

static int run_foreground(Controller *controller, const char *name)
{
    g_autoptr(LogStream) output = NULL, errors = NULL;
    int r = interrupt_enable();

    if (r < 0)
        return controller_raise(controller, "%s", g_strerror(-r));
    controller_output(controller, "==> Press Ctrl-C to exit <==");
    fflush(controller_stream(controller));
    output = open_stream(controller, name, "stdout");
    errors = open_stream(controller, name, "stderr");
    r = talk(controller, name, output, errors);
    interrupt_disable();
    return r;
}

int cmd_fg(Controller *controller, const char *arguments)
{
    g_auto(GStrv) names = argument_split(arguments);
    int r = controller_check_up(controller);

    if (r <= 0)
        return r;
    if (!names[0]) {
        fail(controller, "no process name supplied");
        command_show_help(controller, "fg");
        return 0;
    }
    if (names[1])
        return fail(controller, "too many process names supplied");
    r = check_running(controller, names[0]);
    return r <= 0 ? r : run_foreground(controller, names[0]);
}
