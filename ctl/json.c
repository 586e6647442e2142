#include "ctl/json.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "ctl/client.h"
#include "ctl/wire.h"
#include "translator/json_string.h"

void json_append_string(GString *text, const char *string)
{
    json_string_append(text, string);
}

static void append_array(GString *text, xmlrpc_value *value)
{
    xmlrpc_env env;
    int size;

    xmlrpc_env_init(&env);
    size = xmlrpc_array_size(&env, value);
    g_string_append_c(text, '[');
    for (int i = 0; i < size; i++) {
        g_autoptr(xmlrpc_value) item = NULL;

        xmlrpc_array_read_item(&env, value, (unsigned)i, &item);
        g_string_append(text, i > 0 ? ", " : "");
        json_append(text, item);
    }
    g_string_append_c(text, ']');
    xmlrpc_env_clean(&env);
}

static void append_struct(GString *text, xmlrpc_value *value)
{
    xmlrpc_env env;
    int size;

    xmlrpc_env_init(&env);
    size = xmlrpc_struct_size(&env, value);
    g_string_append_c(text, '{');
    for (int i = 0; i < size; i++) {
        g_autoptr(xmlrpc_value) key = NULL, member = NULL;

        xmlrpc_struct_read_member(&env, value, (unsigned)i, &key, &member);
        g_string_append(text, i > 0 ? ", " : "");
        json_append(text, key);
        g_string_append(text, ": ");
        json_append(text, member);
    }
    g_string_append_c(text, '}');
    xmlrpc_env_clean(&env);
}

static void append_double(GString *text, xmlrpc_value *value)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    double number = 0;
    xmlrpc_env env;

    xmlrpc_env_init(&env);
    xmlrpc_read_double(&env, value, &number);
    xmlrpc_env_clean(&env);
    /* JSON has no infinity. */
    g_string_append(text, isfinite(number) ? g_ascii_dtostr(digits, sizeof(digits), number) : "null");
}

static void append_truth(GString *text, xmlrpc_value *value)
{
    xmlrpc_bool truth = 0;
    xmlrpc_env env;

    xmlrpc_env_init(&env);
    xmlrpc_read_bool(&env, value, &truth);
    xmlrpc_env_clean(&env);
    g_string_append(text, truth ? "true" : "false");
}

/* Everything else that can be read as a number or as text; dates and bytes never come from a supervisord. */
static void append_scalar(GString *text, xmlrpc_value *value)
{
    g_autofree char *string = NULL, *problem = NULL;
    int64_t number;

    if (wire_read_integer(value, &number, &problem) >= 0) {
        g_string_append_printf(text, "%" G_GINT64_FORMAT, number);
        return;
    }
    g_clear_pointer(&problem, g_free);
    if (wire_read_text(value, &string, &problem) >= 0)
        json_append_string(text, string);
    else
        g_string_append(text, "null");
}

void json_append(GString *text, xmlrpc_value *value)
{
    switch (xmlrpc_value_type(value)) {
    case XMLRPC_TYPE_ARRAY:
        append_array(text, value);
        break;
    case XMLRPC_TYPE_STRUCT:
        append_struct(text, value);
        break;
    case XMLRPC_TYPE_DOUBLE:
        append_double(text, value);
        break;
    case XMLRPC_TYPE_BOOL:
        append_truth(text, value);
        break;
    default:
        append_scalar(text, value);
    }
}
