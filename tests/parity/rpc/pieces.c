/* Runs single functions of the bridge on lines from stdin, for pieces.py to compare with the oracle's: one
 * answer line per question. Bytes are in hexadecimal, "-" for none. */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/rpc_decode.h"
#include "bridge/rpc_encode.h"
#include "bridge/process_description.h"
#include "bridge/rpc_value.h"
#include "bridge/tail.h"

static void append_hex(GString *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        g_string_append_printf(out, "%02x", (unsigned char)bytes[i]);
}

static char *from_hex(const char *text, size_t *ret_size)
{
    size_t size = g_str_equal(text, "-") ? 0 : strlen(text) / 2;
    char *bytes = g_malloc(size + 1);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(g_ascii_xdigit_value(text[2 * i]) << 4 | g_ascii_xdigit_value(text[2 * i + 1]));
    bytes[size] = '\0';
    *ret_size = size;
    return bytes;
}

/* A value in a notation that has one spelling for each: i5, b1, d1.5, sHEX, n, t, [ … ], { HEX= … } */
static void append_value(GString *out, GVariant *value)
{
    g_autofree char *text = NULL;

    switch (g_variant_classify(value)) {
    case G_VARIANT_CLASS_VARIANT: {
        g_autoptr(GVariant) inner = g_variant_get_variant(value);
        append_value(out, inner);
        break;
    }
    case G_VARIANT_CLASS_BOOLEAN:
        g_string_append(out, g_variant_get_boolean(value) ? "b1" : "b0");
        break;
    case G_VARIANT_CLASS_STRING:
        g_string_append_c(out, 's');
        append_hex(out, g_variant_get_string(value, NULL), strlen(g_variant_get_string(value, NULL)));
        break;
    case G_VARIANT_CLASS_MAYBE:
        g_string_append_c(out, 'n');
        break;
    case G_VARIANT_CLASS_TUPLE:
        g_string_append_c(out, 't');
        break;
    case G_VARIANT_CLASS_DICT_ENTRY: {
        g_autoptr(GVariant) key = g_variant_get_child_value(value, 0);
        g_autoptr(GVariant) member = g_variant_get_child_value(value, 1);
        append_hex(out, g_variant_get_string(key, NULL), strlen(g_variant_get_string(key, NULL)));
        g_string_append_c(out, '=');
        append_value(out, member);
        break;
    }
    case G_VARIANT_CLASS_ARRAY:
        g_string_append(out, g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT) ? "{ " : "[ ");
        for (size_t i = 0; i < g_variant_n_children(value); i++) {
            g_autoptr(GVariant) child = g_variant_get_child_value(value, i);
            append_value(out, child);
            g_string_append_c(out, ' ');
        }
        g_string_append_c(out, g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT) ? '}' : ']');
        break;
    default:
        text = rpc_value_to_text(value);
        g_string_append_printf(out, "%c%s", g_variant_is_of_type(value, G_VARIANT_TYPE_DOUBLE) ? 'd' : 'i',
                               text);
    }
}

/* decode HEX */
static void decode(GString *out, char **words)
{
    g_auto(RpcRequest) request = {0};
    size_t size;
    g_autofree char *body = from_hex(words[1], &size);

    if (rpc_decode(body, size, &request) < 0) {
        g_string_append(out, "refused");
        return;
    }
    g_string_append(out, request.method ? "m" : "none");
    if (request.method)
        append_hex(out, request.method, strlen(request.method));
    for (size_t i = 0; i < request.arguments->len; i++) {
        g_string_append_c(out, ' ');
        append_value(out, g_ptr_array_index(request.arguments, i));
    }
}

/* read PATH OFFSET LENGTH */
static void read_file(GString *out, char **words)
{
    g_autofree char *bytes = NULL;
    size_t size = 0;
    int fault = tail_read(words[1], g_ascii_strtoll(words[2], NULL, 10), g_ascii_strtoll(words[3], NULL, 10),
                          &bytes, &size);

    g_string_append_printf(out, "%d ", fault);
    append_hex(out, bytes, size);
}

/* tail PATH OFFSET LENGTH */
static void tail_file(GString *out, char **words)
{
    TailEnd end;

    tail_end(words[1], g_ascii_strtoll(words[2], NULL, 10), g_ascii_strtoll(words[3], NULL, 10), &end);
    append_hex(out, end.bytes, end.size);
    g_string_append_printf(out, " %" G_GINT64_FORMAT " %d", end.offset, end.overflow);
    g_free(end.bytes);
}

/* describe STATE PID START STOP NOW SPAWNERR */
static void describe(GString *out, char **words)
{
    size_t size;
    g_autofree char *spawnerr = from_hex(words[6], &size);
    ProcessFacts facts = {
        .name = "name",
        .state = (ProcessState)g_ascii_strtoll(words[1], NULL, 10),
        .pid = (int)g_ascii_strtoll(words[2], NULL, 10),
        .start = g_ascii_strtoll(words[3], NULL, 10),
        .stop = g_ascii_strtoll(words[4], NULL, 10),
        .now = g_ascii_strtoll(words[5], NULL, 10),
        .spawnerr = spawnerr,
    };
    g_autofree char *text = process_description(&facts);

    g_string_append(out, text);
}

/* encode HEX: the answer that holds this string and an array of it in a struct */
static void encode(GString *out, char **words)
{
    size_t size;
    g_autofree char *bytes = from_hex(words[1], &size);
    g_autoptr(GString) xml = g_string_new(NULL);
    g_autoptr(GVariant) string = g_variant_ref_sink(rpc_value_string(bytes, (gssize)size));
    g_autoptr(GVariant) value = g_variant_ref_sink(
        g_variant_new_parsed("[<%@s>, <{'k': <[<%@s>, <-5>, <true>, <1.5>, <@av []>]>}>]", string, string));

    rpc_encode_response(xml, value);
    append_hex(out, xml->str, xml->len);
}

static const struct {
    const char *name;
    unsigned words;
    void (*run)(GString *out, char **words);
} commands[] = {
    {"decode", 2, decode},     {"read", 4, read_file}, {"tail", 4, tail_file},
    {"describe", 7, describe}, {"encode", 2, encode},
};

static int answer(const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 0);
    g_autoptr(GString) out = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (g_str_equal(commands[i].name, words[0]) && g_strv_length(words) == commands[i].words) {
            commands[i].run(out, words);
            puts(out->str);
            return fflush(stdout);
        }
    }
    fprintf(stderr, "cannot understand: %s\n", line);
    return -1;
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    int r = 0;

    while (r == 0 && (length = getline(&line, &size, stdin)) > 0) {
        line[length - 1] = '\0';
        r = answer(line);
    }
    free(line);
    return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
