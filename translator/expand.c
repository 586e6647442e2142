#include "translator/expand.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "translator/text.h"

/* A width of a gigabyte is legal Python. No option of a configuration is that long. */
#define LONGEST_TEXT     (16u << 20)
#define LARGEST_WIDTH    (1u << 20)
#define LARGEST_FRACTION 1000u

typedef struct Entry {
    char *name;
    char *text; /* of a number: its decimal form */
    bool is_integer;
    int64_t integer;
} Entry;

struct ExpandMapping {
    GPtrArray *entries; /* of Entry, in order */
    GHashTable *index;  /* name → Entry */
};

static void expand_entry_free(void *data)
{
    Entry *entry = data;
    g_free(entry->name);
    g_free(entry->text);
    g_free(entry);
}

ExpandMapping *expand_mapping_new(void)
{
    ExpandMapping *mapping = g_new0(ExpandMapping, 1);
    mapping->entries = g_ptr_array_new_with_free_func(expand_entry_free);
    mapping->index = g_hash_table_new(g_str_hash, g_str_equal);
    return mapping;
}

void expand_mapping_free(ExpandMapping *mapping)
{
    if (!mapping)
        return;
    g_hash_table_unref(mapping->index);
    g_ptr_array_unref(mapping->entries);
    g_free(mapping);
}

static Entry *expand_mapping_entry(ExpandMapping *mapping, const char *name)
{
    Entry *entry = g_hash_table_lookup(mapping->index, name);
    if (!entry) {
        entry = g_new0(Entry, 1);
        entry->name = g_strdup(name);
        g_ptr_array_add(mapping->entries, entry);
        g_hash_table_insert(mapping->index, entry->name, entry);
    }
    return entry;
}

void expand_mapping_set(ExpandMapping *mapping, const char *name, const char *value)
{
    Entry *entry = expand_mapping_entry(mapping, name);
    g_free(entry->text);
    entry->text = g_strdup(value);
    entry->is_integer = false;
}

void expand_mapping_set_integer(ExpandMapping *mapping, const char *name, int64_t value)
{
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, value);
    expand_mapping_set(mapping, name, text);
    Entry *entry = expand_mapping_entry(mapping, name);
    entry->is_integer = true;
    entry->integer = value;
}

void expand_mapping_set_variable(ExpandMapping *mapping, const char *name, const char *value)
{
    g_autofree char *full_name = g_strconcat("ENV_", name, NULL);
    expand_mapping_set(mapping, full_name, value);
}

void expand_mapping_update(ExpandMapping *mapping, const ExpandMapping *other)
{
    for (unsigned i = 0; i < other->entries->len; i++) {
        const Entry *entry = g_ptr_array_index(other->entries, i);
        if (entry->is_integer)
            expand_mapping_set_integer(mapping, entry->name, entry->integer);
        else
            expand_mapping_set(mapping, entry->name, entry->text);
    }
}

/* ---- one conversion: %(name)-05.3d ---- */

typedef struct Conversion {
    bool left, sign, blank, alternate, zero;
    bool has_width, has_precision;
    size_t width, precision;
    gunichar type;
} Conversion;

typedef struct Formatter {
    const char *format;
    const char *at;
    const char *end;
    const ExpandMapping *base;
    const ExpandMapping *over;
    const Entry
        *value; /* what the next conversion takes; NULL: the mapping itself, as Python has it for a bare %s */
    bool taken;
    GString *text;
    char *missing; /* name that is in neither mapping */
    char *error;   /* Python's words for everything else */
} Formatter;

