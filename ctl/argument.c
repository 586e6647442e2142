#include "ctl/argument.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* Python refuses to read longer numbers. */
#define DIGITS_MAX 4300

/* Size in bytes of the white space at `text`; 0 when it begins with something else. */
static size_t space_size(const char *text)
{
    gunichar character = g_utf8_get_char_validated(text, -1);

    if (*text == '\0' || character == (gunichar)-1 || character == (gunichar)-2)
        return 0;
    /* Python counts these controls as white space, glib does not. */
    if (g_unichar_isspace(character) || character == 0x0b || character == 0x85 ||
        (character >= 0x1c && character <= 0x1f))
        return (size_t)(g_utf8_next_char(text) - text);
    return 0;
}

static const char *skip_spaces(const char *text)
{
    size_t size;

    while ((size = space_size(text)) > 0)
        text += size;
    return text;
}

static const char *skip_word(const char *text)
{
    while (*text && space_size(text) == 0)
        text++;
    return text;
}

char *argument_strip(const char *text)
{
    const char *start = skip_spaces(text);
    const char *end = start;

    for (const char *at = start; *at; at = skip_spaces(at)) {
        at = skip_word(at);
        end = at;
    }
    return g_strndup(start, (gsize)(end - start));
}

char **argument_split(const char *text)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();

    for (const char *at = skip_spaces(text); *at; at = skip_spaces(at)) {
        const char *start = at;
        at = skip_word(at);
        g_ptr_array_add(words, g_strndup(start, (gsize)(at - start)));
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_steal(words, NULL);
}

/* Digits with single underscores between them, into `digits` without the underscores. */
static bool collect_digits(const char *text, GString *digits)
{
    bool after_digit = false;

    for (; *text; text++) {
        if (*text == '_' && after_digit) {
            after_digit = false;
            continue;
        }
        if (!g_ascii_isdigit(*text) || digits->len >= DIGITS_MAX)
            return false;
        g_string_append_c(digits, *text);
        after_digit = true;
    }
    return after_digit;
}

int argument_integer(const char *text, int64_t *ret)
{
    g_autofree char *stripped = argument_strip(text);
    g_autoptr(GString) digits = g_string_new(NULL);
    const char *at = stripped;
    gint64 value;

    if (*at == '+' || *at == '-')
        g_string_append_c(digits, *at++);
    if (!collect_digits(at, digits))
        return -EINVAL;
    errno = 0;
    value = g_ascii_strtoll(digits->str, NULL, 10);
    if (errno == ERANGE)
        return -ERANGE;
    *ret = value;
    return 0;
}

bool argument_take_option(char **words, const char *option)
{
    char **kept = words;
    bool taken = false;

    for (char **word = words; *word; word++) {
        if (strcmp(*word, option) == 0) {
            g_free(*word);
            taken = true;
        } else {
            *kept++ = *word;
        }
    }
    *kept = NULL;
    return taken;
}
