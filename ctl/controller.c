#include "ctl/controller.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "build_config.h"
#include "common/fault.h"
#include "ctl/wire.h"

struct Controller {
    const Settings *settings;
    FILE *output;
    Transport *transport;
    Client *client;
    Input *input;
    char *serverurl;
    ExitStatus exit_status;
    char *raised;
};

Controller *controller_new(const Settings *settings, FILE *output)
{
    Controller *controller = g_new0(Controller, 1);

    controller->settings = settings;
    controller->output = output;
    controller->input = input_new();
    controller->transport = transport_new();
    controller->client = client_new(controller->transport);
    controller_set_serverurl(controller, settings->serverurl);
    controller_set_credentials(controller, settings->username, settings->password);
    return controller;
}

void controller_free(Controller *controller)
{
    if (!controller)
        return;
    client_free(controller->client);
    transport_free(controller->transport);
    input_free(controller->input);
    g_free(controller->serverurl);
    g_free(controller->raised);
    g_free(controller);
}

const Settings *controller_settings(const Controller *controller)
{
    return controller->settings;
}

Transport *controller_transport(Controller *controller)
{
    return controller->transport;
}

FILE *controller_stream(Controller *controller)
{
    return controller->output;
}

Input *controller_input(Controller *controller)
{
    return controller->input;
}

const char *controller_serverurl(const Controller *controller)
{
    return controller->serverurl;
}

void controller_set_serverurl(Controller *controller, const char *url)
{
    char *copy = g_strdup(url);

    g_free(controller->serverurl);
    controller->serverurl = copy;
    transport_set_server(controller->transport, copy);
}

void controller_set_credentials(Controller *controller, const char *username, const char *password)
{
    transport_set_credentials(controller->transport, username, password);
}

ExitStatus controller_exit_status(const Controller *controller)
{
    return controller->exit_status;
}

void controller_set_exit_status(Controller *controller, ExitStatus status)
{
    controller->exit_status = status;
}

void controller_count_fault(Controller *controller, int64_t code, int ignored)
{
    if (code == FAULT_SUCCESS || code == ignored)
        return;
    if (code == FAULT_SPAWN_ERROR || code == FAULT_ABNORMAL_TERMINATION || code == FAULT_NOT_RUNNING)
        controller->exit_status = EXIT_STATUS_NOT_RUNNING;
    else
        controller->exit_status = EXIT_STATUS_GENERIC;
}

static bool is_control(gunichar character)
{
    return (character < 0x20 && character != '\t' && character != '\n') ||
           (character >= 0x7f && character <= 0x9f);
}

static void write_clean(FILE *output, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        if (is_control(g_utf8_get_char(at)))
            fputs("\uFFFD", output);
        else
            fwrite(at, 1, (size_t)(g_utf8_next_char(at) - at), output);
    }
}

void controller_output(Controller *controller, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    write_clean(controller->output, text);
    fputc('\n', controller->output);
}

void controller_complain(Controller *controller, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fflush(controller->output);
    write_clean(stderr, text);
    fputc('\n', stderr);
}

void controller_output_log(Controller *controller, const char *text)
{
    fputs(text, controller->output);
    fputc('\n', controller->output);
}

int controller_raise(Controller *controller, const char *format, ...)
{
    va_list arguments;

    g_free(controller->raised);
    va_start(arguments, format);
    controller->raised = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return -EPROTO;
}

int controller_raise_reply(Controller *controller, const Reply *reply)
{
    g_autofree char *text = reply_describe(reply);

    controller_raise(controller, "%s", text);
    if (reply->kind == REPLY_INTERRUPTED)
        return -EINTR;
    return reply->kind == REPLY_HTTP && reply->code == 401 ? -EACCES : -EPROTO;
}

char *controller_take_raised(Controller *controller)
{
    return controller->raised ? g_steal_pointer(&controller->raised) : g_strdup("");
}

/* The end of input raises in the oracle, with a text or without. */
static int judge_answer(Controller *controller, int r, const char *text)
{
    return r == -ENODATA ? controller_raise(controller, "%s", text) : r;
}

int controller_ask(Controller *controller, const char *prompt, char **ret)
{
    return judge_answer(controller, input_read_line(controller->input, prompt, false, ret),
                        "EOF when reading a line");
}

int controller_ask_password(Controller *controller, const char *prompt, char **ret)
{
    return judge_answer(controller, input_read_password(controller->input, prompt, ret), "");
}

void controller_call_raw(Controller *controller, Reply *ret, const char *method, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    client_call_va(controller->client, ret, method, format, arguments);
    va_end(arguments);
}

int controller_call(Controller *controller, xmlrpc_value **ret_value, Reply *ret_fault, const char *method,
                    const char *format, ...)
{
    g_auto(Reply) reply = {0};
    va_list arguments;

    va_start(arguments, format);
    client_call_va(controller->client, &reply, method, format, arguments);
    va_end(arguments);
    if (reply.kind == REPLY_VALUE) {
        *ret_value = g_steal_pointer(&reply.value);
        return 0;
    }
    if (reply.kind != REPLY_FAULT || !ret_fault)
        return controller_raise_reply(controller, &reply);
    *ret_fault = reply;
    reply = (Reply){0};
    return CALL_FAULT;
}

static int check_version(Controller *controller, xmlrpc_value *value)
{
    g_autofree char *version = NULL, *problem = NULL;

    if (wire_read_text(value, &version, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    if (strcmp(version, SUPERVISOR_API_VERSION) == 0)
        return 1;
    controller_output(
        controller,
        "Sorry, this version of supervisorctl expects to talk to a server with API version %s, but the "
        "remote version is %s.",
        SUPERVISOR_API_VERSION, version);
    controller->exit_status = EXIT_STATUS_NOT_INSTALLED;
    return 0;
}

/* The oracle's clients never come without the namespace; a server whose configuration lacks it answers like
 * this. */
static int tell_unknown_method(Controller *controller)
{
    controller_output(
        controller,
        "Sorry, supervisord responded but did not recognize the supervisor namespace commands that "
        "supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] section is "
        "enabled in the configuration file (see sample.conf).");
    controller->exit_status = EXIT_STATUS_UNIMPLEMENTED;
    return 0;
}

static int tell_unreachable(Controller *controller, int error)
{
    bool refused = error == ECONNREFUSED;

    controller_output(controller, "%s %s", controller->serverurl,
                      refused ? "refused connection" : "no such file");
    controller->exit_status = refused ? EXIT_STATUS_NO_PRIVILEGE : EXIT_STATUS_NOT_RUNNING;
    return 0;
}

int controller_check_up(Controller *controller)
{
    g_auto(Reply) reply = {0};

    controller_call_raw(controller, &reply, "supervisor.getVersion", "()");
    if (reply.kind == REPLY_VALUE)
        return check_version(controller, reply.value);
    if (reply.kind == REPLY_FAULT && reply.code == FAULT_UNKNOWN_METHOD)
        return tell_unknown_method(controller);
    if (reply.kind == REPLY_SYSTEM && (reply.code == ECONNREFUSED || reply.code == ENOENT))
        return tell_unreachable(controller, reply.code);
    /* The oracle's words say neither which socket nor what to do. */
    if (reply.kind == REPLY_SYSTEM && reply.code == EACCES)
        controller_complain(
            controller, "%s: this user may not connect (chmod= and chown= of [unix_http_server] say who may)",
            controller->serverurl);
    return controller_raise_reply(controller, &reply);
}
