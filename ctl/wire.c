#include "ctl/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static int wrong(char **ret_problem, const char *what)
{
    *ret_problem = g_strdup_printf("the server's answer holds something else than %s", what);
    return -EBADMSG;
}

int wire_read_text(xmlrpc_value *value, char **ret, char **ret_problem)
{
    const char *text = NULL;
    size_t length = 0;
    xmlrpc_env env;

    xmlrpc_env_init(&env);
    xmlrpc_read_string_lp(&env, value, &length, &text);
    if (env.fault_occurred) {
        xmlrpc_env_clean(&env);
        return wrong(ret_problem, "a string");
    }
    *ret = g_strndup(text, length);
    free((char *)text);
    xmlrpc_env_clean(&env);
    return 0;
}

int wire_read_integer(xmlrpc_value *value, int64_t *ret, char **ret_problem)
{
    xmlrpc_int64 wide = 0;
    xmlrpc_bool truth = 0;
    int narrow = 0;
    bool failed;
    xmlrpc_env env;

    xmlrpc_env_init(&env);
    switch (xmlrpc_value_type(value)) {
    case XMLRPC_TYPE_INT:
        xmlrpc_read_int(&env, value, &narrow);
        wide = narrow;
        break;
    case XMLRPC_TYPE_I8:
        xmlrpc_read_i8(&env, value, &wide);
        break;
    case XMLRPC_TYPE_BOOL:
        xmlrpc_read_bool(&env, value, &truth);
        wide = truth != 0;
        break;
    default:
        xmlrpc_env_clean(&env);
        return wrong(ret_problem, "an integer");
    }
    failed = env.fault_occurred;
    xmlrpc_env_clean(&env);
    if (failed)
        return wrong(ret_problem, "an integer");
    *ret = wide;
    return 0;
}

static int read_truth(xmlrpc_value *value, bool *ret, char **ret_problem)
{
    g_autofree char *text = NULL;
    int64_t number = 0;
    int r;

    if (xmlrpc_value_type(value) == XMLRPC_TYPE_STRING) {
        r = wire_read_text(value, &text, ret_problem);
        number = r >= 0 && *text;
    } else {
        r = wire_read_integer(value, &number, ret_problem);
    }
    if (r >= 0)
        *ret = number != 0;
    return r;
}

static int read_field(xmlrpc_value *value, const WireField *field, void *record, char **ret_problem)
{
    void *at = (char *)record + field->offset;

    switch (field->kind) {
    case WIRE_TEXT:
        return wire_read_text(value, at, ret_problem);
    case WIRE_INTEGER:
        return wire_read_integer(value, at, ret_problem);
    case WIRE_TRUTH:
        return read_truth(value, at, ret_problem);
    }
    g_assert_not_reached();
}

/* Returns a new reference, or NULL when there is no such member. */
static xmlrpc_value *find_member(xmlrpc_value *value, const char *name)
{
    xmlrpc_value *member = NULL;
    xmlrpc_env env;

    xmlrpc_env_init(&env);
    xmlrpc_struct_find_value(&env, value, name, &member);
    if (env.fault_occurred)
        member = NULL;
    xmlrpc_env_clean(&env);
    return member;
}

static int read_member(xmlrpc_value *value, const WireField *field, void *record, char **ret_problem)
{
    g_autoptr(xmlrpc_value) member = find_member(value, field->name);
    g_autofree char *problem = NULL;
    int r;

    if (!member) {
        *ret_problem = g_strdup_printf("the server's answer lacks '%s'", field->name);
        return -EBADMSG;
    }
    r = read_field(member, field, record, &problem);
    if (r < 0)
        *ret_problem = g_strdup_printf("%s in '%s'", problem, field->name);
    return r;
}

void wire_clear_struct(const WireField *fields, size_t field_count, void *record)
{
    for (size_t i = 0; i < field_count; i++)
        if (fields[i].kind == WIRE_TEXT)
            g_clear_pointer((char **)((char *)record + fields[i].offset), g_free);
}

int wire_read_struct(xmlrpc_value *value, const WireField *fields, size_t field_count, void *ret_record,
                     char **ret_problem)
{
    if (xmlrpc_value_type(value) != XMLRPC_TYPE_STRUCT)
        return wrong(ret_problem, "a struct");
    for (size_t i = 0; i < field_count; i++) {
        int r = read_member(value, &fields[i], ret_record, ret_problem);
        if (r < 0) {
            wire_clear_struct(fields, i, ret_record);
            return r;
        }
    }
    return 0;
}

static int array_size(xmlrpc_value *value, size_t *ret, char **ret_problem)
{
    xmlrpc_env env;

    if (xmlrpc_value_type(value) != XMLRPC_TYPE_ARRAY)
        return wrong(ret_problem, "an array");
    xmlrpc_env_init(&env);
    *ret = (size_t)xmlrpc_array_size(&env, value);
    xmlrpc_env_clean(&env);
    return 0;
}

int wire_read_item(xmlrpc_value *value, size_t index, xmlrpc_value **ret, char **ret_problem)
{
    xmlrpc_value *item = NULL;
    xmlrpc_env env;
    size_t size;
    int r = array_size(value, &size, ret_problem);

    if (r < 0)
        return r;
    if (index >= size)
        return wrong(ret_problem, "an array of that length");
    xmlrpc_env_init(&env);
    xmlrpc_array_read_item(&env, value, (unsigned)index, &item);
    if (env.fault_occurred)
        r = wrong(ret_problem, "an array");
    else
        *ret = item;
    xmlrpc_env_clean(&env);
    return r;
}

int wire_read_structs(xmlrpc_value *value, const WireField *fields, size_t field_count, size_t record_size,
                      GDestroyNotify clear, GArray **ret, char **ret_problem)
{
    g_autoptr(GArray) records = g_array_new(FALSE, TRUE, (guint)record_size);
    size_t size;
    int r = array_size(value, &size, ret_problem);

    g_array_set_clear_func(records, clear);
    for (size_t i = 0; r >= 0 && i < size; i++) {
        g_autoptr(xmlrpc_value) item = NULL;

        r = wire_read_item(value, i, &item, ret_problem);
        g_array_set_size(records, (guint)i + 1);
        if (r >= 0)
            r = wire_read_struct(item, fields, field_count, records->data + i * record_size, ret_problem);
    }
    if (r >= 0)
        *ret = g_steal_pointer(&records);
    return r;
}

int wire_read_texts(xmlrpc_value *value, char ***ret, char **ret_problem)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    size_t size;
    int r = array_size(value, &size, ret_problem);

    for (size_t i = 0; r >= 0 && i < size; i++) {
        g_autoptr(xmlrpc_value) item = NULL;
        char *text = NULL;

        r = wire_read_item(value, i, &item, ret_problem);
        if (r >= 0)
            r = wire_read_text(item, &text, ret_problem);
        if (r >= 0)
            g_ptr_array_add(texts, text);
    }
    if (r < 0)
        return r;
    g_ptr_array_add(texts, NULL);
    *ret = (char **)g_ptr_array_steal(texts, NULL);
    return 0;
}
