#include "common/python_getopt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Parser {
    const GetoptRow *rows;
    size_t row_count;
    char *const *arguments;
    size_t next;
    GetoptMatch *matches;
    size_t match_count;
    char *message;
} Parser;

static int refuse(Parser *parser, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(Parser *parser, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vasprintf(&parser->message, format, arguments);
    va_end(arguments);
    if (length < 0) {
        parser->message = NULL;
        return -ENOMEM;
    }
    return -EINVAL;
}

static int add_match(Parser *parser, const GetoptRow *row, bool is_long, const char *value)
{
    GetoptMatch *grown = realloc(parser->matches, (parser->match_count + 1) * sizeof(*grown));
    GetoptMatch *match;

    if (!grown)
        return -ENOMEM;
    parser->matches = grown;
    match = &grown[parser->match_count++];
    match->row = row;
    match->value = value ? value : "";
    if (is_long)
        snprintf(match->name, sizeof(match->name), "--%s", row->long_name);
    else
        snprintf(match->name, sizeof(match->name), "-%c", row->short_name);
    return 0;
}

/* An exact name wins over longer ones; otherwise only one may begin so. */
static int find_long(Parser *parser, const char *name, size_t length, const GetoptRow **ret)
{
    const GetoptRow *found = NULL;
    size_t candidates = 0;

    for (size_t i = 0; i < parser->row_count; i++) {
        const char *candidate = parser->rows[i].long_name;
        if (!candidate || strncmp(candidate, name, length) != 0)
            continue;
        found = &parser->rows[i];
        if (candidate[length] == '\0') {
            *ret = found;
            return 0;
        }
        candidates++;
    }
    if (candidates == 0)
        return refuse(parser, "option --%.*s not recognized", (int)length, name);
    if (candidates > 1)
        return refuse(parser, "option --%.*s not a unique prefix", (int)length, name);
    *ret = found;
    return 0;
}

static int take_long(Parser *parser, const char *text)
{
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    const char *value = equals ? equals + 1 : NULL;
    const GetoptRow *row = NULL;
    int r = find_long(parser, text, length, &row);

    if (r < 0)
        return r;
    if (!row->has_value && value)
        return refuse(parser, "option --%s must not have an argument", row->long_name);
    if (row->has_value && !value) {
        value = parser->arguments[parser->next];
        if (!value)
            return refuse(parser, "option --%s requires argument", row->long_name);
        parser->next++;
    }
    return add_match(parser, row, true, value);
}

/* Python looks at characters, so an option that is not ASCII is shown whole. */
static int character_length(const char *text)
{
    int length = 1;

    while (((unsigned char)text[0] & 0xc0) == 0xc0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length++;
    return length;
}

static const GetoptRow *find_short(const Parser *parser, char name)
{
    for (size_t i = 0; i < parser->row_count; i++)
        if (parser->rows[i].short_name == name)
            return &parser->rows[i];
    return NULL;
}

static int take_shorts(Parser *parser, const char *text)
{
    while (*text) {
        const GetoptRow *row = find_short(parser, *text);
        const char *value = NULL;
        int r;

        if (!row)
            return refuse(parser, "option -%.*s not recognized", character_length(text), text);
        text++;
        if (row->has_value) {
            value = *text ? text : parser->arguments[parser->next++];
            if (!value)
                return refuse(parser, "option -%c requires argument", row->short_name);
            text = "";
        }
        r = add_match(parser, row, false, value);
        if (r < 0)
            return r;
    }
    return 0;
}

static int take_all(Parser *parser)
{
    const char *argument;
    int r = 0;

    while (r >= 0 && (argument = parser->arguments[parser->next]) && argument[0] == '-' && argument[1]) {
        parser->next++;
        if (strcmp(argument, "--") == 0)
            return 0;
        r = argument[1] == '-' ? take_long(parser, argument + 2) : take_shorts(parser, argument + 1);
    }
    return r;
}

int python_getopt(const GetoptRow *rows, size_t row_count, char *const *arguments, GetoptMatch **ret_matches,
                  size_t *ret_match_count, size_t *ret_first, char **ret_message)
{
    Parser parser = {.rows = rows, .row_count = row_count, .arguments = arguments};
    int r = take_all(&parser);

    if (r < 0) {
        free(parser.matches);
        if (r == -EINVAL)
            *ret_message = parser.message;
        return r;
    }
    *ret_matches = parser.matches;
    *ret_match_count = parser.match_count;
    *ret_first = parser.next;
    return 0;
}