static bool expand_fail(Formatter *formatter, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool expand_fail(Formatter *formatter, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    formatter->error = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return false;
}

static const Entry *expand_lookup(const Formatter *formatter, const char *name)
{
    const Entry *entry = formatter->over ? g_hash_table_lookup(formatter->over->index, name) : NULL;
    if (!entry && formatter->base)
        entry = g_hash_table_lookup(formatter->base->index, name);
    return entry;
}

/* The entries as Python's dict has them that the oracle makes of both: those of `base` first, with what
 * `over` says of them. */
static GPtrArray *expand_combined(const Formatter *formatter)
{
    GPtrArray *combined = g_ptr_array_new();
    for (unsigned i = 0; formatter->base && i < formatter->base->entries->len; i++) {
        const Entry *entry = g_ptr_array_index(formatter->base->entries, i);
        g_ptr_array_add(combined, (void *)expand_lookup(formatter, entry->name));
    }
    for (unsigned i = 0; formatter->over && i < formatter->over->entries->len; i++) {
        Entry *entry = g_ptr_array_index(formatter->over->entries, i);
        if (!formatter->base || !g_hash_table_contains(formatter->base->index, entry->name))
            g_ptr_array_add(combined, entry);
    }
    return combined;
}

/* repr() of the whole mapping: what a bare "%s" becomes, as in "date +%s". */
static char *expand_repr_mapping(const Formatter *formatter, char *(*repr)(const char *))
{
    g_autoptr(GPtrArray) entries = expand_combined(formatter);
    GString *text = g_string_new("{");
    for (unsigned i = 0; i < entries->len; i++) {
        const Entry *entry = g_ptr_array_index(entries, i);
        g_autofree char *name = repr(entry->name);
        g_autofree char *value = entry->is_integer ? g_strdup(entry->text) : repr(entry->text);
        g_string_append_printf(text, "%s%s: %s", i > 0 ? ", " : "", name, value);
    }
    g_string_append_c(text, '}');
    return g_string_free(text, FALSE);
}

/* "(name)": balanced parentheses may be part of the name. */
static bool expand_read_key(Formatter *formatter)
{
    const char *start = formatter->at;
    unsigned depth = 1;
    while (depth > 0 && formatter->at < formatter->end) {
        depth += *formatter->at == '(';
        depth -= *formatter->at == ')';
        formatter->at++;
    }
    if (depth > 0)
        return expand_fail(formatter, "incomplete format key");

    g_autofree char *name = g_strndup(start, (size_t)(formatter->at - start - 1));
    formatter->value = expand_lookup(formatter, name);
    formatter->taken = false;
    if (!formatter->value) {
        formatter->missing = g_steal_pointer(&name);
        return false;
    }
    return true;
}

static bool *expand_flag(Conversion *conversion, char letter)
{
    switch (letter) {
    case '-':
        return &conversion->left;
    case '+':
        return &conversion->sign;
    case ' ':
        return &conversion->blank;
    case '#':
        return &conversion->alternate;
    case '0':
        return &conversion->zero;
    default:
        return NULL;
    }
}

/* "*" takes the next value as the number; with a mapping there is never another one left for the conversion.
 */
static bool expand_read_star(Formatter *formatter)
{
    if (formatter->taken)
        return expand_fail(formatter, "not enough arguments for format string");
    formatter->taken = true;
    if (!formatter->value || !formatter->value->is_integer)
        return expand_fail(formatter, "* wants int");
    formatter->at++;
    return true;
}

static bool expand_read_number(Formatter *formatter, const char *what, size_t *ret_number)
{
    size_t number = 0;
    for (; formatter->at < formatter->end && g_ascii_isdigit(*formatter->at); formatter->at++) {
        number = number * 10 + (size_t)g_ascii_digit_value(*formatter->at);
        if (number > LARGEST_WIDTH)
            return expand_fail(formatter, "%s too big", what);
    }
    *ret_number = number;
    return true;
}

static bool expand_read_width(Formatter *formatter, Conversion *conversion)
{
    if (formatter->at < formatter->end && *formatter->at == '*')
        return expand_read_star(formatter);
    conversion->has_width = formatter->at < formatter->end && g_ascii_isdigit(*formatter->at);
    return expand_read_number(formatter, "width", &conversion->width);
}

static bool expand_read_precision(Formatter *formatter, Conversion *conversion)
{
    if (formatter->at == formatter->end || *formatter->at != '.')
        return true;
    formatter->at++;
    conversion->has_precision = true;
    if (formatter->at < formatter->end && *formatter->at == '*')
        return expand_read_star(formatter);
    return expand_read_number(formatter, "precision", &conversion->precision);
}

/* Everything behind the "%" up to the letter. */
static bool expand_read_conversion(Formatter *formatter, Conversion *conversion)
{
    if (formatter->at < formatter->end && *formatter->at == '(') {
        formatter->at++;
        if (!expand_read_key(formatter))
            return false;
    }
    bool *flag;
    while (formatter->at < formatter->end && (flag = expand_flag(conversion, *formatter->at))) {
        *flag = true;
        formatter->at++;
    }
    if (!expand_read_width(formatter, conversion) || !expand_read_precision(formatter, conversion))
        return false;
    if (formatter->at < formatter->end && strchr("hlL", *formatter->at))
        formatter->at++;
    if (formatter->at == formatter->end)
        return expand_fail(formatter, "incomplete format");
    formatter->at = text_next(formatter->at, formatter->end, &conversion->type);
    return true;
}

static void expand_pad(GString *text, char fill, size_t count)
{
    for (size_t i = 0; i < count; i++)
        g_string_append_c(text, fill);
}

static void expand_write_text(Formatter *formatter, const Conversion *conversion, const char *text)
{
    const char *end =
        conversion->has_precision ? text_offset(text, conversion->precision) : text + strlen(text);
    g_autofree char *shown = g_strndup(text, (size_t)(end - text));
    size_t length = text_length(shown);
    size_t padding = conversion->width > length ? conversion->width - length : 0;
    if (!conversion->left)
        expand_pad(formatter->text, ' ', padding);
    g_string_append(formatter->text, shown);
    if (conversion->left)
        expand_pad(formatter->text, ' ', padding);
}

/* A number of which sign, prefix ("0x") and digits are known: zeros go between prefix and digits, blanks
 * around it all. */
static void expand_write_number(Formatter *formatter, const Conversion *conversion, bool negative,
                                const char *prefix, const char *digits)
{
    const char *sign = negative ? "-" : conversion->sign ? "+" : conversion->blank ? " " : "";
    size_t length = strlen(sign) + strlen(prefix) + strlen(digits);
    size_t padding = conversion->width > length ? conversion->width - length : 0;
    bool zeros = conversion->zero && !conversion->left;
    if (!zeros && !conversion->left)
        expand_pad(formatter->text, ' ', padding);
    g_string_append_printf(formatter->text, "%s%s", sign, prefix);
    if (zeros)
        expand_pad(formatter->text, '0', padding);
    g_string_append(formatter->text, digits);
    if (conversion->left)
        expand_pad(formatter->text, ' ', padding);
}

static void expand_write_integer(Formatter *formatter, const Conversion *conversion, int64_t value)
{
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    g_autofree char *plain = conversion->type == 'o'   ? g_strdup_printf("%" G_GINT64_MODIFIER "o", magnitude)
                             : conversion->type == 'x' ? g_strdup_printf("%" G_GINT64_MODIFIER "x", magnitude)
                             : conversion->type == 'X'
                                 ? g_strdup_printf("%" G_GINT64_MODIFIER "X", magnitude)
                                 : g_strdup_printf("%" G_GINT64_MODIFIER "u", magnitude);
    g_autoptr(GString) digits = g_string_new(NULL);
    size_t length = strlen(plain);
    expand_pad(digits, '0', conversion->precision > length ? conversion->precision - length : 0);
    g_string_append(digits, plain);
    bool prefixed = conversion->alternate && strchr("oxX", (int)conversion->type);
    char prefix[] = {'0', (char)conversion->type, '\0'};
    expand_write_number(formatter, conversion, value < 0, prefixed ? prefix : "", digits->str);
}

static bool expand_write_float(Formatter *formatter, const Conversion *conversion, int64_t value)
{
    if (conversion->precision > LARGEST_FRACTION)
        return expand_fail(formatter, "precision too big");
    char format[16];
    g_snprintf(format, sizeof format, "%%%s.%d%c", conversion->alternate ? "#" : "",
               conversion->has_precision ? (int)conversion->precision : 6, (int)conversion->type);
    size_t size = LARGEST_FRACTION + 64;
    g_autofree char *digits = g_malloc(size);
    g_ascii_formatd(digits, (int)size, format, value < 0 ? -(double)value : (double)value);
    expand_write_number(formatter, conversion, value < 0, "", digits);
    return true;
}

static bool expand_write_character(Formatter *formatter, const Conversion *conversion)
{
    char buffer[8] = "";
    const Entry *value = formatter->value;
    if (value && value->is_integer) {
        if (value->integer < 0 || value->integer > 0x10ffff)
            return expand_fail(formatter, "%%c arg not in range(0x110000)");
        /* Python has a string for these two kinds; we have none. */
        if (value->integer == 0 || (value->integer >= 0xd800 && value->integer < 0xe000))
            return expand_fail(formatter, "%%c makes a character that no file can hold");
        buffer[g_unichar_to_utf8((gunichar)value->integer, buffer)] = '\0';
    } else if (!value || text_length(value->text) != 1) {
        return expand_fail(formatter, "%%c requires int or char");
    }
    Conversion whole = *conversion;
    whole.has_precision = false;
    expand_write_text(formatter, &whole, buffer[0] ? buffer : value->text);
    return true;
}

static bool expand_write_string(Formatter *formatter, const Conversion *conversion)
{
    char *(*repr)(const char *) = conversion->type == 'a' ? text_ascii : text_repr;
    const Entry *value = formatter->value;
    g_autofree char *text = !value ? expand_repr_mapping(formatter, repr)
                            : conversion->type == 's' || value->is_integer ? g_strdup(value->text)
                                                                           : repr(value->text);
    expand_write_text(formatter, conversion, text);
    return true;
}

/* Numbers must be numbers: "%(here)d" is an error of its own kind for each family of letters. */
static bool expand_write_numeric(Formatter *formatter, const Conversion *conversion)
{
    const Entry *value = formatter->value;
    const char *type = value ? "str" : "dict";
    bool is_float = strchr("eEfFgG", (int)conversion->type) != NULL;
    if (!value || !value->is_integer) {
        if (is_float)
            return expand_fail(formatter, "must be real number, not %s", type);
        return expand_fail(formatter, "%%%c format: %s is required, not %s", (int)conversion->type,
                           strchr("oxX", (int)conversion->type) ? "an integer" : "a real number", type);
    }
    if (is_float)
        return expand_write_float(formatter, conversion, value->integer);
    expand_write_integer(formatter, conversion, value->integer);
    return true;
}

static bool expand_write(Formatter *formatter, const Conversion *conversion)
{
    if (formatter->taken)
        return expand_fail(formatter, "not enough arguments for format string");
    formatter->taken = true;
    gunichar type = conversion->type;
    if (type < 0x80 && type > 0 && strchr("sra", (int)type))
        return expand_write_string(formatter, conversion);
    if (type < 0x80 && type > 0 && strchr("iduoxXeEfFgG", (int)type))
        return expand_write_numeric(formatter, conversion);
    if (type == 'c')
        return expand_write_character(formatter, conversion);
    glong index = (glong)g_utf8_strlen(formatter->format, formatter->at - formatter->format) - 1;
    return expand_fail(formatter, "unsupported format character '%c' (0x%x) at index %ld",
                       type >= 31 && type <= 126 ? (int)type : '?', type, index);
}

static bool expand_run(Formatter *formatter)
{
    while (formatter->at < formatter->end) {
        const char *percent = memchr(formatter->at, '%', (size_t)(formatter->end - formatter->at));
        const char *stop = percent ? percent : formatter->end;
        g_string_append_len(formatter->text, formatter->at, stop - formatter->at);
        formatter->at = stop;
        if (!percent)
            break;
        formatter->at++;
        if (formatter->at < formatter->end && *formatter->at == '%') {
            g_string_append_c(formatter->text, '%');
            formatter->at++;
            continue;
        }
        Conversion conversion = {0};
        if (!expand_read_conversion(formatter, &conversion) || !expand_write(formatter, &conversion))
            return false;
        if (formatter->text->len > LONGEST_TEXT)
            return expand_fail(formatter, "the result is too long");
    }
    return true;
}

static int expand_compare(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const Entry *const *)a)->name, (*(const Entry *const *)b)->name);
}

