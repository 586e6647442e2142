/* restart --rolling: one process after the other, so that the others go on serving. */
#include <stdlib.h>
#include <string.h>

#include "common/fault.h"
#include "common/namespec.h"
#include "common/process_state.h"
#include "ctl/cmd.h"
#include "ctl/operation.h"
#include "ctl/record.h"
#include "ctl/roster.h"

/* What the daemon has for processes whose configuration it does not know any more. */
#define PRIORITY_DEFAULT 999

#define STEP_FAILED 1

typedef struct Step {
    const ProcessInfo *info;
    char *name; /* as it is shown */
    char *namespec;
    int64_t group_priority;
    int64_t process_priority;
    guint position;
} Step;

static void step_free(void *data)
{
    Step *step = data;

    free(step->name);
    g_free(step->namespec);
    g_free(step);
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static gint compare_steps(gconstpointer a, gconstpointer b)
{
    const Step *first = *(Step *const *)a, *second = *(Step *const *)b;
    int order = compare_numbers(first->group_priority, second->group_priority);

    if (order == 0)
        order = compare_numbers(first->process_priority, second->process_priority);
    return order != 0 ? order : compare_numbers(first->position, second->position);
}

static Step *step_new(const ProcessInfo *info, guint position, GArray *configs)
{
    Step *step = g_new0(Step, 1);

    *step = (Step){info,
                   namespec_make(info->group, info->name),
                   g_strdup_printf("%s:%s", info->group, info->name),
                   PRIORITY_DEFAULT,
                   PRIORITY_DEFAULT,
                   position};
    for (guint i = 0; i < configs->len; i++) {
        const ConfigInfo *config = &g_array_index(configs, ConfigInfo, i);

        if (strcmp(config->group, info->group) != 0 || strcmp(config->name, info->name) != 0)
            continue;
        step->group_priority = config->group_priority;
        step->process_priority = config->process_priority;
    }
    return step;
}

/* The group of that name; a program alone is a group, too. */
static bool find_group(GArray *all, const char *group, GPtrArray *found)
{
    guint before = found->len;

    for (guint i = 0; i < all->len; i++) {
        ProcessInfo *info = &g_array_index(all, ProcessInfo, i);
        if (strcmp(info->group, group) == 0)
            g_ptr_array_add(found, info);
    }
    return found->len > before;
}

/* Returns whether there is something of each name; nothing is touched otherwise. */
static bool find_all(Controller *controller, GArray *all, char **words, GPtrArray *found)
{
    bool complete = true;

    for (size_t i = 0; words[i]; i++) {
        if (find_group(all, words[i], found) || roster_find(all, words[i], found))
            continue;
        controller_output(controller, "%s: ERROR (no such %s)", words[i],
                          strchr(words[i], ':') ? "process" : "group");
        controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
        complete = false;
    }
    return complete;
}

static int fetch_configs(Controller *controller, GArray **ret)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_autofree char *problem = NULL;
    int r = controller_call(controller, &value, NULL, "supervisor.getAllConfigInfo", "()");

    if (r < 0)
        return r;
    if (record_read_config_infos(value, ret, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    return 0;
}

/* Each process once, in the order of their priorities. */
static GPtrArray *make_steps(GArray *all, GPtrArray *found, GArray *configs)
{
    GPtrArray *steps = g_ptr_array_new_with_free_func(step_free);

    for (guint i = 0; i < all->len; i++) {
        ProcessInfo *info = &g_array_index(all, ProcessInfo, i);
        if (g_ptr_array_find(found, info, NULL))
            g_ptr_array_add(steps, step_new(info, i, configs));
    }
    g_ptr_array_sort(steps, compare_steps);
    return steps;
}

/* Returns 0, STEP_FAILED when the user was told, or raises. `ignored`: a fault that is as good as success. */
static int call_process(Controller *controller, const Operation *operation, const char *method,
                        const Step *step, int ignored)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_auto(Reply) fault = {0};
    int r = controller_call(controller, &value, &fault, method, "(s)", step->namespec);

    if (r < 0 || (r == CALL_FAULT && fault.code == ignored))
        return MIN(r, 0);
    if (r == 0)
        return operation_tell(controller, operation, step->name, FAULT_SUCCESS, "");
    r = operation_tell(controller, operation, step->name, fault.code, fault.text);
    return r < 0 ? r : STEP_FAILED;
}

/* A process that ended as soon as it was RUNNING is no reason to go on. */
static int check_running(Controller *controller, const Step *step)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_autofree char *problem = NULL;
    g_auto(ProcessInfo) info = {0};
    int r = controller_call(controller, &value, NULL, "supervisor.getProcessInfo", "(s)", step->namespec);

    if (r < 0)
        return r;
    if (record_read_process_info(value, &info, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    if (info.state == PROCESS_RUNNING)
        return 0;
    controller_output(controller, "%s: ERROR (%s instead of RUNNING)", step->name, info.statename);
    return STEP_FAILED;
}

static int take_step(Controller *controller, const Step *step)
{
    int r = 0;

    /* It may end by itself before we stop it. */
    if (!process_state_is_stopped((ProcessState)step->info->state))
        r = call_process(controller, &operation_stop, "supervisor.stopProcess", step, FAULT_NOT_RUNNING);
    if (r == 0)
        r = call_process(controller, &operation_start, "supervisor.startProcess", step, FAULT_SUCCESS);
    return r == 0 ? check_running(controller, step) : r;
}

static void tell_end(Controller *controller, GPtrArray *steps, guint failed)
{
    g_autoptr(GString) rest = g_string_new(NULL);
    const Step *step = steps->pdata[failed];

    for (guint i = failed + 1; i < steps->len; i++)
        g_string_append_printf(rest, "%s%s", i == failed + 1 ? "; not touched: " : ", ",
                               ((const Step *)steps->pdata[i])->name);
    controller_output(controller, "ERROR: rolling restart ends at %s%s", step->name, rest->str);
    controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
}

static int take_steps(Controller *controller, GPtrArray *steps)
{
    for (guint i = 0; i < steps->len; i++) {
        int r = take_step(controller, steps->pdata[i]);

        fflush(controller_stream(controller));
        if (r != 0)
            tell_end(controller, steps, i);
        if (r != 0)
            return MIN(r, 0);
    }
    return 0;
}

int cmd_restart_rolling(Controller *controller, char **words)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new(), steps = NULL;
    g_autoptr(GArray) all = NULL, configs = NULL;
    int r = roster_fetch(controller, &all, NULL);

    if (r < 0)
        return r;
    if (g_strv_contains((const char *const *)words, "all")) {
        for (guint i = 0; i < all->len; i++)
            g_ptr_array_add(found, &g_array_index(all, ProcessInfo, i));
    } else if (!find_all(controller, all, words, found)) {
        return 0;
    }
    r = fetch_configs(controller, &configs);
    if (r < 0)
        return r;
    steps = make_steps(all, found, configs);
    return take_steps(controller, steps);
}
