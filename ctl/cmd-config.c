/* The configuration against what is alive: reread, avail, add, remove, update. */
#include <stdlib.h>
#include <string.h>

#include "common/fault.h"
#include "common/namespec.h"
#include "ctl/argument.h"
#include "ctl/cmd.h"
#include "ctl/command.h"
#include "ctl/record.h"

static int refuse_arguments(Controller *controller, const char *command)
{
    controller_output(controller, "Error: %s accepts no arguments", command);
    controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
    command_show_help(controller, command);
    return 0;
}

/* A fault of which these commands know one or two: told as `text`, else raised. */
static int tell_fault(Controller *controller, const Reply *fault, int known, const char *text)
{
    if (fault->code != known)
        return controller_raise_reply(controller, fault);
    controller_output(controller, "%s", text);
    controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
    return 0;
}

static void tell_config_info(Controller *controller, const ConfigInfo *info)
{
    char *name = namespec_make(info->group, info->name);
    int padding = (int)MAX(0, 32 - g_utf8_strlen(name, -1));

    controller_output(controller, "%s%*s %-9s %-9s %" G_GINT64_FORMAT ":%" G_GINT64_FORMAT, name, padding, "",
                      info->inuse ? "in use" : "avail", info->autostart ? "auto" : "manual",
                      info->group_priority, info->process_priority);
    free(name);
}