static char *expand_message(const Formatter *formatter, const char *name)
{
    g_autofree char *format = text_repr(formatter->format), *shown_name = text_repr(name);
    if (!formatter->missing)
        return g_strdup_printf("Format string %s for %s is badly formatted: %s", format, shown_name,
                               formatter->error);

    g_autoptr(GPtrArray) entries = expand_combined(formatter);
    g_ptr_array_sort(entries, expand_compare);
    g_autofree char *missing = text_repr(formatter->missing);
    GString *message = g_string_new(NULL);
    g_string_append_printf(
        message,
        "Format string %s for %s contains names (%s) which cannot be expanded. Available names: ", format,
        shown_name, missing);
    for (unsigned i = 0; i < entries->len; i++)
        g_string_append_printf(message, "%s%s", i > 0 ? ", " : "",
                               ((const Entry *)g_ptr_array_index(entries, i))->name);
    return g_string_free(message, FALSE);
}

int expand_text(const char *format, const ExpandMapping *base, const ExpandMapping *over, const char *name,
                char **ret_text, char **ret_error)
{
    Formatter formatter = {
        .format = format,
        .at = format,
        .end = format + strlen(format),
        .base = base,
        .over = over,
        .text = g_string_new(NULL),
    };
    bool done = expand_run(&formatter);
    if (done)
        *ret_text = g_string_free(formatter.text, FALSE);
    else {
        g_string_free(formatter.text, TRUE);
        *ret_error = expand_message(&formatter, name);
    }
    g_free(formatter.missing);
    g_free(formatter.error);
    return done ? 0 : -EINVAL;
}
