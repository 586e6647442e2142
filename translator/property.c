#include "translator/property.h"

#include <string.h>

struct PropertyList {
    GPtrArray *properties; /* Property, owned */
};

static void property_free(void *data)
{
    Property *property = data;

    switch (property->kind) {
    case PROPERTY_STRING:
    case PROPERTY_LISTEN:
        g_free((char *)property->value.string);
        break;
    case PROPERTY_STRING_LIST:
        g_strfreev((char **)property->value.string_list);
        break;
    case PROPERTY_UINT32_LIST:
        g_free((uint32_t *)property->value.uint32_list.numbers);
        break;
    case PROPERTY_COMMAND:
        g_strfreev((char **)property->value.command.argv);
        break;
    case PROPERTY_EXIT_STATUS_SET:
        g_free((int32_t *)property->value.exit_status_set.codes);
        g_free((int32_t *)property->value.exit_status_set.signals);
        break;
    case PROPERTY_BOOLEAN:
    case PROPERTY_INT32:
    case PROPERTY_UINT32:
    case PROPERTY_UINT64:
        break;
    }
    g_free((char *)property->name);
    g_free(property);
}

PropertyList *property_list_new(void)
{
    PropertyList *list = g_new0(PropertyList, 1);

    list->properties = g_ptr_array_new_with_free_func(property_free);
    return list;
}

void property_list_free(PropertyList *list)
{
    if (!list)
        return;
    g_ptr_array_unref(list->properties);
    g_free(list);
}

static Property *append(PropertyList *list, const char *name, PropertyKind kind)
{
    Property *property = g_new0(Property, 1);

    property->kind = kind;
    property->name = g_strdup(name);
    g_ptr_array_add(list->properties, property);
    return property;
}

void property_list_add_string(PropertyList *list, const char *name, const char *value)
{
    append(list, name, PROPERTY_STRING)->value.string = g_strdup(value);
}

void property_list_add_boolean(PropertyList *list, const char *name, bool value)
{
    append(list, name, PROPERTY_BOOLEAN)->value.boolean = value;
}

void property_list_add_int32(PropertyList *list, const char *name, int32_t value)
{
    append(list, name, PROPERTY_INT32)->value.int32 = value;
}

void property_list_add_uint32(PropertyList *list, const char *name, uint32_t value)
{
    append(list, name, PROPERTY_UINT32)->value.uint32 = value;
}

void property_list_add_uint64(PropertyList *list, const char *name, uint64_t value)
{
    append(list, name, PROPERTY_UINT64)->value.uint64 = value;
}

void property_list_add_string_list(PropertyList *list, const char *name, const char *const *values)
{
    append(list, name, PROPERTY_STRING_LIST)->value.string_list = g_strdupv((char **)values);
}

void property_list_add_uint32_list(PropertyList *list, const char *name, const uint32_t *numbers,
                                   size_t count)
{
    Property *property = append(list, name, PROPERTY_UINT32_LIST);

    property->value.uint32_list.numbers = g_memdup2(numbers, count * sizeof *numbers);
    property->value.uint32_list.count = count;
}

void property_list_add_command(PropertyList *list, const char *name, const char *const *argv,
                               bool ignore_failure)
{
    Property *property = append(list, name, PROPERTY_COMMAND);

    property->value.command.argv = g_strdupv((char **)argv);
    property->value.command.ignore_failure = ignore_failure;
}

void property_list_add_exit_status_set(PropertyList *list, const char *name, const int32_t *codes,
                                       size_t code_count, const int32_t *signals, size_t signal_count)
{
    Property *property = append(list, name, PROPERTY_EXIT_STATUS_SET);

    property->value.exit_status_set.codes = g_memdup2(codes, code_count * sizeof *codes);
    property->value.exit_status_set.code_count = code_count;
    property->value.exit_status_set.signals = g_memdup2(signals, signal_count * sizeof *signals);
    property->value.exit_status_set.signal_count = signal_count;
}

void property_list_add_listen(PropertyList *list, const char *address)
{
    append(list, "Listen", PROPERTY_LISTEN)->value.string = g_strdup(address);
}

size_t property_list_count(const PropertyList *list)
{
    return list->properties->len;
}

const Property *property_list_get(const PropertyList *list, size_t index)
{
    return g_ptr_array_index(list->properties, index);
}

const Property *property_list_find(const PropertyList *list, const char *name)
{
    for (size_t i = 0; i < property_list_count(list); i++) {
        const Property *property = property_list_get(list, i);
        if (strcmp(property->name, name) == 0)
            return property;
    }
    return NULL;
}