int cmd_avail(Controller *controller, const char *arguments)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_autoptr(GArray) infos = NULL;
    g_autofree char *problem = NULL;
    g_auto(Reply) fault = {0};
    int r;

    if (*arguments)
        return refuse_arguments(controller, "avail");
    r = controller_call(controller, &value, &fault, "supervisor.getAllConfigInfo", "()");
    if (r < 0)
        return r;
    if (r == CALL_FAULT)
        return tell_fault(controller, &fault, FAULT_SHUTDOWN_STATE, "ERROR: supervisor shutting down");
    if (record_read_config_infos(value, &infos, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    for (guint i = 0; i < infos->len; i++)
        tell_config_info(controller, &g_array_index(infos, ConfigInfo, i));
    return 0;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted by name over the three lists; a name that stands in two counts as in the last. */
static void tell_changes(Controller *controller, const ConfigChanges *changes)
{
    g_autoptr(GHashTable) words = g_hash_table_new(g_str_hash, g_str_equal);
    const struct {
        char **names;
        const char *word;
    } lists[] = {
        {changes->added, "available"}, {changes->changed, "changed"}, {changes->removed, "disappeared"}};
    g_autofree gpointer *names = NULL;
    guint count = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
        for (size_t j = 0; lists[i].names[j]; j++)
            g_hash_table_insert(words, lists[i].names[j], (void *)lists[i].word);
    names = g_hash_table_get_keys_as_array(words, &count);
    qsort(names, count, sizeof(*names), compare_names);
    for (guint i = 0; i < count; i++)
        controller_output(controller, "%s: %s", (char *)names[i],
                          (char *)g_hash_table_lookup(words, names[i]));
    if (count == 0)
        controller_output(controller, "No config updates to processes");
}

int cmd_reread(Controller *controller, const char *arguments)
{
    g_autofree char *problem = NULL, *text = NULL;
    g_autoptr(xmlrpc_value) value = NULL;
    g_auto(ConfigChanges) changes = {0};
    g_auto(Reply) fault = {0};
    int r;

    if (*arguments)
        return refuse_arguments(controller, "reread");
    r = controller_call(controller, &value, &fault, "supervisor.reloadConfig", "()");
    if (r < 0)
        return r;
    if (r == CALL_FAULT && fault.code == FAULT_CANT_REREAD) {
        text = g_strdup_printf("ERROR: %s", fault.text);
        return tell_fault(controller, &fault, FAULT_CANT_REREAD, text);
    }
    if (r == CALL_FAULT)
        return tell_fault(controller, &fault, FAULT_SHUTDOWN_STATE, "ERROR: supervisor shutting down");
    if (record_read_changes(value, &changes, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    tell_changes(controller, &changes);
    return 0;
}

static int add_group(Controller *controller, const char *name)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_auto(Reply) fault = {0};
    int r = controller_call(controller, &value, &fault, "supervisor.addProcessGroup", "(s)", name);

    if (r < 0)
        return r;
    if (r == 0) {
        controller_output(controller, "%s: added process group", name);
    } else if (fault.code == FAULT_SHUTDOWN_STATE) {
        controller_output(controller, "ERROR: shutting down");
        controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
    } else if (fault.code == FAULT_ALREADY_ADDED) {
        /* Told as an error, and yet the exit status stays. */
        controller_output(controller, "ERROR: process group already active");
    } else if (fault.code == FAULT_BAD_NAME) {
        controller_output(controller, "ERROR: no such process/group: %s", name);
        controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
    } else {
        return controller_raise_reply(controller, &fault);
    }
    return 0;
}

static int remove_group(Controller *controller, const char *name)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_auto(Reply) fault = {0};
    int r = controller_call(controller, &value, &fault, "supervisor.removeProcessGroup", "(s)", name);

    if (r < 0)
        return r;
    if (r == 0) {
        controller_output(controller, "%s: removed process group", name);
        return 0;
    }
    if (fault.code == FAULT_STILL_RUNNING)
        controller_output(controller, "ERROR: process/group still running: %s", name);
    else if (fault.code == FAULT_BAD_NAME)
        controller_output(controller, "ERROR: no such process/group: %s", name);
    else
        return controller_raise_reply(controller, &fault);
    controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
    return 0;
}

static int for_each_name(Controller *controller, const char *arguments,
                         int (*act)(Controller *, const char *))
{
    g_auto(GStrv) names = argument_split(arguments);
    int r = 0;

    for (size_t i = 0; r >= 0 && names[i]; i++)
        r = act(controller, names[i]);
    return r;
}

int cmd_add(Controller *controller, const char *arguments)
{
    return for_each_name(controller, arguments, add_group);
}

int cmd_remove(Controller *controller, const char *arguments)
{
    return for_each_name(controller, arguments, remove_group);
}

/* During an update every fault ends the command. */
static int call_group(Controller *controller, const char *method, const char *name)
{
    g_autoptr(xmlrpc_value) value = NULL;

    return controller_call(controller, &value, NULL, method, "(s)", name);
}

/* Stops a group and says so. Returns 1, 0 when some of it did not stop, or negative. */
static int stop_group(Controller *controller, const char *name)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_autoptr(GArray) results = NULL;
    g_autofree char *problem = NULL;
    int r = controller_call(controller, &value, NULL, "supervisor.stopProcessGroup", "(s)", name);

    if (r < 0)
        return r;
    controller_output(controller, "%s: stopped", name);
    if (record_read_results(value, &results, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    for (guint i = 0; i < results->len; i++)
        if (g_array_index(results, ProcessResult, i).status == FAULT_FAILED)
            return 0;
    return 1;
}

static int update_removed(Controller *controller, const char *name)
{
    int r = stop_group(controller, name);

    if (r < 0)
        return r;
    if (r == 0) {
        controller_output(controller, "%s: has problems; not removing", name);
        controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
        return 0;
    }
    r = call_group(controller, "supervisor.removeProcessGroup", name);
    if (r >= 0)
        controller_output(controller, "%s: removed process group", name);
    return r;
}

static int update_changed(Controller *controller, const char *name)
{
    int r = stop_group(controller, name);

    if (r >= 0)
        r = call_group(controller, "supervisor.removeProcessGroup", name);
    if (r >= 0)
        r = call_group(controller, "supervisor.addProcessGroup", name);
    if (r >= 0)
        controller_output(controller, "%s: updated process group", name);
    return r;
}

static void tell_processes(Controller *controller, const char *group, char **names, const char *what)
{
    for (; *names; names++) {
        char *name = namespec_make(group, *names);
        controller_output(controller, "%s: %s", name, what);
        free(name);
    }
}

/* Ours: the server compares the group process by process and leaves alone what has not changed. */
static int update_minimally(Controller *controller, const char *name)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_auto(ConfigChanges) changes = {0};
    g_auto(Reply) fault = {0};
    g_autofree char *problem = NULL;
    int r = controller_call(controller, &value, &fault, "supersede.updateGroup", "(s)", name);

    if (r < 0)
        return r;
    if (r == CALL_FAULT)
        return tell_fault(controller, &fault, FAULT_UNKNOWN_METHOD,
                          "ERROR: this supervisord can only update whole groups: leave out --minimal");
    if (record_read_changes(value, &changes, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    tell_processes(controller, name, changes.removed, "removed");
    tell_processes(controller, name, changes.changed, "changed");
    tell_processes(controller, name, changes.added, "added");
    controller_output(controller, "%s: updated process group", name);
    return 0;
}

static int update_added(Controller *controller, const char *name)
{
    int r = call_group(controller, "supervisor.addProcessGroup", name);

    if (r >= 0)
        controller_output(controller, "%s: added process group", name);
    return r;
}

/* Tells which of the wanted groups are neither alive nor new; what is right is updated all the same. */
static int check_wanted(Controller *controller, char **wanted, char **added)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GArray) infos = NULL;
    g_autofree char *problem = NULL;
    int r = controller_call(controller, &value, NULL, "supervisor.getAllProcessInfo", "()");

    if (r < 0)
        return r;
    if (record_read_process_infos(value, &infos, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    for (guint i = 0; i < infos->len; i++)
        g_hash_table_add(known, g_array_index(infos, ProcessInfo, i).group);
    for (size_t i = 0; added[i]; i++)
        g_hash_table_add(known, added[i]);
    for (size_t i = 0; wanted[i]; i++) {
        /* Each is told once, however often it was named. */
        if (!g_hash_table_add(known, wanted[i]))
            continue;
        controller_output(controller, "ERROR: no such group: %s", wanted[i]);
        controller_set_exit_status(controller, EXIT_STATUS_GENERIC);
    }
    return 0;
}

static int update_groups(Controller *controller, const ConfigChanges *changes, char **wanted, bool minimal)
{
    const struct {
        char **names;
        int (*act)(Controller *, const char *);
    } steps[] = {{changes->removed, update_removed},
                 {changes->changed, minimal ? update_minimally : update_changed},
                 {changes->added, update_added}};
    int r = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
        for (size_t j = 0; r >= 0 && steps[i].names[j]; j++)
            if (!wanted[0] || g_strv_contains((const char *const *)wanted, steps[i].names[j]))
                r = steps[i].act(controller, steps[i].names[j]);
    return r;
}

int cmd_update(Controller *controller, const char *arguments)
{
    g_auto(GStrv) wanted = argument_split(arguments);
    g_autoptr(xmlrpc_value) value = NULL;
    g_auto(ConfigChanges) changes = {0};
    g_autofree char *problem = NULL;
    g_auto(Reply) fault = {0};
    bool minimal = argument_take_option(wanted, "--minimal");
    int r = controller_call(controller, &value, &fault, "supervisor.reloadConfig", "()");

    if (r < 0)
        return r;
    if (r == CALL_FAULT)
        return tell_fault(controller, &fault, FAULT_SHUTDOWN_STATE, "ERROR: already shutting down");
    if (record_read_changes(value, &changes, &problem) < 0)
        return controller_raise(controller, "%s", problem);
    /* "all" is no group's name here. */
    if (g_strv_contains((const char *const *)wanted, "all")) {
        g_strfreev(wanted);
        wanted = g_new0(char *, 1);
    }
    r = wanted[0] ? check_wanted(controller, wanted, changes.added) : 0;
    return r < 0 ? r : update_groups(controller, &changes, wanted, minimal);
}
