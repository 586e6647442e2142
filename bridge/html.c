#include "bridge/html.h"

#include <stdbool.h>
#include <string.h>

typedef const char *Entities[256];

static const Entities entities = {
    ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;",
};
static const Entities none = {NULL};

static const char replacement[] = "\xEF\xBF\xBD";

static bool is_control(gunichar c)
{
    return (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c < 0xa0);
}

/* The bytes from `p` on that can stay as they are. */
static size_t plain_length(const char *p, const char *end, const Entities table)
{
    const char *start = p;

    while (p < end && (unsigned char)*p < 0x7f && !is_control((unsigned char)*p) && !table[(unsigned char)*p])
        p++;
    return (size_t)(p - start);
}

/* Appends one character that may not be plain; returns how many bytes it was. */
static size_t append_character(GString *out, const char *p, const char *end, const Entities table)
{
    const char *entity = table[(unsigned char)*p];
    gunichar c = g_utf8_get_char_validated(p, end - p);

    if (entity) {
        g_string_append(out, entity);
        return 1;
    }
    if (*p == '\r' && p + 1 < end && p[1] == '\n')
        return 1;
    /* A NUL is 0 or no character at all, depending on the version of glib. */
    if (c == (gunichar)-1 || c == (gunichar)-2 || c == 0) {
        g_string_append(out, replacement);
        return 1;
    }
    size_t size = (size_t)(g_utf8_next_char(p) - p);
    if (is_control(c))
        g_string_append(out, replacement);
    else
        g_string_append_len(out, p, (gssize)size);
    return size;
}

static void append(GString *out, const char *bytes, gssize size, const Entities table)
{
    const char *p = bytes;
    const char *end = bytes + (size < 0 ? strlen(bytes) : (size_t)size);

    while (p < end) {
        size_t plain = plain_length(p, end, table);
        g_string_append_len(out, p, (gssize)plain);
        p += plain;
        if (p < end)
            p += append_character(out, p, end, table);
    }
}

void html_append_text(GString *out, const char *bytes, gssize size)
{
    append(out, bytes, size, entities);
}

char *html_clean(const char *bytes)
{
    GString *out = g_string_new(NULL);

    append(out, bytes, -1, none);
    return g_string_free(out, FALSE);
}

static const char *find_value(const HtmlField *fields, const char *name, size_t length)
{
    for (; fields->name; fields++) {
        if (strncmp(fields->name, name, length) == 0 && fields->name[length] == '\0')
            return fields->value ? fields->value : "";
    }
    return "";
}

/* `p` is behind "{{". Returns what comes behind the place. */
static const char *fill_place(GString *out, const char *p, const HtmlField *fields)
{
    bool is_markup = *p == '{';
    const char *name = p + is_markup;
    const char *end = strstr(name, is_markup ? "}}}" : "}}");

    g_assert(end);
    const char *value = find_value(fields, name, (size_t)(end - name));
    if (is_markup)
        g_string_append(out, value);
    else
        html_append_text(out, value, -1);
    return end + (is_markup ? 3 : 2);
}

void html_render(GString *out, const char *template, const HtmlField *fields)
{
    const char *place;

    while ((place = strstr(template, "{{"))) {
        g_string_append_len(out, template, place - template);
        template = fill_place(out, place + 2, fields);
    }
    g_string_append(out, template);
}

char *html_quote(const char *text)
{
    return g_uri_escape_bytes((const guint8 *)text, strlen(text), "/");
}
