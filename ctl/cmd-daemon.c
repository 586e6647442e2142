/* What concerns the daemon as a whole: open, reload, shutdown, version. */
#include <errno.h>
#include <string.h>

#include "common/fault.h"
#include "ctl/cmd.h"
#include "ctl/command.h"
#include "ctl/server_url.h"
#include "ctl/wire.h"

/* These commands take nothing behind their name. */
static int refuse_arguments(Controller *controller, const char *command)
{
    controller_output(controller, "Error: %s accepts no arguments", command);
    controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
    command_show_help(controller, command);
    return 0;
}

/* In the shell the user is asked first. Returns 1 to go on, 0 to leave it, or negative. */
static int confirm(Controller *controller, const char *question)
{
    g_autofree char *answer = NULL;
    int r;

    if (!controller_settings(controller)->interactive)
        return 1;
    r = controller_ask(controller, question, &answer);
    return r < 0 ? r : *answer == 'y' || *answer == 'Y';
}

int cmd_open(Controller *controller, const char *arguments)
{
    g_autofree char *scheme = server_url_scheme(arguments);
    ExitStatus before;
    int r;

    if (strcmp(scheme, "unix") != 0 && strcmp(scheme, "http") != 0) {
        controller_output(controller, "ERROR: url must be http:// or unix://");
        controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
        return 0;
    }
    controller_set_serverurl(controller, arguments);
    before = controller_exit_status(controller);
    r = cmd_status(controller, "");
    if (r >= 0)
        controller_set_exit_status(controller, before);
    return r;
}

int cmd_version(Controller *controller, const char *arguments)
{
    g_autofree char *version = NULL, *problem = NULL;
    g_autoptr(xmlrpc_value) value = NULL;
    int r;

    if (*arguments)
        return refuse_arguments(controller, "version");
    r = controller_check_up(controller);
    if (r <= 0)
        return r;
    r = controller_call(controller, &value, NULL, "supervisor.getSupervisorVersion", "()");
    if (r < 0)
        return r;
    if (wire_read_text(value, &version, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    controller_output(controller, "%s", version);
    return 0;
}

int cmd_reload(Controller *controller, const char *arguments)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_auto(Reply) fault = {0};
    int r;

    if (*arguments)
        return refuse_arguments(controller, "reload");
    r = confirm(controller, "Really restart the remote supervisord process y/N? ");
    if (r <= 0)
        return r;
    r = controller_call(controller, &value, &fault, "supervisor.restart", "()");
    if (r < 0)
        return r;
    if (r == 0) {
        controller_output(controller, "Restarted supervisord");
        return 0;
    }
    if (fault.code != FAULT_SHUTDOWN_STATE)
        return controller_raise_reply(controller, &fault);
    controller_output(controller, "ERROR: already shutting down");
    controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
    return 0;
}

static int tell_shutdown(Controller *controller, const Reply *reply)
{
    const char *url = controller_serverurl(controller);

    if (reply->kind == REPLY_VALUE) {
        controller_output(controller, "Shut down");
    } else if (reply->kind == REPLY_FAULT && reply->code == FAULT_SHUTDOWN_STATE) {
        controller_output(controller, "ERROR: already shutting down");
    } else if (reply->kind == REPLY_SYSTEM && reply->code == ECONNREFUSED) {
        controller_output(controller, "ERROR: %s refused connection (already shut down?)", url);
        controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
    } else if (reply->kind == REPLY_SYSTEM && reply->code == ENOENT) {
        controller_output(controller, "ERROR: %s no such file (already shut down?)", url);
        controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
    } else {
        return controller_raise_reply(controller, reply);
    }
    return 0;
}

int cmd_shutdown(Controller *controller, const char *arguments)
{
    g_auto(Reply) reply = {0};
    int r;

    if (*arguments)
        return refuse_arguments(controller, "shutdown");
    r = confirm(controller, "Really shut the remote supervisord process down y/N? ");
    if (r <= 0)
        return r;
    controller_call_raw(controller, &reply, "supervisor.shutdown", "()");
    return tell_shutdown(controller, &reply);
}
