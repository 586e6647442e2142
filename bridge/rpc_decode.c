#include "bridge/rpc_decode.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "bridge/base64.h"
#include "bridge/rpc_value.h"

enum {
    DEPTH_LIMIT = 128,
    ELEMENT_LIMIT = 200000,
    DECLARATION_LIMIT = 256,
};

typedef struct Element Element;

/* Makes the value of an element whose end was reached; NULL when it is malformed. The result is not floating.
 */
typedef GVariant *(*Unmarshal)(Element *element);

struct Element {
    const struct ElementKind *kind; /* NULL: one that means nothing by itself */
    GString *text;                  /* up to the first child */
    GPtrArray *children;            /* values */
    GPtrArray *keys;                /* <struct>: names, one per child */
};

typedef struct Decoder {
    GPtrArray *stack;
    size_t elements;
    bool root_seen;
    RpcRequest request;
} Decoder;

static void element_free(Element *element)
{
    g_string_free(element->text, TRUE);
    g_ptr_array_unref(element->children);
    g_clear_pointer(&element->keys, g_ptr_array_unref);
    g_free(element);
}

static GVariant *child(const Element *element, size_t index)
{
    return element->children->len > index ? g_variant_ref(g_ptr_array_index(element->children, index)) : NULL;
}

static GVariant *raw_text(const Element *element)
{
    GVariant *value = element->text->len > 0 ? g_variant_new_string(element->text->str) : rpc_value_nil();

    return g_variant_ref_sink(value);
}

/* --- one function per element, after the oracle's table of unmarshallers --- */

static GVariant *unmarshal_integer(Element *element)
{
    int64_t value;

    if (rpc_value_parse_integer(element->text->str, &value) < 0)
        return NULL;
    return g_variant_ref_sink(rpc_value_integer(value));
}

static GVariant *unmarshal_boolean(Element *element)
{
    return g_variant_ref_sink(g_variant_new_boolean(g_str_equal(element->text->str, "1")));
}

static GVariant *unmarshal_string(Element *element)
{
    return g_variant_ref_sink(g_variant_new_string(element->text->str));
}

static GVariant *unmarshal_double(Element *element)
{
    char *text = g_strstrip(element->text->str);
    char *end;
    double value = g_ascii_strtod(text, &end);

    if (!*text || *end || strpbrk(text, "xX"))
        return NULL;
    return g_variant_ref_sink(g_variant_new_double(value));
}

static GVariant *unmarshal_datetime(Element *element)
{
    struct tm time;
    const char *end = strptime(element->text->str, "%Y%m%dT%H:%M:%S", &time);

    if (!end || *end)
        return NULL;
    return g_variant_ref_sink(g_variant_new("(s)", element->text->str));
}

static GVariant *unmarshal_base64(Element *element)
{
    size_t size = 0;
    g_autofree char *bytes = base64_decode(element->text->str, &size);

    if (!bytes || !g_utf8_validate(bytes, (gssize)size, NULL))
        return NULL;
    return g_variant_ref_sink(g_variant_new_string(bytes));
}

static GVariant *unmarshal_value(Element *element)
{
    GVariant *first = child(element, 0);

    return first ? first : unmarshal_string(element);
}

static GVariant *unmarshal_first_child(Element *element)
{
    return child(element, 0);
}

static GVariant *unmarshal_data(Element *element)
{
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("av"));

    for (size_t i = 0; i < element->children->len; i++)
        g_variant_builder_add(&builder, "v", g_ptr_array_index(element->children, i));
    return g_variant_ref_sink(g_variant_builder_end(&builder));
}

/* Two members of one name: the later value counts, as in a Python dictionary. */
static GVariant *unmarshal_struct(Element *element)
{
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    g_autoptr(GHashTable) last = g_hash_table_new(g_str_hash, g_str_equal);
    size_t count = element->keys ? element->keys->len : 0;

    for (size_t i = 0; i < count; i++)
        g_hash_table_replace(last, g_ptr_array_index(element->keys, i), GSIZE_TO_POINTER(i));
    for (size_t i = 0; i < count; i++) {
        const char *key = g_ptr_array_index(element->keys, i);
        if (GPOINTER_TO_SIZE(g_hash_table_lookup(last, key)) == i)
            rpc_value_add(&builder, key, g_ptr_array_index(element->children, i));
    }
    return g_variant_ref_sink(g_variant_builder_end(&builder));
}

