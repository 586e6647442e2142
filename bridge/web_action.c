#include "bridge/web_action.h"

#include <string.h>
#include <time.h>

#include "bridge/rpc_call.h"
#include "bridge/rpc_target.h"
#include "common/fault.h"

struct WebAction {
    const char *word;
    const char *label;
    WebScope scope;
    const char *methods[2]; /* one after the other */
    const char *done;       /* "Process %s started"; with WEB_SCOPE_ALL the time of day is added */
    bool prefixed;          /* faults are told as "ERROR: Process x: …" */
    bool ignores_first;     /* what came of the first method does not matter */
};

#define RPC(name) "supervisor." name

static const WebAction actions[] = {
    {"refresh", "Refresh", WEB_SCOPE_ALL, {NULL, NULL}, "Page refreshed", false, false},
    {"startall", "Start all", WEB_SCOPE_ALL, {RPC("startAllProcesses"), NULL}, "All started", false, false},
    {"stopall", "Stop all", WEB_SCOPE_ALL, {RPC("stopAllProcesses"), NULL}, "All stopped", false, false},
    {"restartall",
     "Restart all",
     WEB_SCOPE_ALL,
     {RPC("stopAllProcesses"), RPC("startAllProcesses")},
     "All restarted",
     false,
     true},
    {"startgroup",
     "Start group",
     WEB_SCOPE_GROUP,
     {RPC("startProcessGroup"), NULL},
     "Group %s started",
     false,
     false},
    {"stopgroup",
     "Stop group",
     WEB_SCOPE_GROUP,
     {RPC("stopProcessGroup"), NULL},
     "Group %s stopped",
     false,
     false},
    {"restartgroup",
     "Restart group",
     WEB_SCOPE_GROUP,
     {RPC("stopProcessGroup"), RPC("startProcessGroup")},
     "Group %s restarted",
     false,
     true},
    {"start", "Start", WEB_SCOPE_PROCESS, {RPC("startProcess"), NULL}, "Process %s started", true, false},
    {"stop", "Stop", WEB_SCOPE_PROCESS, {RPC("stopProcess"), NULL}, "Process %s stopped", false, false},
    {"restart",
     "Restart",
     WEB_SCOPE_PROCESS,
     {RPC("stopProcess"), RPC("startProcess")},
     "Process %s restarted",
     true,
     true},
    {"clearlog",
     "Clear log",
     WEB_SCOPE_PROCESS,
     {RPC("clearProcessLogs"), NULL},
     "Log for %s cleared",
     false,
     false},
};

struct WebJob {
    const WebAction *action;
    Manager *manager;
    char *target;
    WebJobDone done;
    void *userdata;
    size_t step; /* the method that runs */
    RpcCall *call;
    bool starting; /* web_action_run() is on the stack */
    bool finished;
};

const WebAction *web_action_at(size_t index)
{
    return index < G_N_ELEMENTS(actions) ? &actions[index] : NULL;
}

const WebAction *web_action_find(const char *word)
{
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (strcmp(actions[i].word, word) == 0)
            return &actions[i];
    }
    return NULL;
}

const char *web_action_word(const WebAction *action)
{
    return action->word;
}

const char *web_action_label(const WebAction *action)
{
    return action->label;
}

bool web_action_is_harmless(const WebAction *action)
{
    return !action->methods[0];
}

WebScope web_action_scope(const WebAction *action)
{
    return action->scope;
}

/* --- words --- */

/* The oracle's for a start; it names others by number. */
static const struct {
    int fault;
    const char *text;
} start_faults[] = {
    {FAULT_NO_FILE, "no such file"},
    {FAULT_NOT_EXECUTABLE, "file not executable"},
    {FAULT_ALREADY_STARTED, "already started"},
    {FAULT_SPAWN_ERROR, "spawn error"},
    {FAULT_ABNORMAL_TERMINATION, "abnormal termination"},
};

static char *describe_fault(const WebJob *job, int fault, const char *text)
{
    if (!job->action->prefixed)
        return g_strdup_printf("unexpected rpc fault [%d] %s", fault, text);
    for (size_t i = 0; i < G_N_ELEMENTS(start_faults); i++) {
        if (start_faults[i].fault == fault)
            return g_strdup_printf("ERROR: Process %s: %s", job->target, start_faults[i].text);
    }
    return g_strdup_printf("ERROR: Process %s: unexpected rpc fault [%d] %s", job->target, fault, text);
}

/* time.ctime() of Python. */
static char *time_of_day(void)
{
    time_t now = time(NULL);
    char text[26];

    /* English in every locale, which is what asctime is for. */
    struct tm tm;
    if (!localtime_r(&now, &tm) || !asctime_r(&tm, text))
        return g_strdup("");
    return g_strdup(g_strchomp(text));
}

