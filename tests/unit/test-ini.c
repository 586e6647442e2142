/* Where things stand, what stays apart, and what the oracle cannot be asked about. The rules themselves are
 * held against Python's parser in tests/parity/config. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "build_config.h"
#include "translator/ini.h"
#include "translator/text.h"

typedef struct Read {
    IniDocument *document;
    Diagnostics *diagnostics;
    int result;
} Read;

static Read read_bytes(const char *text, size_t length)
{
    Read read = {.document = ini_document_new(), .diagnostics = diagnostics_new()};
    read.result = ini_document_read(read.document, "x.conf", text, length, read.diagnostics);
    return read;
}

static Read read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

static void read_clear(Read *read)
{
    ini_document_free(read->document);
    diagnostics_free(read->diagnostics);
}

static const IniOption *find(const Read *read, const char *section, const char *option)
{
    const IniSection *found = ini_document_find(read->document, section);
    assert_non_null(found);
    return ini_document_option(read->document, found, option);
}

static void assert_value(const Read *read, const char *section, const char *option, const char *value)
{
    const IniOption *found = find(read, section, option);
    assert_non_null(found);
    assert_string_equal(found->value, value);
}

static const Diagnostic *only_error(const Read *read)
{
    assert_int_equal(read->result, -EINVAL);
    const Diagnostic *error = diagnostics_first_error(read->diagnostics);
    assert_non_null(error);
    return error;
}

static void test_lines(void **state)
{
    Read read = read_text("; comment\n[a]\nx=1\n  2\n\ny=2\n[b]\r\nz=3\r\rw=4\n[a]\nx=5\n");
    assert_int_equal(read.result, 0);
    assert_int_equal(ini_document_find(read.document, "a")->line, 2);
    assert_int_equal(ini_document_find(read.document, "b")->line, 7);
    assert_int_equal(find(&read, "a", "y")->line, 6);
    assert_int_equal(find(&read, "b", "z")->line, 8);
    assert_int_equal(find(&read, "b", "w")->line, 10);
    /* A later one counts, and says where it stands. */
    assert_int_equal(find(&read, "a", "x")->line, 12);
    assert_value(&read, "a", "x", "5");
    assert_string_equal(find(&read, "a", "x")->file, "x.conf");
    read_clear(&read);
}

static void test_order_of_appearance(void **state)
{
    Read read = read_text("[b]\nz=1\na=2\n[a]\n[b]\nm=3\nz=4\n");
    assert_int_equal(ini_document_count(read.document), 2);
    const IniSection *section = ini_document_get(read.document, 0);
    assert_string_equal(section->name, "b");
    assert_int_equal(section->options->len, 3);
    const char *const names[] = {"z", "a", "m"};
    for (unsigned i = 0; i < 3; i++)
        assert_string_equal(((IniOption *)g_ptr_array_index(section->options, i))->name, names[i]);
    read_clear(&read);
}

static void test_default_section(void **state)
{
    Read read = read_text("[DEFAULT]\nx=1\n[a]\ny=2\n");
    assert_null(ini_document_find(read.document, "DEFAULT"));
    assert_non_null(ini_document_defaults(read.document));
    assert_value(&read, "a", "x", "1");
    assert_null(find(&read, "a", "z"));
    read_clear(&read);
}

/* inih would cut all of this at 199 bytes, or at the first blank with a semicolon behind it. */
static void test_long_lines(void **state)
{
    for (size_t length = 100; length < 70000; length = length < 600 ? length + 1 : length * 2) {
        g_autofree char *value = g_malloc(length + 1);
        for (size_t i = 0; i < length; i++)
            value[i] = "a;b:c=[d]\"e' ;#"[i % 15];
        value[0] = value[length - 1] = 'x';
        value[length] = '\0';
        /* On a line of its own below the name every character is kept but comments: make it free of those. */
        g_strdelimit(value, " #", ',');
        g_autofree char *text = g_strdup_printf("[%s]\n%s=%s\n  %s\n", "long", "name", value, value);
        g_autofree char *expected = g_strdup_printf("%s\n%s", value, value);
        Read read = read_text(text);
        assert_int_equal(read.result, 0);
        assert_value(&read, "long", "name", expected);
        read_clear(&read);
    }
}

