#include "tests/unit/fake-manager.h"

#include <string.h>

#include "common/namespec.h"

typedef struct Watch {
    unsigned id;
    InstanceChanged changed;
    InstanceChanged gone;
    void *userdata;
} Watch;

/* --- instances --- */

static Instance *instance_new(Group *group, const ProcessConfig *config)
{
    Instance *instance = g_new0(Instance, 1);

    instance->group = group;
    instance->config = config;
    instance->namespec = namespec_make(group->config.name, config->name);
    instance->spawnerr = "";
    instance->stdin_text = g_string_new(NULL);
    instance->after_start = PROCESS_STARTING;
    instance->after_stop = PROCESS_STOPPING;
    instance->watches = g_array_new(FALSE, FALSE, sizeof(Watch));
    return instance;
}

static void instance_free(Instance *instance)
{
    while (instance->watches->len > 0) {
        Watch watch = g_array_index(instance->watches, Watch, 0);
        g_array_remove_index(instance->watches, 0);
        watch.gone(instance, watch.userdata);
    }
    g_array_unref(instance->watches);
    free(instance->namespec);
    g_string_free(instance->stdin_text, TRUE);
    g_free(instance);
}

const char *instance_name(const Instance *instance)
{
    return instance->config->name;
}

const char *instance_unit(const Instance *instance)
{
    return instance->namespec;
}

const char *instance_namespec(const Instance *instance)
{
    return instance->namespec;
}

const ProcessConfig *instance_config(const Instance *instance)
{
    return instance->config;
}

Group *instance_group(const Instance *instance)
{
    return instance->group;
}

ProcessState instance_state(const Instance *instance)
{
    return instance->state;
}

pid_t instance_pid(const Instance *instance)
{
    return instance->pid;
}

double instance_laststart(const Instance *instance)
{
    return instance->laststart;
}

double instance_laststop(const Instance *instance)
{
    return instance->laststop;
}

int instance_exitstatus(const Instance *instance)
{
    return instance->exitstatus;
}

unsigned instance_restarts(const Instance *instance)
{
    return instance->restarts;
}

uint64_t instance_log_bytes(const Instance *instance, Stream stream)
{
    return stream == STREAM_STDOUT ? instance->log_bytes : 0;
}

const char *instance_spawnerr(const Instance *instance)
{
    return instance->spawnerr;
}

const char *instance_logfile(const Instance *instance, Stream stream)
{
    return instance->logfile[stream];
}

bool instance_logs_to_journal(const Instance *instance, Stream stream)
{
    return instance->journal_log[stream] != NULL;
}

JournalLog *instance_journal_log(const Instance *instance, Stream stream)
{
    return instance->journal_log[stream];
}

static bool has_watch(const Instance *instance, unsigned id)
{
    for (size_t i = 0; i < instance->watches->len; i++) {
        if (g_array_index(instance->watches, Watch, i).id == id)
            return true;
    }
    return false;
}

void fake_instance_set_state(Instance *instance, ProcessState state)
{
    g_autoptr(GArray) watches = g_array_copy(instance->watches);

    instance->state = state;
    for (size_t i = 0; i < watches->len; i++) {
        const Watch *watch = &g_array_index(watches, Watch, i);
        if (has_watch(instance, watch->id))
            watch->changed(instance, watch->userdata);
    }
}

void instance_start(Instance *instance)
{
    instance->starts++;
    if (instance->state == PROCESS_STOPPING || process_state_is_running(instance->state))
        return;
    instance->spawnerr = instance->spawnerr_after_start ? instance->spawnerr_after_start : "";
    fake_instance_set_state(instance, instance->after_start);
}

void instance_stop(Instance *instance)
{
    instance->stops++;
    fake_instance_set_state(instance,
                            instance->state == PROCESS_BACKOFF ? PROCESS_STOPPED : instance->after_stop);
}

int instance_check_command(Instance *instance, char **ret_message)
{
    if (instance->command_problem > 0)
        *ret_message = g_strdup(instance->command_message);
    return instance->command_problem;
}

void instance_stop_report(Instance *instance)
{
    instance->reports++;
}

void instance_signal(Instance *instance, int signal, InstanceSignalDone done, void *userdata)
{
    instance->last_signal = signal;
    instance->signal_done = done;
    instance->signal_userdata = userdata;
    if (!instance->signal_later)
        fake_instance_deliver(instance);
}

void fake_instance_deliver(Instance *instance)
{
    InstanceSignalDone done = g_steal_pointer(&instance->signal_done);

    done(instance, instance->signal_result, instance->signal_userdata);
}

int instance_write_stdin(Instance *instance, const char *data, size_t size)
{
    g_string_append_len(instance->stdin_text, data, (gssize)size);
    return instance->stdin_result;
}

int instance_clear_logs(Instance *instance)
{
    return instance->clear_result;
}

unsigned instance_watch(Instance *instance, InstanceChanged changed, InstanceChanged gone, void *userdata)
{
    static unsigned last;
    Watch watch = {.id = ++last, .changed = changed, .gone = gone, .userdata = userdata};

    g_array_append_val(instance->watches, watch);
    return watch.id;
}

void instance_unwatch(Instance *instance, unsigned id)
{
    for (size_t i = 0; i < instance->watches->len; i++) {
        if (g_array_index(instance->watches, Watch, i).id == id) {
            g_array_remove_index(instance->watches, (guint)i);
            return;
        }
    }
    g_error("no watch %u", id);
}

unsigned fake_instance_watch_count(const Instance *instance)
{
    return instance->watches->len;
}

/* --- groups --- */

const char *group_name(const Group *group)
{
    return group->config.name;
}

