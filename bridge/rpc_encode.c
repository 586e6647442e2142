#include "bridge/rpc_encode.h"

#include <stdbool.h>
#include <string.h>

#include "bridge/rpc_value.h"

static void append_escaped(GString *out, const char *text)
{
    for (const char *p = text; *p;) {
        size_t plain = strcspn(p, "&<>");
        g_string_append_len(out, p, (gssize)plain);
        p += plain;
        if (*p)
            g_string_append(out, *p == '&' ? "&amp;" : *p == '<' ? "&lt;" : "&gt;");
        p += *p != '\0';
    }
}

static void append_value(GString *out, GVariant *value);

/* What rpc_encode_finish() made. */
static void append_encoded(GString *out, GVariant *value)
{
    gsize size;
    const char *xml = g_variant_get_fixed_array(value, &size, 1);

    g_string_append_len(out, xml, (gssize)size);
}

static void append_struct(GString *out, GVariant *value)
{
    GVariantIter iter;
    const char *name;
    GVariant *member;

    g_string_append(out, "<value><struct>\n");
    g_variant_iter_init(&iter, value);
    while (g_variant_iter_loop(&iter, "{&sv}", &name, &member)) {
        g_string_append(out, "<member>\n<name>");
        append_escaped(out, name);
        g_string_append(out, "</name>\n");
        append_value(out, member);
        g_string_append(out, "</member>\n");
    }
    g_string_append(out, "</struct></value>\n");
}

static void append_array(GString *out, GVariant *value)
{
    size_t count = g_variant_n_children(value);

    if (g_variant_is_of_type(value, G_VARIANT_TYPE_BYTESTRING)) {
        append_encoded(out, value);
        return;
    }
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT)) {
        append_struct(out, value);
        return;
    }
    g_string_append(out, "<value><array><data>\n");
    for (size_t i = 0; i < count; i++) {
        g_autoptr(GVariant) child = g_variant_get_child_value(value, i);
        append_value(out, child);
    }
    g_string_append(out, "</data></array></value>\n");
}

static void append_string(GString *out, const char *text)
{
    g_string_append(out, "<value><string>");
    append_escaped(out, text);
    g_string_append(out, "</string></value>\n");
}

static void append_scalar(GString *out, GVariant *value, const char *type)
{
    g_autofree char *text = rpc_value_to_text(value);

    g_string_append_printf(out, "<value><%s>%s</%s></value>\n", type, text, type);
}

static void append_variant(GString *out, GVariant *value)
{
    g_autoptr(GVariant) inner = g_variant_get_variant(value);

    append_value(out, inner);
}

static void append_value(GString *out, GVariant *value)
{
    switch (g_variant_classify(value)) {
    case G_VARIANT_CLASS_VARIANT:
        append_variant(out, value);
        break;
    case G_VARIANT_CLASS_ARRAY:
    case G_VARIANT_CLASS_TUPLE:
        append_array(out, value);
        break;
    case G_VARIANT_CLASS_STRING:
        append_string(out, g_variant_get_string(value, NULL));
        break;
    case G_VARIANT_CLASS_BOOLEAN:
        g_string_append_printf(out, "<value><boolean>%d</boolean></value>\n", g_variant_get_boolean(value));
        break;
    case G_VARIANT_CLASS_INT32:
        append_scalar(out, value, "int");
        break;
    case G_VARIANT_CLASS_INT64:
        append_scalar(out, value, "i8");
        break;
    case G_VARIANT_CLASS_DOUBLE:
        append_scalar(out, value, "double");
        break;
    default:
        g_string_append(out, "<value><nil/></value>\n");
    }
}

GVariant *rpc_encode_fault_value(int code, const char *text)
{
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

    rpc_value_add(&builder, "faultCode", g_variant_new_int32(code));
    rpc_value_add(&builder, "faultString", rpc_value_string(text, -1));
    return g_variant_builder_end(&builder);
}

void rpc_encode_response(GString *out, GVariant *value)
{
    g_string_append(out, "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n");
    append_value(out, value);
    g_string_append(out, "</param>\n</params>\n</methodResponse>\n");
}

void rpc_encode_fault(GString *out, int code, const char *text)
{
    g_autoptr(GVariant) value = g_variant_ref_sink(rpc_encode_fault_value(code, text));

    g_string_append(out, "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n");
    append_value(out, value);
    g_string_append(out, "</fault>\n</methodResponse>\n");
}

/* --- values that are written at once --- */

void rpc_encode_begin_array(GString *out)
{
    g_string_append(out, "<value><array><data>\n");
}

void rpc_encode_end_array(GString *out)
{
    g_string_append(out, "</data></array></value>\n");
}

void rpc_encode_begin_struct(GString *out)
{
    g_string_append(out, "<value><struct>\n");
}

void rpc_encode_end_struct(GString *out)
{
    g_string_append(out, "</struct></value>\n");
}

static void begin_member(GString *out, const char *name, const char *type)
{
    g_string_append(out, "<member>\n<name>");
    g_string_append(out, name);
    g_string_append(out, "</name>\n<value><");
    g_string_append(out, type);
    g_string_append_c(out, '>');
}

static void end_member(GString *out, const char *type)
{
    g_string_append(out, "</");
    g_string_append(out, type);
    g_string_append(out, "></value>\n</member>\n");
}

/* Printable ASCII without a character that means something to XML: nearly every text there is. */
static size_t plain_length(const char *text)
{
    const char *p = text;

    while (*p >= 0x20 && *p < 0x7F && *p != '&' && *p != '<' && *p != '>')
        p++;
    return (size_t)(p - text);
}

void rpc_encode_string_member(GString *out, const char *name, const char *text)
{
    size_t plain = plain_length(text);

    begin_member(out, name, "string");
    g_string_append_len(out, text, (gssize)plain);
    if (text[plain]) {
        g_autoptr(GVariant) rest = g_variant_ref_sink(rpc_value_string(text + plain, -1));
        append_escaped(out, g_variant_get_string(rest, NULL));
    }
    end_member(out, "string");
}

void rpc_encode_int_member(GString *out, const char *name, int64_t value)
{
    int64_t left = CLAMP(value, INT32_MIN, INT32_MAX);
    char digits[16];
    char *p = digits + sizeof digits;
    bool negative = left < 0;

    /* printf() would be most of the work of a whole answer. */
    left = negative ? -left : left;
    do {
        *--p = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (negative)
        *--p = '-';
    begin_member(out, name, "int");
    g_string_append_len(out, p, digits + sizeof digits - p);
    end_member(out, "int");
}

GVariant *rpc_encode_finish(GString *out)
{
    g_autoptr(GBytes) bytes = g_string_free_to_bytes(out);

    return g_variant_new_from_bytes(G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);
}