static char *describe_success(const WebJob *job)
{
    const char *place = strstr(job->action->done, "%s");

    if (job->action->scope == WEB_SCOPE_ALL) {
        g_autofree char *now = time_of_day();
        return g_strconcat(job->action->done, " at ", now, NULL);
    }
    g_autofree char *head = g_strndup(job->action->done, (gsize)(place - job->action->done));
    return g_strconcat(head, job->target, place + strlen("%s"), NULL);
}

/* startAllProcesses and its kin answer with an array of what came of each; names the first that failed, the
 * oracle says nothing about them. NULL: none. */
static char *describe_failures(GVariant *value)
{
    g_autofree char *first = NULL;
    size_t others = 0;

    if (!g_variant_is_of_type(value, G_VARIANT_TYPE("av")))
        return NULL;
    for (size_t i = 0; i < g_variant_n_children(value); i++) {
        g_autoptr(GVariant) boxed = g_variant_get_child_value(value, i);
        g_autoptr(GVariant) entry = g_variant_get_variant(boxed);
        const char *name = "", *text = "";
        gint32 status = FAULT_SUCCESS;
        (void)g_variant_lookup(entry, "status", "i", &status);
        (void)g_variant_lookup(entry, "name", "&s", &name);
        (void)g_variant_lookup(entry, "description", "&s", &text);
        if (status == FAULT_SUCCESS)
            continue;
        if (first)
            others++;
        else
            first = g_strdup_printf("ERROR: %s: %s", name, text);
    }
    if (others == 0)
        return g_steal_pointer(&first);
    return g_strdup_printf("%s, and %zu more", first, others);
}

/* --- running --- */

static void job_free(WebJob *job)
{
    g_free(job->target);
    g_free(job);
}

static void finish(WebJob *job, const char *message)
{
    job->finished = true;
    job->done(message, job->userdata);
    if (!job->starting)
        job_free(job);
}

static void run_step(WebJob *job);

static void on_done(GVariant *value, int fault, const char *text, void *userdata)
{
    WebJob *job = userdata;
    bool matters = job->step > 0 || !job->action->ignores_first;
    g_autofree char *message = NULL;

    job->call = NULL;
    if (matters)
        message = value ? describe_failures(value) : describe_fault(job, fault, text);
    job->step++;
    if (message)
        finish(job, message);
    else
        run_step(job);
}

static void run_step(WebJob *job)
{
    const char *method =
        job->step < G_N_ELEMENTS(job->action->methods) ? job->action->methods[job->step] : NULL;
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);

    if (!method) {
        g_autofree char *message = describe_success(job);
        finish(job, message);
        return;
    }
    if (job->action->scope != WEB_SCOPE_ALL)
        g_ptr_array_add(arguments, g_variant_ref_sink(g_variant_new_string(job->target)));
    job->call = rpc_call_new(job->manager, method, arguments, false, on_done, job);
    rpc_call_run(job->call);
}

static bool has_target(const WebAction *action, const Manager *manager, const char *target)
{
    Instance *instance;

    if (action->scope == WEB_SCOPE_ALL)
        return true;
    /* What is no UTF-8 would be no string of GVariant, and is nobody's name in a form. */
    if (!target || !g_utf8_validate(target, -1, NULL))
        return false;
    if (action->scope == WEB_SCOPE_GROUP)
        return manager_find_group(manager, target) != NULL;
    return rpc_target_find_process(manager, target, &instance) == 0;
}

static void tell_wrong_target(const WebAction *action, const char *target, WebJobDone done, void *userdata)
{
    g_autofree char *message = g_strdup_printf(
        "No such %s named %s", action->scope == WEB_SCOPE_GROUP ? "group" : "process", target ? target : "");

    done(message, userdata);
}

WebJob *web_action_run(const WebAction *action, Manager *manager, const char *target, WebJobDone done,
                       void *userdata)
{
    if (!has_target(action, manager, target)) {
        tell_wrong_target(action, target, done, userdata);
        return NULL;
    }
    WebJob *job = g_new0(WebJob, 1);
    job->action = action;
    job->manager = manager;
    job->target = g_strdup(target);
    job->done = done;
    job->userdata = userdata;
    job->starting = true;
    run_step(job);
    job->starting = false;
    if (!job->finished)
        return job;
    job_free(job);
    return NULL;
}

void web_job_cancel(WebJob *job)
{
    if (!job)
        return;
    if (job->call)
        rpc_call_cancel(job->call);
    job_free(job);
}
