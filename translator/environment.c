#include "translator/environment.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "translator/text.h"

struct Environment {
    GPtrArray *variables; /* of EnvironmentVariable */
    GHashTable *index;    /* name → EnvironmentVariable */
};

static void environment_free_variable(void *data)
{
    EnvironmentVariable *variable = data;
    g_free((char *)variable->name);
    g_free((char *)variable->value);
    g_free(variable);
}

Environment *environment_new(void)
{
    Environment *environment = g_new0(Environment, 1);
    environment->variables = g_ptr_array_new_with_free_func(environment_free_variable);
    environment->index = g_hash_table_new(g_str_hash, g_str_equal);
    return environment;
}

void environment_free(Environment *environment)
{
    if (!environment)
        return;
    g_hash_table_unref(environment->index);
    g_ptr_array_unref(environment->variables);
    g_free(environment);
}

void environment_set(Environment *environment, const char *name, const char *value)
{
    EnvironmentVariable *variable = g_hash_table_lookup(environment->index, name);
    if (!variable) {
        variable = g_new0(EnvironmentVariable, 1);
        variable->name = g_strdup(name);
        g_ptr_array_add(environment->variables, variable);
        g_hash_table_insert(environment->index, (char *)variable->name, variable);
    }
    g_free((char *)variable->value);
    variable->value = g_strdup(value);
}

void environment_update(Environment *environment, const Environment *other)
{
    for (size_t i = 0; i < environment_count(other); i++) {
        const EnvironmentVariable *variable = environment_get(other, i);
        environment_set(environment, variable->name, variable->value);
    }
}

size_t environment_count(const Environment *environment)
{
    return environment->variables->len;
}

const EnvironmentVariable *environment_get(const Environment *environment, size_t index)
{
    return g_ptr_array_index(environment->variables, index);
}

/* shlex in its non-POSIX mode: quotes stay part of the token, a token ends behind its closing quote, whatever
 * is neither word, quote, space nor comment is a token of one character. */
typedef struct Lexer {
    const char *at;
    const char *end;
} Lexer;

static bool environment_is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool environment_is_word(char byte)
{
    return g_ascii_isalnum(byte) || (byte != '\0' && strchr("_/.+-():", byte));
}

static bool environment_is_quote(char byte)
{
    return byte == '\'' || byte == '"';
}

static void environment_skip_comment(Lexer *lexer)
{
    while (lexer->at < lexer->end && *lexer->at++ != '\n')
        ;
}

static void environment_skip_blanks(Lexer *lexer)
{
    while (lexer->at < lexer->end) {
        if (*lexer->at == '#')
            environment_skip_comment(lexer);
        else if (environment_is_blank(*lexer->at))
            lexer->at++;
        else
            return;
    }
}

/* A comment does not end a word: "A=b#c", newline, "d" is the word "bd". */
static void environment_read_word(Lexer *lexer, GString *token)
{
    while (lexer->at < lexer->end) {
        char byte = *lexer->at;
        if (byte == '#')
            environment_skip_comment(lexer);
        else if (environment_is_word(byte) || environment_is_quote(byte))
            g_string_append_c(token, *lexer->at++);
        else
            return;
    }
}

/* Returns 1 with a token, 0 at the end, -EINVAL when a quote is not closed. */
static int environment_read_token(Lexer *lexer, GString *token)
{
    g_string_truncate(token, 0);
    environment_skip_blanks(lexer);
    if (lexer->at == lexer->end)
        return 0;

    char byte = *lexer->at;
    if (environment_is_quote(byte)) {
        const char *closing = memchr(lexer->at + 1, byte, (size_t)(lexer->end - lexer->at - 1));
        if (!closing)
            return -EINVAL;
        g_string_append_len(token, lexer->at, closing + 1 - lexer->at);
        lexer->at = closing + 1;
    } else if (environment_is_word(byte)) {
        environment_read_word(lexer, token);
    } else {
        gunichar character;
        const char *next = text_next(lexer->at, lexer->end, &character);
        g_string_append_len(token, lexer->at, next - lexer->at);
        lexer->at = next;
    }
    return 1;
}

static GPtrArray *environment_split(const char *text)
{
    Lexer lexer = {.at = text, .end = text + strlen(text)};
    g_autoptr(GPtrArray) tokens = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) token = g_string_new(NULL);
    int result;
    while ((result = environment_read_token(&lexer, token)) > 0)
        g_ptr_array_add(tokens, g_strdup(token->str));
    return result < 0 ? NULL : g_steal_pointer(&tokens);
}

static char *environment_unquoted(const char *token)
{
    size_t length = strlen(token);
    while (length > 0 && environment_is_quote(token[length - 1]))
        length--;
    size_t start = 0;
    while (start < length && environment_is_quote(token[start]))
        start++;
    return g_strndup(token + start, length - start);
}

int environment_parse(const char *text, Environment **ret, char **ret_error)
{
    g_autoptr(GPtrArray) tokens = environment_split(text);
    if (!tokens) {
        *ret_error = g_strdup("No closing quotation");
        return -EINVAL;
    }
    g_autoptr(Environment) environment = environment_new();
    /* Name, "=", value, and a fourth token that nobody looks at: usually the comma. */
    for (unsigned i = 0; i < tokens->len; i += 4) {
        if (i + 3 > tokens->len || strcmp(g_ptr_array_index(tokens, i + 1), "=") != 0) {
            *ret_error = g_strdup_printf("Unexpected end of key/value pairs in value '%s'", text);
            return -EINVAL;
        }
        g_autofree char *value = environment_unquoted(g_ptr_array_index(tokens, i + 2));
        environment_set(environment, g_ptr_array_index(tokens, i), value);
    }
    *ret = g_steal_pointer(&environment);
    return 0;
}
