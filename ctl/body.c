#include "ctl/body.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* The deepest answer of the protocol (multicall of structs of arrays) needs about 25. */
#define DEPTH_MAX 200
/* Each costs the parser some 150 bytes, whatever it is worth: enough for 20,000 processes. */
#define TAGS_MAX 2000000

/* The characters below U+0020 that XML has no place for. */
static bool is_forbidden(unsigned char character)
{
    return character < 0x20 && character != '\t' && character != '\n' && character != '\r';
}

static bool needs_cleaning(const char *body, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (is_forbidden((unsigned char)body[i]))
            return true;
    return !g_utf8_validate_len(body, size, NULL);
}

static char *replace_forbidden(const char *body, size_t size)
{
    g_autofree char *valid = g_utf8_make_valid(body, (gssize)size);
    GString *clean = g_string_sized_new(size);

    for (const char *at = valid; *at; at++) {
        if (is_forbidden((unsigned char)*at))
            g_string_append(clean, "\uFFFD");
        else
            g_string_append_c(clean, *at);
    }
    return g_string_free(clean, FALSE);
}

static int refuse(char **ret_problem, const char *text)
{
    *ret_problem = g_strdup(text);
    return -EBADMSG;
}

/* Counts tags only: what is between < and > is for the parser to judge. "<" cannot stand anywhere else in XML
 * without the things refused here. */
static int check_markup(const char *body, char **ret_problem)
{
    unsigned depth = 0, tags = 0;

    for (const char *at = strchr(body, '<'); at; at = strchr(at + 1, '<')) {
        const char *end;

        if (++tags > TAGS_MAX)
            return refuse(ret_problem, "the server's answer has too many parts");
        if (at[1] == '!' || (at[1] == '?' && !g_str_has_prefix(at, "<?xml ")))
            return refuse(ret_problem, "the server's answer holds XML that no XML-RPC answer may hold");
        if (at[1] == '?')
            continue;
        end = strchr(at, '>');
        if (!end)
            return refuse(ret_problem, "the server's answer ends inside a tag");
        if (at[1] == '/')
            depth -= depth > 0;
        else if (end[-1] != '/')
            depth++;
        if (depth > DEPTH_MAX)
            return refuse(ret_problem, "the server's answer is nested too deeply");
    }
    return 0;
}

int body_clean(const char *body, size_t size, char **ret_clean, char **ret_problem)
{
    g_autofree char *clean =
        needs_cleaning(body, size) ? replace_forbidden(body, size) : g_strndup(body, size);
    int r = check_markup(clean, ret_problem);

    if (r < 0)
        return r;
    *ret_clean = g_steal_pointer(&clean);
    return 0;
}
