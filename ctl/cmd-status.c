#include <stdlib.h>
#include <string.h>

#include "common/fault.h"
#include "common/namespec.h"
#include "common/process_state.h"
#include "ctl/argument.h"
#include "ctl/cmd.h"
#include "ctl/command.h"
#include "ctl/record.h"
#include "ctl/wire.h"

/* The column of names is this wide at least. */
#define NAME_WIDTH_MIN 30

static int fetch_all(Controller *controller, GArray **ret)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_autofree char *problem = NULL;
    int r = controller_call(controller, &value, NULL, "supervisor.getAllProcessInfo", "()");

    if (r < 0)
        return r;
    if (record_read_process_infos(value, ret, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    return 0;
}

static void show(Controller *controller, GPtrArray *infos)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(free);
    glong width = NAME_WIDTH_MIN;

    for (guint i = 0; i < infos->len; i++) {
        const ProcessInfo *info = infos->pdata[i];
        char *name = namespec_make(info->group, info->name);
        g_ptr_array_add(names, name);
        width = MAX(width, g_utf8_strlen(name, -1));
    }
    for (guint i = 0; i < infos->len; i++) {
        const ProcessInfo *info = infos->pdata[i];
        const char *name = names->pdata[i];
        int name_padding = (int)(width + 3 - g_utf8_strlen(name, -1));
        int state_padding = (int)MAX(0, 10 - g_utf8_strlen(info->statename, -1));

        controller_output(controller, "%s%*s%s%*s%s", name, name_padding, "", info->statename, state_padding,
                          "", info->description);
    }
}

/* Adds what `name` means and returns whether there was something. */
static bool add_matching(GArray *all, const Namespec *wanted, GPtrArray *matching)
{
    bool found = false;

    for (guint i = 0; i < all->len; i++) {
        ProcessInfo *info = &g_array_index(all, ProcessInfo, i);
        if (strcmp(info->group, wanted->group) != 0 ||
            (wanted->process && strcmp(info->name, wanted->process) != 0))
            continue;
        g_ptr_array_add(matching, info);
        found = true;
    }
    return found;
}

static void choose(Controller *controller, GArray *all, char **names, GPtrArray *matching)
{
    if (!names[0] || g_strv_contains((const char *const *)names, "all")) {
        for (guint i = 0; i < all->len; i++)
            g_ptr_array_add(matching, &g_array_index(all, ProcessInfo, i));
        return;
    }
    for (size_t i = 0; names[i]; i++) {
        Namespec wanted;

        if (namespec_split(names[i], &wanted) < 0)
            g_error("out of memory");
        if (!add_matching(all, &wanted, matching)) {
            controller_output(controller, "%s: ERROR (no such %s)", wanted.process ? names[i] : wanted.group,
                              wanted.process ? "process" : "group");
            controller_set_exit_status(controller, EXIT_STATUS_STATUS_UNKNOWN);
        }
        namespec_clear(&wanted);
    }
}

int cmd_status(Controller *controller, const char *arguments)
{
    g_auto(GStrv) names = argument_split(arguments);
    g_autoptr(GPtrArray) matching = g_ptr_array_new();
    g_autoptr(GArray) all = NULL;
    int r = controller_check_up(controller);

    if (r == 0)
        controller_set_exit_status(controller, EXIT_STATUS_STATUS_UNKNOWN);
    if (r <= 0)
        return r;
    r = fetch_all(controller, &all);
    if (r < 0)
        return r;
    choose(controller, all, names, matching);
    show(controller, matching);
    for (guint i = 0; i < matching->len; i++)
        if (process_state_is_stopped((ProcessState)((ProcessInfo *)matching->pdata[i])->state))
            controller_set_exit_status(controller, EXIT_STATUS_STATUS_STOPPED);
    return 0;
}

static int show_daemon_pid(Controller *controller)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_autofree char *problem = NULL;
    int64_t pid;
    int r = controller_call(controller, &value, NULL, "supervisor.getPID", "()");

    if (r < 0)
        return r;
    if (wire_read_integer(value, &pid, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    controller_output(controller, "%" G_GINT64_FORMAT, pid);
    return 0;
}

static int show_all_pids(Controller *controller)
{
    g_autoptr(GArray) all = NULL;
    int r = fetch_all(controller, &all);

    for (guint i = 0; r >= 0 && i < all->len; i++)
        controller_output(controller, "%" G_GINT64_FORMAT, g_array_index(all, ProcessInfo, i).pid);
    return r;
}

static int show_pid(Controller *controller, const char *name)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_autofree char *problem = NULL;
    g_auto(ProcessInfo) info = {0};
    g_auto(Reply) fault = {0};
    int r = controller_call(controller, &value, &fault, "supervisor.getProcessInfo", "(s)", name);

    if (r < 0)
        return r;
    if (r == CALL_FAULT) {
        if (fault.code != FAULT_BAD_NAME)
            return controller_raise_reply(controller, &fault);
        controller_output(controller, "No such process %s", name);
        controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
        return 0;
    }
    if (record_read_process_info(value, &info, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    controller_output(controller, "%" G_GINT64_FORMAT, info.pid);
    if (info.pid == 0)
        controller_set_exit_status(controller, EXIT_STATUS_NOT_RUNNING);
    return 0;
}

int cmd_pid(Controller *controller, const char *arguments)
{
    g_auto(GStrv) names = argument_split(arguments);
    int r = controller_check_up(controller);

    if (r <= 0)
        return r;
    if (!names[0])
        return show_daemon_pid(controller);
    if (g_strv_contains((const char *const *)names, "all"))
        return show_all_pids(controller);
    for (size_t i = 0; r >= 0 && names[i]; i++)
        r = show_pid(controller, names[i]);
    return MIN(r, 0);
}