typedef struct ElementKind {
    const char *name;
    Unmarshal unmarshal;
} ElementKind;

static const ElementKind kinds[] = {
    {"int", unmarshal_integer},       {"i4", unmarshal_integer},
    {"boolean", unmarshal_boolean},   {"string", unmarshal_string},
    {"double", unmarshal_double},     {"dateTime.iso8601", unmarshal_datetime},
    {"array", unmarshal_first_child}, {"data", unmarshal_data},
    {"struct", unmarshal_struct},     {"base64", unmarshal_base64},
    {"param", unmarshal_first_child}, {"value", unmarshal_value},
};

static const ElementKind *find_kind(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_equal(kinds[i].name, name))
            return &kinds[i];
    }
    return NULL;
}

/* --- the parser's callbacks --- */

static void fail(GError **error, const char *why)
{
    g_set_error_literal(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, why);
}

static Element *top(const Decoder *decoder)
{
    return decoder->stack->len > 0 ? g_ptr_array_index(decoder->stack, decoder->stack->len - 1) : NULL;
}

static void on_start(GMarkupParseContext *context, const char *name, const char **attribute_names,
                     const char **attribute_values, void *userdata, GError **error)
{
    Decoder *decoder = userdata;

    if (decoder->stack->len == 0 && decoder->root_seen)
        return fail(error, "two root elements");
    if (decoder->stack->len >= DEPTH_LIMIT || ++decoder->elements > ELEMENT_LIMIT)
        return fail(error, "too deep or too long");
    decoder->root_seen = true;
    Element *element = g_new0(Element, 1);
    element->kind = find_kind(name);
    element->text = g_string_new(NULL);
    element->children = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);
    g_ptr_array_add(decoder->stack, element);
}

/* <member>, or whatever stands in its place: a name and a value. */
static bool add_member(Element *parent, const Element *member)
{
    if (member->kind || member->children->len != 2)
        return false;
    GVariant *name = g_ptr_array_index(member->children, 0);
    bool is_string = g_variant_is_of_type(name, G_VARIANT_TYPE_STRING);
    if (!is_string && !g_variant_is_of_type(name, G_VARIANT_TYPE_MAYBE))
        return false;
    if (!parent->keys)
        parent->keys = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(parent->keys, g_strdup(is_string ? g_variant_get_string(name, NULL) : ""));
    g_ptr_array_add(parent->children, g_variant_ref(g_ptr_array_index(member->children, 1)));
    return true;
}

static bool add_to_parent(Decoder *decoder, Element *element)
{
    Element *parent = top(decoder);
    GVariant *value = element->kind ? element->kind->unmarshal(element) : raw_text(element);

    if (!value)
        return false;
    if (parent && parent->kind && parent->kind->unmarshal == unmarshal_struct) {
        g_variant_unref(value);
        return add_member(parent, element);
    }
    if (parent)
        g_ptr_array_add(parent->children, value);
    else
        g_variant_unref(value);
    return true;
}

static void take_method(Decoder *decoder, const Element *element)
{
    g_free(decoder->request.method);
    decoder->request.method = element->text->len > 0 ? g_strdup(element->text->str) : NULL;
}

static void take_arguments(Decoder *decoder, Element *element)
{
    g_clear_pointer(&decoder->request.arguments, g_ptr_array_unref);
    decoder->request.arguments = g_ptr_array_ref(element->children);
}

static void on_end(GMarkupParseContext *context, const char *name, void *userdata, GError **error)
{
    Decoder *decoder = userdata;
    Element *element = g_ptr_array_steal_index(decoder->stack, decoder->stack->len - 1);

    /* The oracle takes these wherever they stand, and the last of several. */
    if (g_str_equal(name, "methodName"))
        take_method(decoder, element);
    else if (g_str_equal(name, "params"))
        take_arguments(decoder, element);
    if (!add_to_parent(decoder, element))
        fail(error, "malformed value");
    element_free(element);
}

