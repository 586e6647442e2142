#include "bridge/rpc_value.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "translator/text.h"

#define REPLACEMENT "\xEF\xBF\xBD"

static bool is_forbidden(const char *p, const char *end)
{
    unsigned char c = (unsigned char)*p;

    if (c < 0x20)
        return c != '\t' && c != '\n' && c != '\r';
    /* U+FFFE and U+FFFF */
    return c == 0xEF && end - p >= 3 && (unsigned char)p[1] == 0xBF && (unsigned char)p[2] >= 0xBE;
}

static void append_valid(GString *out, const char *p, const char *end)
{
    while (p < end) {
        const char *run = p;
        while (p < end && !is_forbidden(p, end))
            p++;
        g_string_append_len(out, run, p - run);
        if (p < end) {
            g_string_append(out, REPLACEMENT);
            p = g_utf8_next_char(p);
        }
    }
}

GVariant *rpc_value_string(const char *text, gssize size)
{
    const char *p = text;
    const char *end = text + (size < 0 ? (gssize)strlen(text) : size);
    GString *out = g_string_sized_new((gsize)(end - text));

    while (p < end) {
        const char *stop;
        bool all = g_utf8_validate_len(p, (gsize)(end - p), &stop);
        append_valid(out, p, stop);
        p = stop;
        if (!all) {
            g_string_append(out, REPLACEMENT);
            p++;
        }
    }
    return g_variant_new_take_string(g_string_free(out, FALSE));
}

GVariant *rpc_value_integer(int64_t value)
{
    if (value >= INT32_MIN && value <= INT32_MAX)
        return g_variant_new_int32((gint32)value);
    return g_variant_new_int64(value);
}

GVariant *rpc_value_time(double value)
{
    return g_variant_new_int32((gint32)CLAMP(value, (double)INT32_MIN, (double)INT32_MAX));
}

GVariant *rpc_value_nil(void)
{
    return g_variant_new_maybe(G_VARIANT_TYPE_VARIANT, NULL);
}

void rpc_value_add(GVariantBuilder *builder, const char *name, GVariant *value)
{
    g_variant_builder_add(builder, "{sv}", name, value);
}

bool rpc_value_is_true(GVariant *value)
{
    switch (g_variant_classify(value)) {
    case G_VARIANT_CLASS_BOOLEAN:
        return g_variant_get_boolean(value);
    case G_VARIANT_CLASS_INT32:
        return g_variant_get_int32(value) != 0;
    case G_VARIANT_CLASS_INT64:
        return g_variant_get_int64(value) != 0;
    case G_VARIANT_CLASS_DOUBLE:
        return g_variant_get_double(value) != 0;
    case G_VARIANT_CLASS_STRING:
        return *g_variant_get_string(value, NULL) != '\0';
    case G_VARIANT_CLASS_ARRAY:
    case G_VARIANT_CLASS_MAYBE:
        return g_variant_n_children(value) > 0;
    default:
        return true;
    }
}

bool rpc_value_is_hashable(GVariant *value)
{
    return g_variant_classify(value) != G_VARIANT_CLASS_ARRAY;
}

int rpc_value_parse_integer(const char *text, int64_t *ret)
{
    g_autofree char *digits = g_strstrip(g_strdup(text));
    size_t length = 0;
    char *end;

    for (const char *p = digits; *p; p++) {
        bool between = p > digits && g_ascii_isdigit(p[-1]) && g_ascii_isdigit(p[1]);
        if (*p == '_' && between)
            continue;
        if (!g_ascii_isdigit(*p) && !(p == digits && strchr("+-", *p)))
            return -EINVAL;
        digits[length++] = *p;
    }
    digits[length] = '\0';
    if (length == 0 || !g_ascii_isdigit(digits[length - 1]))
        return -EINVAL;
    errno = 0;
    gint64 value = g_ascii_strtoll(digits, &end, 10);
    if (errno != 0 || *end)
        return -EINVAL;
    *ret = value;
    return 0;
}

static int integer_from_double(double value, int64_t *ret)
{
    if (!isfinite(value) || fabs(value) >= 9.2e18)
        return -EINVAL;
    *ret = (int64_t)value;
    return 0;
}

