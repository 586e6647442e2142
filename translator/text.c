#include "translator/text.h"

#include <string.h>

#define SURROGATE_ESCAPE 0xdc00u

/* How many bytes the sequence that begins with `byte` has; 0: none begins so. */
static unsigned text_sequence_length(unsigned char byte)
{
    if (byte < 0x80)
        return 1;
    if (byte < 0xc2 || byte > 0xf4)
        return 0;
    return byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/* Whether `byte` may come second: overlong forms, surrogates and what lies beyond U+10FFFF show there. */
static bool text_is_second(unsigned char first, unsigned char byte)
{
    switch (first) {
    case 0xe0:
        return byte >= 0xa0 && byte < 0xc0;
    case 0xed:
        return byte >= 0x80 && byte < 0xa0;
    case 0xf0:
        return byte >= 0x90 && byte < 0xc0;
    case 0xf4:
        return byte >= 0x80 && byte < 0x90;
    default:
        return byte >= 0x80 && byte < 0xc0;
    }
}

/* How many of the bytes at `text` form a valid beginning of a sequence, at most its length. */
static unsigned text_valid_prefix(const char *text, const char *end)
{
    unsigned length = text_sequence_length((unsigned char)*text);
    unsigned valid = length > 0;
    for (unsigned i = 1; i < length && text + i < end; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (i == 1 ? !text_is_second((unsigned char)*text, byte) : (byte & 0xc0) != 0x80)
            break;
        valid++;
    }
    return valid;
}

const char *text_next(const char *text, const char *end, gunichar *ret_character)
{
    unsigned length = text_sequence_length((unsigned char)*text);
    if (length == 0 || text_valid_prefix(text, end) < length) {
        *ret_character = SURROGATE_ESCAPE + (unsigned char)*text;
        return text + 1;
    }
    *ret_character = length == 1 ? (gunichar)*text : g_utf8_get_char(text);
    return text + length;
}

gunichar text_previous(const char *text, const char *start)
{
    do
        text--;
    while (text > start && ((unsigned char)*text & 0xc0) == 0x80);
    return g_utf8_get_char(text);
}

size_t text_length(const char *text)
{
    const char *end = text + strlen(text);
    size_t count = 0;
    gunichar character;
    while (text < end) {
        text = text_next(text, end, &character);
        count++;
    }
    return count;
}

const char *text_offset(const char *text, size_t count)
{
    const char *end = text + strlen(text);
    gunichar character;
    while (text < end && count-- > 0)
        text = text_next(text, end, &character);
    return text;
}

bool text_is_space(gunichar character)
{
    if (character < 0x80)
        return (character >= 0x09 && character <= 0x0d) || (character >= 0x1c && character <= 0x20);
    return character == 0x85 || character == 0xa0 || character == 0x1680 ||
           (character >= 0x2000 && character <= 0x200a) || character == 0x2028 || character == 0x2029 ||
           character == 0x202f || character == 0x205f || character == 0x3000;
}

void text_strip(const char **start, const char **end)
{
    const char *last = *start; /* behind the last character that is no space */
    bool leading = true;
    for (const char *at = *start, *next; at < *end; at = next) {
        gunichar character;
        next = text_next(at, *end, &character);
        if (text_is_space(character))
            continue;
        if (leading)
            *start = at;
        leading = false;
        last = next;
    }
    if (leading)
        *start = last = *end;
    *end = last;
}

char *text_stripped(const char *text)
{
    const char *end = text + strlen(text);
    text_strip(&text, &end);
    return g_strndup(text, (size_t)(end - text));
}

GStrv text_split(const char *text)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    const char *end = text + strlen(text), *word = NULL;
    for (const char *next; text < end; text = next) {
        gunichar character;
        next = text_next(text, end, &character);
        if (!text_is_space(character)) {
            word = word ? word : text;
        } else if (word) {
            g_ptr_array_add(words, g_strndup(word, (size_t)(text - word)));
            word = NULL;
        }
    }
    if (word)
        g_ptr_array_add(words, g_strdup(word));
    g_ptr_array_add(words, NULL);
    return (GStrv)g_ptr_array_steal(words, NULL);
}

/* glib's case functions know the letters that change their number, but ask the locale, where Turkish
 * lower-cases "I" to a letter without a dot: plain ASCII does not go there. */
