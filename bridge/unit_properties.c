#include "bridge/unit_properties.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

typedef int (*ReadProperty)(sd_bus_message *message, UnitSnapshot *snapshot, size_t offset);

static int read_pid(sd_bus_message *message, UnitSnapshot *snapshot, size_t offset)
{
    uint32_t value;
    int r = sd_bus_message_read(message, "u", &value);
    if (r >= 0)
        *(pid_t *)((char *)snapshot + offset) = (pid_t)value;
    return r;
}

static int read_count(sd_bus_message *message, UnitSnapshot *snapshot, size_t offset)
{
    uint32_t value;
    int r = sd_bus_message_read(message, "u", &value);
    if (r >= 0)
        *(unsigned *)((char *)snapshot + offset) = value;
    return r;
}

static int read_int(sd_bus_message *message, UnitSnapshot *snapshot, size_t offset)
{
    int32_t value;
    int r = sd_bus_message_read(message, "i", &value);
    if (r >= 0)
        *(int *)((char *)snapshot + offset) = value;
    return r;
}

static int read_time(sd_bus_message *message, UnitSnapshot *snapshot, size_t offset)
{
    return sd_bus_message_read(message, "t", (uint64_t *)((char *)snapshot + offset));
}

static int read_active_state(sd_bus_message *message, UnitSnapshot *snapshot, size_t offset)
{
    static const struct {
        const char *name;
        ActiveState state;
    } states[] = {
        {"inactive", ACTIVE_STATE_INACTIVE},
        {"activating", ACTIVE_STATE_ACTIVATING},
        {"active", ACTIVE_STATE_ACTIVE},
        {"reloading", ACTIVE_STATE_RELOADING},
        {"deactivating", ACTIVE_STATE_DEACTIVATING},
        {"failed", ACTIVE_STATE_FAILED},
    };
    const char *text;
    int r = sd_bus_message_read(message, "s", &text);
    for (size_t i = 0; r >= 0 && i < G_N_ELEMENTS(states); i++) {
        if (strcmp(states[i].name, text) == 0)
            snapshot->active_state = states[i].state;
    }
    return r;
}

static int read_sub_state(sd_bus_message *message, UnitSnapshot *snapshot, size_t offset)
{
    const char *text;
    int r = sd_bus_message_read(message, "s", &text);
    if (r >= 0)
        snapshot->killing = strcmp(text, "stop-sigkill") == 0;
    return r;
}

static int read_job(sd_bus_message *message, UnitSnapshot *snapshot, size_t offset)
{
    uint32_t id;
    int r = sd_bus_message_read(message, "(uo)", &id, NULL);
    if (r >= 0)
        snapshot->has_job = id != 0;
    return r;
}

static int read_invocation(sd_bus_message *message, UnitSnapshot *snapshot, size_t offset)
{
    const void *bytes;
    size_t size;
    int r = sd_bus_message_read_array(message, 'y', &bytes, &size);
    if (r >= 0 && size == sizeof snapshot->invocation)
        memcpy(snapshot->invocation, bytes, size);
    return r;
}

static const struct {
    const char *name;
    const char *signature;
    ReadProperty read;
    size_t offset;
} readable[] = {
    {"ActiveState", "s", read_active_state, 0},
    {"SubState", "s", read_sub_state, 0},
    {"Job", "(uo)", read_job, 0},
    {"InvocationID", "ay", read_invocation, 0},
    {"MainPID", "u", read_pid, offsetof(UnitSnapshot, main_pid)},
    {"ControlPID", "u", read_pid, offsetof(UnitSnapshot, control_pid)},
    {"ExecMainPID", "u", read_pid, offsetof(UnitSnapshot, exec_main_pid)},
    {"NRestarts", "u", read_count, offsetof(UnitSnapshot, restarts)},
    {"ExecMainCode", "i", read_int, offsetof(UnitSnapshot, exec_main_code)},
    {"ExecMainStatus", "i", read_int, offsetof(UnitSnapshot, exec_main_status)},
    {"ExecMainStartTimestamp", "t", read_time, offsetof(UnitSnapshot, exec_main_start)},
    {"ExecMainExitTimestamp", "t", read_time, offsetof(UnitSnapshot, exec_main_exit)},
    {"ExecMainStartTimestampMonotonic", "t", read_time, offsetof(UnitSnapshot, exec_main_start_monotonic)},
    {"ExecMainExitTimestampMonotonic", "t", read_time, offsetof(UnitSnapshot, exec_main_exit_monotonic)},
};

static int read_one(sd_bus_message *message, UnitSnapshot *snapshot)
{
    const char *name;

    int r = sd_bus_message_read(message, "s", &name);
    if (r < 0)
        return r;
    for (size_t i = 0; i < G_N_ELEMENTS(readable); i++) {
        if (strcmp(readable[i].name, name) != 0)
            continue;
        r = sd_bus_message_enter_container(message, 'v', readable[i].signature);
        if (r >= 0)
            r = readable[i].read(message, snapshot, readable[i].offset);
        if (r >= 0)
            r = sd_bus_message_exit_container(message);
        return r;
    }
    return sd_bus_message_skip(message, "v");
}