int rpc_value_to_integer(GVariant *value, int64_t *ret)
{
    switch (g_variant_classify(value)) {
    case G_VARIANT_CLASS_BOOLEAN:
        *ret = g_variant_get_boolean(value);
        return 0;
    case G_VARIANT_CLASS_INT32:
        *ret = g_variant_get_int32(value);
        return 0;
    case G_VARIANT_CLASS_INT64:
        *ret = g_variant_get_int64(value);
        return 0;
    case G_VARIANT_CLASS_DOUBLE:
        return integer_from_double(g_variant_get_double(value), ret);
    case G_VARIANT_CLASS_STRING:
        return rpc_value_parse_integer(g_variant_get_string(value, NULL), ret);
    default:
        return -EPROTOTYPE;
    }
}

/* Python's repr() of a float: the fewest digits that read back the same; an exponent only below 1e-4 and from
 * 1e16 on. */
static char *double_to_text(double value)
{
    char scientific[G_ASCII_DTOSTR_BUF_SIZE];
    char plain[G_ASCII_DTOSTR_BUF_SIZE];
    int digits = 0;

    if (!isfinite(value))
        return g_strdup(isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    do {
        g_autofree char *format = g_strdup_printf("%%.%de", digits);
        g_ascii_formatd(scientific, sizeof scientific, format, value);
    } while (g_ascii_strtod(scientific, NULL) != value && ++digits < 17);
    int exponent = (int)g_ascii_strtoll(strchr(scientific, 'e') + 1, NULL, 10);
    if (exponent < -4 || exponent >= 16)
        return g_strdup(scientific);
    g_autofree char *format = g_strdup_printf("%%.%df", MAX(digits - exponent, 1));
    return g_strdup(g_ascii_formatd(plain, sizeof plain, format, value));
}

/* Python's repr(): texts have quotes. */
static void append_shown(GString *out, GVariant *value)
{
    g_autofree char *text = rpc_value_to_text(value);
    g_autofree char *quoted = g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) ? text_repr(text) : NULL;

    g_string_append(out, quoted ? quoted : text ? text : "None");
}

static char *list_to_text(GVariant *list)
{
    GString *out = g_string_new("[");

    for (size_t i = 0; i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) child = g_variant_get_child_value(list, i);
        g_autoptr(GVariant) value = g_variant_get_variant(child);
        g_string_append(out, i > 0 ? ", " : "");
        append_shown(out, value);
    }
    g_string_append_c(out, ']');
    return g_string_free(out, FALSE);
}

static char *struct_to_text(GVariant *members)
{
    GString *out = g_string_new("{");
    GVariantIter iterator;
    const char *name;
    GVariant *value;

    g_variant_iter_init(&iterator, members);
    while (g_variant_iter_loop(&iterator, "{&sv}", &name, &value)) {
        g_autofree char *quoted = text_repr(name);
        g_string_append_printf(out, "%s%s: ", out->len > 1 ? ", " : "", quoted);
        append_shown(out, value);
    }
    g_string_append_c(out, '}');
    return g_string_free(out, FALSE);
}

char *rpc_value_to_text(GVariant *value)
{
    if (g_variant_is_of_type(value, G_VARIANT_TYPE("av")))
        return list_to_text(value);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT))
        return struct_to_text(value);
    switch (g_variant_classify(value)) {
    case G_VARIANT_CLASS_MAYBE:
        return NULL;
    case G_VARIANT_CLASS_BOOLEAN:
        return g_strdup(g_variant_get_boolean(value) ? "True" : "False");
    case G_VARIANT_CLASS_INT32:
        return g_strdup_printf("%d", g_variant_get_int32(value));
    case G_VARIANT_CLASS_INT64:
        return g_strdup_printf("%" G_GINT64_FORMAT, g_variant_get_int64(value));
    case G_VARIANT_CLASS_DOUBLE:
        return double_to_text(g_variant_get_double(value));
    case G_VARIANT_CLASS_STRING:
        return g_variant_dup_string(value, NULL);
    default:
        return g_variant_print(value, FALSE);
    }
}