/* A comment that Python overlooks stays in the value, with the blank in front of the semicolon. */
static void test_blank_before_semicolon_survives(void **state)
{
    Read read = read_text("[a]\nx=1#2;3 ;4#5 #6\n");
    assert_int_equal(read.result, 0);
    assert_value(&read, "a", "x", "1#2;3");
    read_clear(&read);
    read = read_text("[a]\nx=1;2 ;3 #4\n");
    assert_value(&read, "a", "x", PYTHON_OVERLOOKS_COMMENTS ? "1;2 ;3" : "1;2");
    read_clear(&read);
    g_autofree char *padding = g_strnfill(300, 'y');
    g_autofree char *text = g_strdup_printf("[a]\nx=1;%s ;%s  ;3 #4\n", padding, padding);
    g_autofree char *expected = PYTHON_OVERLOOKS_COMMENTS ? g_strdup_printf("1;%s ;%s  ;3", padding, padding)
                                                          : g_strconcat("1;", padding, NULL);
    read = read_text(text);
    assert_value(&read, "a", "x", expected);
    read_clear(&read);
}

static void test_long_names(void **state)
{
    g_autofree char *name = g_strnfill(1024, 'N');
    g_autofree char *lower = g_strnfill(1024, 'n');
    g_autofree char *text = g_strdup_printf("[%s]\n%s=1\n", name, name);
    Read read = read_text(text);
    assert_int_equal(read.result, 0);
    assert_value(&read, name, lower, "1");
    assert_int_equal(ini_document_find(read.document, name)->line, 1);
    assert_int_equal(find(&read, name, lower)->line, 2);
    read_clear(&read);
}

static void test_byte_order_mark(void **state)
{
    Read read = read_text("\xef\xbb\xbf[a]\nx=1\n");
    assert_int_equal(read.result, 0);
    assert_value(&read, "a", "x", "1");
    assert_int_equal(diagnostics_count(read.diagnostics), 1);
    assert_true(diagnostics_get(read.diagnostics, 0)->ours);
    read_clear(&read);
    /* Anywhere else it is a character. */
    read = read_text("[a]\n\xef\xbb\xbfx=1\n");
    assert_null(find(&read, "a", "x"));
    read_clear(&read);
}

static void test_nul(void **state)
{
    static const char in_value[] = "[a]\nx=1\0002\n", in_comment[] = "[a]\n; \000\nx=1 ; \000\n";
    Read read = read_bytes(in_value, sizeof in_value - 1);
    const Diagnostic *error = only_error(&read);
    assert_int_equal(error->line, 2);
    assert_string_equal(error->text, "NUL byte (file: 'x.conf', line: 2)");
    read_clear(&read);
    read = read_bytes(in_comment, sizeof in_comment - 1);
    assert_int_equal(read.result, 0);
    assert_value(&read, "a", "x", "1");
    read_clear(&read);
}

static void test_missing_header(void **state)
{
    Read read = read_text("\n; c\nx=1\n");
    const Diagnostic *error = only_error(&read);
    assert_string_equal(error->file, "x.conf");
    assert_int_equal(error->line, 3);
    assert_string_equal(error->text, "File contains no section headers. file: 'x.conf', line: 3 'x=1\\n'");
    read_clear(&read);
}

static void test_unreadable_lines(void **state)
{
    Read read = read_text("[a]\nfoo\nx=1\n=2\nbar");
    const Diagnostic *error = only_error(&read);
    assert_int_equal(error->line, 2);
    assert_string_equal(error->text, "Source contains parsing errors: 'x.conf' [line  2]: 'foo\\n' "
                                     "[line  4]: '=2\\n' [line  5]: 'bar'");
    read_clear(&read);
}

static void test_many_unreadable_lines(void **state)
{
    g_autoptr(GString) text = g_string_new("[a]\n");
    for (unsigned i = 0; i < 100000; i++)
        g_string_append(text, "nonsense\n");
    Read read = read_text(text->str);
    const Diagnostic *error = only_error(&read);
    assert_true(strlen(error->text) < 4096);
    assert_true(g_str_has_suffix(error->text, " and 99950 more"));
    read_clear(&read);
}

static void test_undecodable(void **state)
{
    Read read = read_text("[a]\nx=1\ny=caf\xe9\nz=2\n");
    const Diagnostic *error = only_error(&read);
    assert_int_equal(error->line, 3);
    assert_string_equal(error->text,
                        "'utf-8' codec can't decode byte 0xe9 in position 13: invalid continuation byte "
                        "(file: 'x.conf', line: 3)");
    read_clear(&read);
}

