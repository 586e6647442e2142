#include "bridge/base64.h"

#include <glib.h>
#include <stdbool.h>

static bool is_digit(char c)
{
    return g_ascii_isalnum(c) || c == '+' || c == '/';
}

char *base64_decode(const char *text, size_t *ret_size)
{
    g_autoptr(GString) digits = g_string_new(NULL);
    size_t padding = 0;

    for (const char *p = text; *p; p++) {
        size_t position = digits->len % 4;
        if (is_digit(*p)) {
            g_string_append_c(digits, *p);
            padding = 0;
        } else if (*p == '=' && position >= 2 && position + ++padding == 4) {
            break;
        }
    }
    size_t rest = digits->len % 4;
    if (rest != 0 && rest + padding != 4)
        return NULL;
    for (size_t i = 0; rest != 0 && i < padding; i++)
        g_string_append_c(digits, '=');
    *ret_size = 0;
    if (digits->len == 0)
        return g_strdup("");
    g_autofree guchar *bytes = g_base64_decode(digits->str, ret_size);
    char *result = g_malloc(*ret_size + 1);
    memcpy(result, bytes, *ret_size);
    result[*ret_size] = '\0';
    return result;
}