const GroupConfig *group_config(const Group *group)
{
    return &group->config;
}

size_t group_instance_count(const Group *group)
{
    return group->instances->len;
}

Instance *group_instance(const Group *group, size_t index)
{
    return g_ptr_array_index(group->instances, index);
}

Instance *group_find_instance(const Group *group, const char *name)
{
    for (size_t i = 0; i < group->instances->len; i++) {
        if (g_str_equal(instance_name(group_instance(group, i)), name))
            return group_instance(group, i);
    }
    return NULL;
}

static void fake_group_free(Group *group)
{
    g_ptr_array_unref(group->instances);
    g_free(group);
}

/* --- manager --- */

Manager *fake_manager_new(sd_event *event, MainLog *log, Config *config)
{
    Manager *manager = g_new0(Manager, 1);

    manager->event = event;
    manager->log = log;
    manager->state = DAEMON_RUNNING;
    manager->config = config;
    manager->events = event_bus_new();
    manager->groups = g_ptr_array_new_with_free_func((GDestroyNotify)fake_group_free);
    return manager;
}

void fake_manager_free(Manager *manager)
{
    g_ptr_array_unref(manager->groups);
    event_bus_free(manager->events);
    g_free(manager);
}

Group *fake_manager_add(Manager *manager, const GroupConfig *config)
{
    Group *group = g_new0(Group, 1);

    group->config = *config;
    group->instances = g_ptr_array_new_with_free_func((GDestroyNotify)instance_free);
    for (size_t i = 0; i < config->process_count; i++)
        g_ptr_array_add(group->instances, instance_new(group, config->processes[i]));
    g_ptr_array_add(manager->groups, group);
    return group;
}

void fake_manager_remove(Manager *manager, const char *name)
{
    g_ptr_array_remove(manager->groups, manager_find_group(manager, name));
}

Instance *fake_manager_instance(const Manager *manager, const char *group, const char *name)
{
    return group_find_instance(manager_find_group(manager, group), name);
}

sd_event *manager_event(const Manager *manager)
{
    return manager->event;
}

MainLog *manager_log(const Manager *manager)
{
    return manager->log;
}

const char *manager_identifier(const Manager *manager)
{
    return "fake";
}

int manager_compare_group(const Manager *manager, const char *name, GroupChange *ret_change)
{
    return FAULT_BAD_NAME;
}

int manager_update_group(Manager *manager, const char *name)
{
    return FAULT_BAD_NAME;
}

void group_change_clear(GroupChange *change)
{
    *change = (GroupChange){0};
}

EventBus *manager_events(const Manager *manager)
{
    return manager->events;
}

DaemonState manager_state(const Manager *manager)
{
    return manager->state;
}

void manager_shutdown(Manager *manager)
{
    manager->shutdowns++;
    manager->state = DAEMON_SHUTDOWN;
}

void manager_restart(Manager *manager)
{
    manager->restarts++;
    manager->state = DAEMON_RESTARTING;
}

const Config *manager_config(const Manager *manager)
{
    return manager->config;
}

void config_difference_clear(ConfigDifference *difference)
{
    g_clear_pointer(&difference->added, g_strfreev);
    g_clear_pointer(&difference->changed, g_strfreev);
    g_clear_pointer(&difference->removed, g_strfreev);
}

int manager_reread(Manager *manager, ConfigDifference *ret_difference, char **ret_message)
{
    if (manager->reread_result != 0) {
        *ret_message = g_strdup(manager->reread_message);
        return manager->reread_result;
    }
    *ret_difference = (ConfigDifference){
        .added = g_strsplit("new1 new2", " ", 0),
        .changed = g_strsplit("g", " ", 0),
        .removed = g_new0(char *, 1),
    };
    return 0;
}

int manager_add_group(Manager *manager, const char *name)
{
    if (manager_find_group(manager, name))
        return FAULT_ALREADY_ADDED;
    for (size_t i = 0; i < config_group_count(manager->config); i++) {
        const GroupConfig *config = config_group(manager->config, i);
        if (g_str_equal(config->name, name)) {
            fake_manager_add(manager, config);
            return 0;
        }
    }
    return FAULT_BAD_NAME;
}

int manager_remove_group(Manager *manager, const char *name)
{
    Group *group = manager_find_group(manager, name);

    if (!group)
        return FAULT_BAD_NAME;
    for (size_t i = 0; i < group_instance_count(group); i++) {
        if (!process_state_is_stopped(instance_state(group_instance(group, i))))
            return FAULT_STILL_RUNNING;
    }
    fake_manager_remove(manager, name);
    return 0;
}

Group *manager_find_group(const Manager *manager, const char *name)
{
    for (size_t i = 0; i < manager->groups->len; i++) {
        Group *group = g_ptr_array_index(manager->groups, i);
        if (g_str_equal(group_name(group), name))
            return group;
    }
    return NULL;
}

static int compare_instances(const void *a, const void *b)
{
    const Instance *left = *(Instance *const *)a;
    const Instance *right = *(Instance *const *)b;
    int order = strcmp(group_name(left->group), group_name(right->group));

    return order != 0 ? order : strcmp(instance_name(left), instance_name(right));
}

GPtrArray *manager_instances(const Manager *manager, InstanceOrder order)
{
    GPtrArray *instances = g_ptr_array_new();

    for (size_t i = 0; i < manager->groups->len; i++) {
        Group *group = g_ptr_array_index(manager->groups, i);
        g_ptr_array_extend(instances, group->instances, NULL, NULL);
    }
    if (order == ORDER_LEXICAL)
        g_ptr_array_sort(instances, compare_instances);
    return instances;
}
