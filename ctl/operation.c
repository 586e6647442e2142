#include "ctl/operation.h"

#include <stdlib.h>
#include <string.h>

#include "common/fault.h"
#include "common/namespec.h"
#include "ctl/record.h"
#include "ctl/roster.h"

#define NO_FAULT (-1)

typedef struct ResultText {
    int fault;        /* NO_FAULT ends the list */
    const char *text; /* NULL: the fault's own text stands alone */
} ResultText;

struct Operation {
    const char *process_method;
    const char *group_method; /* NULL: "group:*" goes to process_method as it is */
    const char *all_method;
    const char *done; /* "x: started" */
    const ResultText *texts;
    int ignored_fault;          /* leaves the exit status alone */
    ExitStatus no_group_status; /* when there is no such group */
};

static const ResultText start_texts[] = {
    {FAULT_BAD_NAME, "no such process"},
    {FAULT_NO_FILE, "no such file"},
    {FAULT_NOT_EXECUTABLE, "file is not executable"},
    {FAULT_ALREADY_STARTED, "already started"},
    {FAULT_SPAWN_ERROR, "spawn error"},
    {FAULT_ABNORMAL_TERMINATION, "abnormal termination"},
    {NO_FAULT, NULL},
};

static const ResultText signal_texts[] = {
    {FAULT_BAD_NAME, "no such process"},
    {FAULT_BAD_SIGNAL, "bad signal name"},
    {FAULT_NOT_RUNNING, "not running"},
    {FAULT_FAILED, NULL},
    {NO_FAULT, NULL},
};

static const ResultText clear_texts[] = {
    {FAULT_BAD_NAME, "no such process"},
    {FAULT_FAILED, "failed"},
    {NO_FAULT, NULL},
};

const Operation operation_start = {
    "supervisor.startProcess",
    "supervisor.startProcessGroup",
    "supervisor.startAllProcesses",
    "started",
    start_texts,
    FAULT_ALREADY_STARTED,
    EXIT_STATUS_INVALID_ARGUMENTS,
};

const Operation operation_stop = {
    "supervisor.stopProcess",
    "supervisor.stopProcessGroup",
    "supervisor.stopAllProcesses",
    "stopped",
    signal_texts,
    FAULT_NOT_RUNNING,
    EXIT_STATUS_GENERIC,
};

const Operation operation_signal = {
    "supervisor.signalProcess",
    "supervisor.signalProcessGroup",
    "supervisor.signalAllProcesses",
    "signalled",
    signal_texts,
    NO_FAULT,
    EXIT_STATUS_GENERIC,
};

const Operation operation_clear = {
    "supervisor.clearProcessLogs", NULL, "supervisor.clearAllProcessLogs", "cleared", clear_texts, NO_FAULT,
    EXIT_STATUS_GENERIC,
};

int operation_tell(Controller *controller, const Operation *operation, const char *name, int64_t status,
                   const char *description)
{
    const ResultText *text = operation->texts;

    if (status == FAULT_SUCCESS) {
        controller_output(controller, "%s: %s", name, operation->done);
        return 0;
    }
    while (text->fault != NO_FAULT && text->fault != status)
        text++;
    if (text->fault == NO_FAULT)
        return controller_raise(controller, "Unknown result code %" G_GINT64_FORMAT " for %s", status, name);
    if (text->text)
        controller_output(controller, "%s: ERROR (%s)", name, text->text);
    else
        controller_output(controller, "%s", description);
    controller_count_fault(controller, status, operation->ignored_fault);
    return 0;
}

static int tell_results(Controller *controller, const Operation *operation, xmlrpc_value *value)
{
    g_autoptr(GArray) results = NULL;
    g_autofree char *problem = NULL;
    int r = record_read_results(value, &results, &problem);

    if (r < 0)
        return controller_raise(controller, "%s", problem);
    for (guint i = 0; r >= 0 && i < results->len; i++) {
        const ProcessResult *result = &g_array_index(results, ProcessResult, i);
        char *name = namespec_make(result->group, result->name);

        r = operation_tell(controller, operation, name, result->status, result->description);
        free(name);
    }
    return r;
}

/* With a name, a signal, both or none. */
static int call(Controller *controller, xmlrpc_value **ret, Reply *fault, const char *method,
                const char *name, const char *signal)
{
    if (name && signal)
        return controller_call(controller, ret, fault, method, "(ss)", name, signal);
    if (name || signal)
        return controller_call(controller, ret, fault, method, "(s)", name ? name : signal);
    return controller_call(controller, ret, fault, method, "()");
}

static int run_all(Controller *controller, const Operation *operation, const char *signal)
{
    g_autoptr(xmlrpc_value) value = NULL;
    int r = call(controller, &value, NULL, operation->all_method, NULL, signal);

    return r < 0 ? r : tell_results(controller, operation, value);
}

static int run_group(Controller *controller, const Operation *operation, const char *group,
                     const char *signal)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_auto(Reply) fault = {0};
    int r = call(controller, &value, &fault, operation->group_method, group, signal);

    if (r < 0)
        return r;
    if (r == 0)
        return tell_results(controller, operation, value);
    if (fault.code != FAULT_BAD_NAME)
        return controller_raise_reply(controller, &fault);
    controller_output(controller, "%s: ERROR (no such group)", group);
    controller_set_exit_status(controller, operation->no_group_status);
    return 0;
}

static int run_process(Controller *controller, const Operation *operation, const char *name,
                       const Namespec *namespec, const char *signal)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_auto(Reply) fault = {0};
    char *shown;
    int r = call(controller, &value, &fault, operation->process_method, name, signal);

    if (r < 0)
        return r;
    /* Only clear comes here with a group, and the oracle shows the missing name as Python does. */
    shown = namespec_make(namespec->group, namespec->process ? namespec->process : "None");
    r = operation_tell(controller, operation, shown, r == CALL_FAULT ? fault.code : FAULT_SUCCESS,
                       fault.text ? fault.text : "");
    free(shown);
    return r;
}

static int run_name(Controller *controller, const Operation *operation, const char *name, const char *signal)
{
    Namespec namespec;
    int r = namespec_split(name, &namespec);

    if (r < 0)
        return controller_raise(controller, "%s", g_strerror(-r));
    if (!namespec.process && operation->group_method)
        r = run_group(controller, operation, namespec.group, signal);
    else
        r = run_process(controller, operation, name, &namespec, signal);
    namespec_clear(&namespec);
    return r;
}

int operation_run(Controller *controller, const Operation *operation, char **words, const char *signal)
{
    g_auto(GStrv) names = NULL;
    int r;

    if (g_strv_contains((const char *const *)words, "all"))
        return run_all(controller, operation, signal);
    r = roster_expand(controller, words, &names);
    for (size_t i = 0; r >= 0 && names[i]; i++)
        r = run_name(controller, operation, names[i], signal);
    return r;
}
