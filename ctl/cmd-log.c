/* The logs: tail, maintail. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "common/fault.h"
#include "ctl/argument.h"
#include "ctl/cmd.h"
#include "ctl/command.h"
#include "ctl/interrupt.h"
#include "ctl/roster.h"
#include "ctl/stream.h"
#include "ctl/wire.h"

/* Without a number the user gets the last so many bytes. */
#define TAIL_SIZE 1600

static int fail(Controller *controller, const char *format, ...) G_GNUC_PRINTF(2, 3);

static int fail(Controller *controller, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    controller_output(controller, "%s", text);
    controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
    return 0;
}

static int refuse(Controller *controller, const char *command, const char *message)
{
    fail(controller, "Error: %s", message);
    command_show_help(controller, command);
    return 0;
}

/* Until Ctrl-C, or until the daemon ends it. */
static int follow(Controller *controller, const char *path)
{
    g_autoptr(LogStream) stream = NULL;
    int r = interrupt_enable();

    if (r < 0)
        return controller_raise(controller, "%s", g_strerror(-r));
    controller_output(controller, "==> Press Ctrl-C to exit <==");
    fflush(controller_stream(controller));
    stream = stream_open(controller_transport(controller), controller_serverurl(controller), path,
                         controller_stream(controller));
    while (r >= 0 && !stream_ended(stream))
        r = transport_step(controller_transport(controller), -1);
    interrupt_disable();
    if (r < 0 && r != -EINTR)
        return controller_raise(controller, "%s", g_strerror(-r));
    if (r == -EINTR)
        controller_output(controller, "%s", "");
    return 0;
}

typedef struct FaultText {
    int fault;
    const char *text;
} FaultText;

static const FaultText fault_texts[] = {
    {FAULT_NO_FILE, "no log file"},
    {FAULT_FAILED, "unknown error reading log"},
    {FAULT_BAD_NAME, "no such process name"},
};

static int tell_fault(Controller *controller, const Reply *fault, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(fault_texts); i++)
        if (fault_texts[i].fault == fault->code)
            return fail(controller, "%s: ERROR (%s)", name, fault_texts[i].text);
    return controller_raise_reply(controller, fault);
}