char *text_lower(const char *text)
{
    return g_str_is_ascii(text) || !g_utf8_validate(text, -1, NULL) ? g_ascii_strdown(text, -1)
                                                                    : g_utf8_strdown(text, -1);
}

char *text_upper(const char *text)
{
    return g_str_is_ascii(text) || !g_utf8_validate(text, -1, NULL) ? g_ascii_strup(text, -1)
                                                                    : g_utf8_strup(text, -1);
}

static bool text_is_printable(gunichar character)
{
    if (character < 0x7f)
        return character >= 0x20;
    if (character >= 0xd800 && character < 0xe000)
        return false;
    return g_unichar_isprint(character) && !g_unichar_isspace(character) &&
           g_unichar_type(character) != G_UNICODE_SPACE_SEPARATOR &&
           g_unichar_type(character) != G_UNICODE_FORMAT &&
           g_unichar_type(character) != G_UNICODE_PRIVATE_USE;
}

static void text_append_escaped(GString *repr, gunichar character)
{
    static const char named[] = "\tt\nn\rr";
    for (size_t i = 0; i + 1 < sizeof named; i += 2) {
        if (character == (gunichar)named[i]) {
            g_string_append_printf(repr, "\\%c", named[i + 1]);
            return;
        }
    }
    if (character < 0x100)
        g_string_append_printf(repr, "\\x%02x", character);
    else if (character < 0x10000)
        g_string_append_printf(repr, "\\u%04x", character);
    else
        g_string_append_printf(repr, "\\U%08x", character);
}

static char *text_quoted(const char *start, const char *end, bool ascii)
{
    size_t length = (size_t)(end - start);
    /* Double quotes only where they save escaping. */
    char quote = memchr(start, '\'', length) && !memchr(start, '"', length) ? '"' : '\'';
    GString *repr = g_string_new(NULL);
    g_string_append_c(repr, quote);
    for (const char *next; start < end; start = next) {
        gunichar character;
        next = text_next(start, end, &character);
        if (character == (gunichar)quote || character == '\\')
            g_string_append_printf(repr, "\\%c", (char)character);
        else if (text_is_printable(character) && !(ascii && character > 0x7e))
            g_string_append_len(repr, start, next - start);
        else
            text_append_escaped(repr, character);
    }
    g_string_append_c(repr, quote);
    return g_string_free(repr, FALSE);
}

char *text_repr(const char *text)
{
    return text_quoted(text, text + strlen(text), false);
}

char *text_repr_range(const char *start, const char *end)
{
    return text_quoted(start, end, false);
}

char *text_repr_bytes(const char *data, size_t size)
{
    char quote = memchr(data, '\'', size) && !memchr(data, '"', size) ? '"' : '\'';
    GString *repr = g_string_sized_new(size + 3);

    g_string_append_c(repr, 'b');
    g_string_append_c(repr, quote);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)data[i];

        if (byte == quote || byte == '\\')
            g_string_append_c(repr, '\\');
        if (byte >= 0x20 && byte < 0x7f)
            g_string_append_c(repr, (char)byte);
        else
            text_append_escaped(repr, byte);
    }
    g_string_append_c(repr, quote);
    return g_string_free(repr, FALSE);
}

char *text_ascii(const char *text)
{
    return text_quoted(text, text + strlen(text), true);
}

bool text_find_undecodable(const char *text, size_t length, size_t *ret_position, size_t *ret_count,
                           const char **ret_reason)
{
    const char *end = text + length;
    for (const char *at = text; at < end;) {
        unsigned wanted = text_sequence_length((unsigned char)*at);
        unsigned valid = text_valid_prefix(at, end);
        if (wanted > 0 && valid == wanted) {
            at += wanted;
            continue;
        }
        *ret_position = (size_t)(at - text);
        *ret_count = MAX(valid, 1);
        *ret_reason = wanted == 0         ? "invalid start byte"
                      : at + valid == end ? "unexpected end of data"
                                          : "invalid continuation byte";
        return true;
    }
    return false;
}

void text_append_printable(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar character = g_utf8_get_char(p);
        g_string_append_unichar(out, g_unichar_iscntrl(character) ? ' ' : character);
    }
}
