#include "ctl/answer.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "ctl/client.h"

enum {
    DEPTH_MAX = 12, /* below any limit of xmlrpc-c's */
    DIGITS_MAX = 10,
};

typedef struct Scanner {
    const char *at;
    GString *text; /* of the element that was read last */
    unsigned depth;
} Scanner;

static xmlrpc_value *read_value(Scanner *scanner);

static void skip_space(Scanner *scanner)
{
    scanner->at += strspn(scanner->at, " \t\n");
}

/* Exactly this tag; white space in it is left to the other parser. */
static bool take(Scanner *scanner, const char *tag)
{
    size_t length = strlen(tag);

    if (strncmp(scanner->at, tag, length) != 0)
        return false;
    scanner->at += length;
    return true;
}

static bool take_after_space(Scanner *scanner, const char *tag)
{
    skip_space(scanner);
    return take(scanner, tag);
}

static bool take_entity(Scanner *scanner)
{
    static const struct {
        const char *name;
        char character;
    } entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}};

    for (size_t i = 0; i < G_N_ELEMENTS(entities); i++) {
        if (take(scanner, entities[i].name)) {
            g_string_append_c(scanner->text, entities[i].character);
            return true;
        }
    }
    return false;
}

/* Text up to `end`, which is taken as well. A carriage return means something to XML, "]]>" is not allowed.
 */
static bool take_text(Scanner *scanner, const char *end)
{
    g_string_truncate(scanner->text, 0);
    for (;;) {
        size_t plain = strcspn(scanner->at, "&<\r]");
        g_string_append_len(scanner->text, scanner->at, (gssize)plain);
        scanner->at += plain;
        if (*scanner->at == '<')
            return take(scanner, end);
        if (*scanner->at == ']' && strncmp(scanner->at, "]]>", 3) != 0)
            g_string_append_c(scanner->text, *scanner->at++);
        else if (*scanner->at != '&' || !take_entity(scanner))
            return false;
    }
}

static xmlrpc_value *made(xmlrpc_env *env, xmlrpc_value *value)
{
    if (env->fault_occurred)
        value = NULL;
    xmlrpc_env_clean(env);
    return value;
}

static xmlrpc_value *read_string(Scanner *scanner)
{
    xmlrpc_env env;

    if (!take_text(scanner, "</string>"))
        return NULL;
    xmlrpc_env_init(&env);
    return made(&env, xmlrpc_string_new_lp(&env, scanner->text->len, scanner->text->str));
}

static bool take_number(Scanner *scanner, const char *end, int64_t *ret)
{
    if (!take_text(scanner, end))
        return false;
    const char *text = scanner->text->str;
    size_t digits = strspn(text + (*text == '-'), "0123456789");
    if (digits == 0 || digits > DIGITS_MAX || text[digits + (*text == '-')] != '\0')
        return false;
    *ret = g_ascii_strtoll(text, NULL, 10);
    return true;
}

static xmlrpc_value *read_int(Scanner *scanner)
{
    int64_t number;
    xmlrpc_env env;

    if (!take_number(scanner, "</int>", &number) || number < INT32_MIN || number > INT32_MAX)
        return NULL;
    xmlrpc_env_init(&env);
    return made(&env, xmlrpc_int_new(&env, (int)number));
}

static xmlrpc_value *read_boolean(Scanner *scanner)
{
    xmlrpc_env env;

    if (!take_text(scanner, "</boolean>") || scanner->text->len != 1 || !strchr("01", scanner->text->str[0]))
        return NULL;
    xmlrpc_env_init(&env);
    return made(&env, xmlrpc_bool_new(&env, scanner->text->str[0] == '1'));
}

static xmlrpc_value *read_nil(Scanner *scanner)
{
    xmlrpc_env env;

    xmlrpc_env_init(&env);
    return made(&env, xmlrpc_nil_new(&env));
}

