#include "translator/json_string.h"

static void append_character(GString *out, gunichar character)
{
    if (character == '"' || character == '\\')
        g_string_append_printf(out, "\\%c", (char)character);
    else if (character < 0x20 || (character >= 0x7f && character <= 0x9f))
        g_string_append_printf(out, "\\u%04x", character);
    else
        g_string_append_unichar(out, character);
}

void json_string_append(GString *out, const char *string)
{
    if (!string) {
        g_string_append(out, "null");
        return;
    }
    g_autofree char *valid = g_utf8_make_valid(string, -1);
    g_string_append_c(out, '"');
    for (const char *at = valid; *at; at = g_utf8_next_char(at))
        append_character(out, g_utf8_get_char(at));
    g_string_append_c(out, '"');
}