static int show_log(Controller *controller, xmlrpc_value *value)
{
    g_autofree char *text = NULL, *problem = NULL;

    if (wire_read_text(value, &text, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    controller_output_log(controller, text);
    return 0;
}

/* The offset that stands for the last `size` bytes. Python's client does not send more than 32 bits. */
static int make_offset(Controller *controller, int64_t size, int *ret)
{
    if (size > INT32_MAX || size < -INT32_MAX)
        return controller_raise(controller, "int exceeds XML-RPC limits");
    *ret = (int)-size;
    return 0;
}

static int read_process_log(Controller *controller, const char *name, const char *channel, int64_t size)
{
    bool is_stdout = strcmp(channel, "stdout") == 0;
    const char *method = is_stdout ? "supervisor.readProcessStdoutLog" : "supervisor.readProcessStderrLog";
    g_autoptr(xmlrpc_value) value = NULL;
    g_auto(Reply) fault = {0};
    int offset = 0, r = make_offset(controller, size, &offset);

    if (r >= 0)
        r = controller_call(controller, &value, &fault, method, "(sii)", name, offset, 0);
    if (r < 0)
        return r;
    return r == CALL_FAULT ? tell_fault(controller, &fault, name) : show_log(controller, value);
}

/* A number behind the dash. Returns 0, or 1 when the user was told that it is none. */
static int parse_size(Controller *controller, const char *word, int64_t *ret)
{
    int r = argument_integer(word + 1, ret);

    /* More than 64 bits is more than 32 bits: told by the same words later. */
    if (r == -ERANGE)
        *ret = INT64_MAX;
    if (r != -EINVAL)
        return 0;
    fail(controller, "Error: bad argument %s", word);
    return 1;
}

static int refuse_channel(Controller *controller, const char *channel)
{
    char *quoted = command_repr(channel);

    fail(controller, "Error: bad channel %s", quoted ? quoted : "");
    free(quoted);
    return 0;
}

/* NAME [stdout|stderr] of `tail`, the modifier taken away. Returns 0, or 1 when the user was told what is
 * wrong. */
static int parse_channel(Controller *controller, char **words, char **ret_channel)
{
    g_autofree char *channel = NULL;

    if (!words[0]) {
        fail(controller, "Error: tail requires process name");
        return 1;
    }
    channel = words[1] ? g_utf8_strdown(words[g_strv_length(words) - 1], -1) : g_strdup("stdout");
    if (strcmp(channel, "stdout") != 0 && strcmp(channel, "stderr") != 0) {
        refuse_channel(controller, channel);
        return 1;
    }
    *ret_channel = g_steal_pointer(&channel);
    return 0;
}

/* The one process that a name or a pattern means. Returns 0, 1 when the user was told that there are several,
 * or raises. */
static int choose_one(Controller *controller, char *word, char **ret)
{
    g_auto(GStrv) names = NULL;
    g_autofree char *list = NULL;
    int r = roster_expand(controller, (char *[]){word, NULL}, &names);

    if (r < 0)
        return r;
    if (names[1]) {
        list = g_strjoinv(", ", names);
        fail(controller, "%s: ERROR (fits several processes: %s)", word, list);
        return 1;
    }
    *ret = g_strdup(names[0]);
    return 0;
}

static int tail(Controller *controller, char **words)
{
    const char *modifier = *words[0] == '-' ? *words++ : NULL;
    g_autofree char *channel = NULL, *path = NULL, *name = NULL;
    int64_t size = TAIL_SIZE;
    int r;

    if (parse_channel(controller, words, &channel) != 0)
        return 0;
    r = choose_one(controller, words[0], &name);
    if (r != 0)
        return MIN(r, 0);
    if (modifier && strcmp(modifier, "-f") == 0) {
        path = g_strdup_printf("/logtail/%s/%s", name, channel);
        return follow(controller, path);
    }
    if (modifier && parse_size(controller, modifier, &size) != 0)
        return 0;
    return read_process_log(controller, name, channel, size);
}

int cmd_tail(Controller *controller, const char *arguments)
{
    g_auto(GStrv) words = argument_split(arguments);
    int r = controller_check_up(controller);

    if (r <= 0)
        return r;
    if (!words[0])
        return refuse(controller, "tail", "too few arguments");
    if (g_strv_length(words) > 3)
        return refuse(controller, "tail", "too many arguments");
    return tail(controller, words);
}

static int read_main_log(Controller *controller, int64_t size)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_auto(Reply) fault = {0};
    int offset = 0, r = make_offset(controller, size, &offset);

    if (r >= 0)
        r = controller_call(controller, &value, &fault, "supervisor.readLog", "(ii)", offset, 0);
    if (r < 0)
        return r;
    if (r == 0)
        return show_log(controller, value);
    /* No process is named here, so BAD_NAME has no words. */
    if (fault.code == FAULT_BAD_NAME)
        return controller_raise_reply(controller, &fault);
    return tell_fault(controller, &fault, "supervisord");
}

int cmd_maintail(Controller *controller, const char *arguments)
{
    g_auto(GStrv) words = argument_split(arguments);
    int64_t size = TAIL_SIZE;
    int r = controller_check_up(controller);

    if (r <= 0)
        return r;
    if (g_strv_length(words) > 1)
        return refuse(controller, "maintail", "too many arguments");
    if (words[0] && *words[0] != '-')
        return fail(controller, "Error: bad argument %s", words[0]);
    if (words[0] && strcmp(words[0], "-f") == 0)
        return follow(controller, "/mainlogtail");
    if (words[0] && parse_size(controller, words[0], &size) != 0)
        return 0;
    return read_main_log(controller, size);
}