static void on_text(GMarkupParseContext *context, const char *text, gsize size, void *userdata,
                    GError **error)
{
    Decoder *decoder = userdata;
    Element *element = top(decoder);

    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < 0x20 && !strchr("\t\n\r", text[i]))
            return fail(error, "control character");
    }
    if (element && element->children->len == 0)
        g_string_append_len(element->text, text, (gssize)size);
}

/* Comments and processing instructions mean nothing; a document type could define entities that grow. */
static void on_passthrough(GMarkupParseContext *context, const char *text, gsize size, void *userdata,
                           GError **error)
{
    if (g_str_has_prefix(text, "<!DOCTYPE"))
        fail(error, "document type");
}

/* --- from bytes to UTF-8 --- */

static char *declared_encoding(const char *body, size_t size)
{
    g_autofree char *head = g_strndup(body, MIN(size, DECLARATION_LIMIT));
    char *end = strstr(head, "?>");
    char *name;

    if (!g_str_has_prefix(head, "<?xml") || !end)
        return NULL;
    *end = '\0';
    name = strstr(head, "encoding");
    if (!name)
        return NULL;
    name += strlen("encoding");
    name += strspn(name, " \t\r\n=");
    if (*name != '"' && *name != '\'')
        return NULL;
    return g_strndup(name + 1, strcspn(name + 1, "\"'"));
}

/* The oracle takes every request for UTF-8, whatever it declares, and so do we as long as it is; else the
 * declaration counts. */
static char *to_utf8(const char *body, size_t size)
{
    if (g_utf8_validate(body, (gssize)size, NULL))
        return g_strndup(body, size);
    bool is_utf16 = size >= 2 && (memcmp(body, "\xFF\xFE", 2) == 0 || memcmp(body, "\xFE\xFF", 2) == 0);
    g_autofree char *encoding = is_utf16 ? g_strdup("UTF-16") : declared_encoding(body, size);
    gsize written;
    if (!encoding)
        return NULL;
    g_autofree char *converted = g_convert(body, (gssize)size, "UTF-8", encoding, NULL, &written, NULL);
    if (!converted || !g_utf8_validate(converted, (gssize)written, NULL))
        return NULL;
    return g_steal_pointer(&converted);
}

/* Line ends become \n before anything else is done, as XML demands and the parser does not. */
static void normalize_newlines(char *text)
{
    char *out = text;

    for (const char *p = text; *p; p++) {
        if (*p == '\r' && p[1] == '\n')
            continue;
        *out++ = *p == '\r' ? '\n' : *p;
    }
    *out = '\0';
}

static bool parse(Decoder *decoder, const char *text)
{
    static const GMarkupParser parser = {
        .start_element = on_start, .end_element = on_end, .text = on_text, .passthrough = on_passthrough};
    GMarkupParseContext *context =
        g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, decoder, NULL);
    bool good = g_markup_parse_context_parse(context, text, (gssize)strlen(text), NULL) &&
                g_markup_parse_context_end_parse(context, NULL);

    g_markup_parse_context_free(context);
    return good && decoder->root_seen;
}

int rpc_decode(const char *body, size_t size, RpcRequest *ret)
{
    g_autofree char *text = to_utf8(body, size);
    Decoder decoder = {0};

    if (!text)
        return -EBADMSG;
    normalize_newlines(text);
    const char *start = g_str_has_prefix(text, "\xEF\xBB\xBF") ? text + 3 : text;
    decoder.stack = g_ptr_array_new_with_free_func((GDestroyNotify)element_free);
    bool good = parse(&decoder, start);
    g_ptr_array_unref(decoder.stack);
    if (!good) {
        rpc_request_clear(&decoder.request);
        return -EBADMSG;
    }
    if (!decoder.request.arguments)
        decoder.request.arguments = g_ptr_array_new();
    *ret = decoder.request;
    return 0;
}

void rpc_request_clear(RpcRequest *request)
{
    g_clear_pointer(&request->method, g_free);
    g_clear_pointer(&request->arguments, g_ptr_array_unref);
}
