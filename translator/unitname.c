#include "translator/unitname.h"

#include <stdint.h>
#include <string.h>

/* Hexadecimal digits of SHA-256 that stand for what was cut off. */
#define HASH_DIGITS   16
#define DIRECTORY_MAX 200

static bool is_plain(char c)
{
    return g_ascii_isalnum(c) || c == '_' || c == '.';
}

static void append_escaped(GString *out, const char *text)
{
    if (!*text)
        g_string_append(out, "\\x00");
    for (const char *p = text; *p; p++) {
        /* systemd-escape hides a leading dot, lest a name begin with it. */
        if (is_plain(*p) && !(p == text && *p == '.'))
            g_string_append_c(out, *p);
        else
            g_string_append_printf(out, "\\x%02x", (unsigned char)*p);
    }
}

char *unitname_escape(const char *text)
{
    GString *out = g_string_new(NULL);

    append_escaped(out, text);
    return g_string_free(out, FALSE);
}

char *unitname_escape_if_needed(const char *text)
{
    bool fine = *text && *text != '.';

    for (const char *p = text; *p; p++)
        fine = fine && (is_plain(*p) || *p == '-');
    return fine ? g_strdup(text) : unitname_escape(text);
}

static char *hash(const char *text, const char *salt)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);

    g_checksum_update(checksum, (const unsigned char *)text, -1);
    if (salt) {
        g_checksum_update(checksum, (const unsigned char *)"", 1);
        g_checksum_update(checksum, (const unsigned char *)salt, -1);
    }
    return g_strndup(g_checksum_get_string(checksum), HASH_DIGITS);
}

/* Shortens `text` to `length` bytes, or a few less: half an escape (`mark` and two or three more bytes) is
 * not left behind. */
static void cut(GString *text, size_t length, char mark, size_t escape_length)
{
    if (text->len <= length)
        return;
    g_string_truncate(text, length);
    for (size_t back = 1; back < escape_length && back <= text->len; back++) {
        if (text->str[text->len - back] == mark) {
            g_string_truncate(text, text->len - back);
            return;
        }
    }
}

char *unitname_compose(const char *prefix, const char *instance, const char *suffix, bool force_hash,
                       const char *salt)
{
    g_autofree char *tail = g_strconcat(instance ? "@" : "", instance ?: "", suffix, NULL);
    g_autofree char *whole = g_strconcat(prefix, tail, NULL);

    if (!force_hash && strlen(whole) <= UNITNAME_MAX)
        return g_steal_pointer(&whole);

    g_autofree char *digest = hash(whole, salt);
    GString *name = g_string_new(prefix);
    cut(name, UNITNAME_MAX - strlen(tail) - 1 - HASH_DIGITS, '\\', 4);
    g_string_append_printf(name, ":%s%s", digest, tail);
    return g_string_free(name, FALSE);
}

/* The first `length` bytes of `text` for a path; what is cut off is told by a hash of `whole`. */
static char *path_part(const char *text, size_t length, const char *whole, size_t limit)
{
    GString *part = g_string_new(NULL);

    for (const char *p = text; p < text + length; p++) {
        if ((is_plain(*p) || strchr(":@-", *p)) && !(p == text && *p == '.'))
            g_string_append_c(part, *p);
        else
            g_string_append_printf(part, "=%02X", (unsigned char)*p);
    }
    if (part->len > limit) {
        g_autofree char *digest = hash(whole, NULL);
        cut(part, limit - 1 - HASH_DIGITS, '=', 3);
        g_string_append_printf(part, ":%s", digest);
    }
    return g_string_free(part, FALSE);
}

char *unitname_file_stem(const char *name, size_t limit)
{
    const char *dot = strrchr(name, '.');

    return path_part(name, dot ? (size_t)(dot - name) : strlen(name), name, limit);
}

char *unitname_directory(const char *identifier)
{
    return *identifier ? path_part(identifier, strlen(identifier), identifier, DIRECTORY_MAX) : g_strdup("=");
}