int unit_properties_read(sd_bus_message *message, UnitSnapshot *snapshot)
{
    int r = sd_bus_message_enter_container(message, 'a', "{sv}");
    if (r < 0)
        return r;
    while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
        r = read_one(message, snapshot);
        if (r >= 0)
            r = sd_bus_message_exit_container(message);
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    r = sd_bus_message_exit_container(message);
    return r < 0 ? r : 0;
}

/* Writing
 * -------------------------------------------------------------------------------------------------------- */

static int append_string(sd_bus_message *message, const Property *property)
{
    return sd_bus_message_append(message, "v", "s", property->value.string);
}

static int append_boolean(sd_bus_message *message, const Property *property)
{
    return sd_bus_message_append(message, "v", "b", (int)property->value.boolean);
}

static int append_int32(sd_bus_message *message, const Property *property)
{
    return sd_bus_message_append(message, "v", "i", property->value.int32);
}

static int append_uint32(sd_bus_message *message, const Property *property)
{
    return sd_bus_message_append(message, "v", "u", property->value.uint32);
}

static int append_uint64(sd_bus_message *message, const Property *property)
{
    return sd_bus_message_append(message, "v", "t", property->value.uint64);
}

static int append_string_list(sd_bus_message *message, const Property *property)
{
    int r = sd_bus_message_open_container(message, 'v', "as");
    if (r >= 0)
        r = sd_bus_message_append_strv(message, (char **)property->value.string_list);
    return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_uint32_list(sd_bus_message *message, const Property *property)
{
    int r = sd_bus_message_open_container(message, 'v', "au");
    if (r >= 0)
        r = sd_bus_message_append_array(message, 'u', property->value.uint32_list.numbers,
                                        property->value.uint32_list.count * sizeof(uint32_t));
    return r < 0 ? r : sd_bus_message_close_container(message);
}

/* v(a(sasb)) with one command: path, arguments with the path's name first, whether a failure is ignored. */
static int append_command(sd_bus_message *message, const Property *property)
{
    char **argv = (char **)property->value.command.argv;

    int r = sd_bus_message_open_container(message, 'v', "a(sasb)");
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'a', "(sasb)");
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'r', "sasb");
    if (r >= 0)
        r = sd_bus_message_append(message, "s", argv[0]);
    if (r >= 0)
        r = sd_bus_message_append_strv(message, argv);
    if (r >= 0)
        r = sd_bus_message_append(message, "b", (int)property->value.command.ignore_failure);
    for (unsigned i = 0; r >= 0 && i < 3; i++)
        r = sd_bus_message_close_container(message);
    return r;
}

static int append_exit_status_set(sd_bus_message *message, const Property *property)
{
    int r = sd_bus_message_open_container(message, 'v', "(aiai)");
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'r', "aiai");
    if (r >= 0)
        r = sd_bus_message_append_array(message, 'i', property->value.exit_status_set.codes,
                                        property->value.exit_status_set.code_count * sizeof(int32_t));
    if (r >= 0)
        r = sd_bus_message_append_array(message, 'i', property->value.exit_status_set.signals,
                                        property->value.exit_status_set.signal_count * sizeof(int32_t));
    for (unsigned i = 0; r >= 0 && i < 2; i++)
        r = sd_bus_message_close_container(message);
    return r;
}

static int append_listen(sd_bus_message *message, const Property *property)
{
    return sd_bus_message_append(message, "v", "a(ss)", 1, "Stream", property->value.string);
}

static int (*const append_value[])(sd_bus_message *message, const Property *property) = {
    [PROPERTY_STRING] = append_string,
    [PROPERTY_BOOLEAN] = append_boolean,
    [PROPERTY_INT32] = append_int32,
    [PROPERTY_UINT32] = append_uint32,
    [PROPERTY_UINT64] = append_uint64,
    [PROPERTY_STRING_LIST] = append_string_list,
    [PROPERTY_UINT32_LIST] = append_uint32_list,
    [PROPERTY_COMMAND] = append_command,
    [PROPERTY_EXIT_STATUS_SET] = append_exit_status_set,
    [PROPERTY_LISTEN] = append_listen,
};

int unit_properties_append_each(sd_bus_message *message, const PropertyList *properties)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < property_list_count(properties); i++) {
        const Property *property = property_list_get(properties, i);
        r = sd_bus_message_open_container(message, 'r', "sv");
        if (r >= 0)
            r = sd_bus_message_append(message, "s", property->name);
        if (r >= 0)
            r = append_value[property->kind](message, property);
        if (r >= 0)
            r = sd_bus_message_close_container(message);
    }
    return r;
}

int unit_properties_append(sd_bus_message *message, const PropertyList *properties)
{
    int r = sd_bus_message_open_container(message, 'a', "(sv)");
    if (r >= 0)
        r = unit_properties_append_each(message, properties);
    return r < 0 ? r : sd_bus_message_close_container(message);
}