static bool read_member(Scanner *scanner, xmlrpc_value *structure)
{
    g_autoptr(xmlrpc_value) value = NULL;
    g_autofree char *name = NULL;
    xmlrpc_env env;

    if (!take_after_space(scanner, "<name>") || !take_text(scanner, "</name>"))
        return false;
    name = g_strndup(scanner->text->str, scanner->text->len);
    value = read_value(scanner);
    if (!value || !take_after_space(scanner, "</member>"))
        return false;
    xmlrpc_env_init(&env);
    xmlrpc_struct_set_value(&env, structure, name, value);
    return made(&env, structure) != NULL;
}

static xmlrpc_value *read_struct(Scanner *scanner)
{
    g_autoptr(xmlrpc_value) structure = NULL;
    xmlrpc_env env;

    xmlrpc_env_init(&env);
    structure = made(&env, xmlrpc_struct_new(&env));
    if (!structure)
        return NULL;
    while (!take_after_space(scanner, "</struct>")) {
        if (!take(scanner, "<member>") || !read_member(scanner, structure))
            return NULL;
    }
    return g_steal_pointer(&structure);
}

static bool read_item(Scanner *scanner, xmlrpc_value *array)
{
    g_autoptr(xmlrpc_value) item = read_value(scanner);
    xmlrpc_env env;

    if (!item)
        return false;
    xmlrpc_env_init(&env);
    xmlrpc_array_append_item(&env, array, item);
    return made(&env, array) != NULL;
}

static xmlrpc_value *read_array(Scanner *scanner)
{
    g_autoptr(xmlrpc_value) array = NULL;
    xmlrpc_env env;

    xmlrpc_env_init(&env);
    array = made(&env, xmlrpc_array_new(&env));
    if (!array || !take_after_space(scanner, "<data>"))
        return NULL;
    while (!take_after_space(scanner, "</data>")) {
        if (!read_item(scanner, array))
            return NULL;
    }
    return take_after_space(scanner, "</array>") ? g_steal_pointer(&array) : NULL;
}

static const struct {
    const char *tag;
    xmlrpc_value *(*read)(Scanner *scanner);
} kinds[] = {
    {"<string>", read_string}, {"<int>", read_int},         {"<struct>", read_struct},
    {"<array>", read_array},   {"<boolean>", read_boolean}, {"<nil/>", read_nil},
};

static xmlrpc_value *read_kind(Scanner *scanner)
{
    skip_space(scanner);
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (take(scanner, kinds[i].tag))
            return kinds[i].read(scanner);
    }
    return NULL;
}

static xmlrpc_value *read_value(Scanner *scanner)
{
    g_autoptr(xmlrpc_value) value = NULL;

    if (++scanner->depth > DEPTH_MAX || !take_after_space(scanner, "<value>"))
        return NULL;
    value = read_kind(scanner);
    scanner->depth--;
    return value && take_after_space(scanner, "</value>") ? g_steal_pointer(&value) : NULL;
}

static bool take_all(Scanner *scanner, const char *const *tags)
{
    for (; *tags; tags++) {
        if (!take_after_space(scanner, *tags))
            return false;
    }
    return true;
}

int answer_read(const char *text, xmlrpc_value **ret)
{
    static const char *const before[] = {"<methodResponse>", "<params>", "<param>", NULL};
    static const char *const after[] = {"</param>", "</params>", "</methodResponse>", NULL};
    g_autoptr(GString) buffer = g_string_new(NULL);
    Scanner scanner = {.at = text, .text = buffer};
    g_autoptr(xmlrpc_value) value = NULL;

    if (take(&scanner, "<?xml version='1.0'?>") && take_all(&scanner, before))
        value = read_value(&scanner);
    if (!value || !take_all(&scanner, after))
        return -ENOTSUP;
    skip_space(&scanner);
    if (*scanner.at != '\0')
        return -ENOTSUP;
    *ret = g_steal_pointer(&value);
    return 0;
}