/* Every prefix and many mutilations of a file end in a result, never in a crash: run under sanitizers. */
static void test_mutilated(void **state)
{
    static const char text[] =
        "\xef\xbb\xbf; c\n[DEFAULT]\nx=1\n[a b]\r\ny : 2 ;c\n   more\n\n  \xc3\xa9 #d\n[b]\n=\nz";
    for (size_t length = 0; length < sizeof text; length++) {
        for (unsigned change = 0; change < 256; change += 5) {
            g_autofree char *copy = g_memdup2(text, sizeof text);
            copy[length] = (char)change;
            Read read = read_bytes(copy, sizeof text - 1);
            assert_true(read.result == 0 || diagnostics_first_error(read.diagnostics));
            read_clear(&read);
        }
        Read read = read_bytes(text, length);
        assert_true(read.result == 0 || diagnostics_first_error(read.diagnostics));
        read_clear(&read);
    }
}

static void test_expand_here(void **state)
{
    Read read =
        read_text("[DEFAULT]\nd=%(here)s\n[a]\nx=%(here)s/%(here)s %%(here)s %(here)d\ny=1\n[b]\nd=own\n");
    ini_document_expand_here(read.document, "/h");
    assert_value(&read, "a", "x", "/h//h %/h %(here)d");
    assert_string_equal(find(&read, "a", "x")->written, "%(here)s/%(here)s %%(here)s %(here)d");
    assert_value(&read, "a", "d", "/h");
    assert_int_equal(find(&read, "a", "d")->line, 2);
    assert_value(&read, "b", "d", "own");
    /* A second directory finds nothing left to replace. */
    ini_document_expand_here(read.document, "/other");
    assert_value(&read, "a", "d", "/h");
    read_clear(&read);
}

static void test_several_files(void **state)
{
    Read read = read_text("[a]\nx=1\n  2\n");
    const char *second = "[a]\ny=3\n[c]\n";
    assert_int_equal(
        ini_document_read(read.document, "second.conf", second, strlen(second), read.diagnostics), 0);
    assert_value(&read, "a", "x", "1\n2");
    assert_string_equal(find(&read, "a", "y")->file, "second.conf");
    assert_string_equal(ini_document_find(read.document, "a")->file, "x.conf");
    assert_string_equal(ini_document_find(read.document, "c")->file, "second.conf");
    read_clear(&read);
}

static void test_python_text(void **state)
{
    const struct {
        const char *text, *repr, *ascii;
    } rows[] = {
        {"a", "'a'", "'a'"},
        {"it's", "\"it's\"", "\"it's\""},
        {"it's \"so\"", "'it\\'s \"so\"'", "'it\\'s \"so\"'"},
        {"\n\t\r\\\x01\x7f", "'\\n\\t\\r\\\\\\x01\\x7f'", "'\\n\\t\\r\\\\\\x01\\x7f'"},
        {"\xc3\xa9", "'\xc3\xa9'", "'\\xe9'"},
        {"\xc2\xa0\xc2\xad", "'\\xa0\\xad'", "'\\xa0\\xad'"},
        {"\xe2\x80\xa8\xef\xbb\xbf", "'\\u2028\\ufeff'", "'\\u2028\\ufeff'"},
        {"\xf0\x9f\x98\x80", "'\xf0\x9f\x98\x80'", "'\\U0001f600'"},
        {"\xff\xc3", "'\\udcff\\udcc3'", "'\\udcff\\udcc3'"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *repr = text_repr(rows[i].text), *ascii = text_ascii(rows[i].text);
        assert_string_equal(repr, rows[i].repr);
        assert_string_equal(ascii, rows[i].ascii);
    }
    g_auto(GStrv) words = text_split("\xe3\x80\x80 a\x1c\xc2\xa0"
                                     "b\n");
    assert_int_equal(g_strv_length(words), 2);
    assert_string_equal(words[0], "a");
    assert_string_equal(words[1], "b");
    assert_int_equal(text_length("\xff\xc3\xa9x"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_order_of_appearance),
        cmocka_unit_test(test_default_section),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_blank_before_semicolon_survives),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_byte_order_mark),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_missing_header),
        cmocka_unit_test(test_unreadable_lines),
        cmocka_unit_test(test_many_unreadable_lines),
        cmocka_unit_test(test_undecodable),
        cmocka_unit_test(test_mutilated),
        cmocka_unit_test(test_expand_here),
        cmocka_unit_test(test_several_files),
        cmocka_unit_test(test_python_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
