#include <stdlib.h>
#include <string.h>

#include "common/fault.h"
#include "common/namespec.h"
#include "common/process_state.h"
#include "ctl/argument.h"
#include "ctl/cmd.h"
#include "ctl/command.h"
#include "ctl/json.h"
#include "ctl/record.h"
#include "ctl/roster.h"
#include "ctl/wire.h"

/* The column of names is this wide at least. */
#define NAME_WIDTH_MIN 30

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

/* Where there is an array on standard output, everything else goes beside it. */
static void tell_unknown(Controller *controller, const char *name, bool as_json)
{
    Namespec wanted;
    g_autofree char *text = NULL;

    if (namespec_split(name, &wanted) < 0)
        g_error("out of memory");
    text = g_strdup_printf("%s: ERROR (no such %s)", wanted.process ? name : wanted.group,
                           wanted.process ? "process" : "group");
    namespec_clear(&wanted);
    if (as_json)
        controller_complain(controller, "%s", text);
    else
        controller_output(controller, "%s", text);
    controller_set_exit_status(controller, EXIT_STATUS_STATUS_UNKNOWN);
}

static void choose(Controller *controller, GArray *all, char **names, bool as_json, GPtrArray *matching)
{
    if (!names[0] || g_strv_contains((const char *const *)names, "all")) {
        for (guint i = 0; i < all->len; i++)
            g_ptr_array_add(matching, &g_array_index(all, ProcessInfo, i));
        return;
    }
    for (size_t i = 0; names[i]; i++)
        if (!roster_find(all, names[i], matching))
            tell_unknown(controller, names[i], as_json);
}

/* What the daemon sent, whatever is in it: one object a line. */
static void show_json(Controller *controller, GArray *all, xmlrpc_value *value, GPtrArray *matching)
{
    g_autoptr(GString) text = g_string_new("[");
    xmlrpc_env env;

    xmlrpc_env_init(&env);
    for (guint i = 0; i < matching->len; i++) {
        const ProcessInfo *info = matching->pdata[i];
        g_autoptr(xmlrpc_value) item = NULL;

        xmlrpc_array_read_item(&env, value, (unsigned)(info - (const ProcessInfo *)(void *)all->data), &item);
        g_string_append(text, i > 0 ? ",\n " : "");
        json_append(text, item);
    }
    xmlrpc_env_clean(&env);
    controller_output(controller, "%s]", text->str);
}

int cmd_status(Controller *controller, const char *arguments)
{
    g_auto(GStrv) names = argument_split(arguments);
    bool as_json = argument_take_option(names, "--json");
    g_autoptr(GPtrArray) matching = g_ptr_array_new();
    g_autoptr(xmlrpc_value) value = NULL;
    g_autoptr(GArray) all = NULL;
    int r = controller_check_up(controller);

    if (r == 0)
        controller_set_exit_status(controller, EXIT_STATUS_STATUS_UNKNOWN);
    if (r <= 0)
        return r;
    r = roster_fetch(controller, &all, &value);
    if (r < 0)
        return r;
    choose(controller, all, names, as_json, matching);
    if (as_json)
        show_json(controller, all, value, matching);
    else
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
    int r = roster_fetch(controller, &all, NULL);

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
