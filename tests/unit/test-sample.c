#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "translator/options.h"
#include "translator/sample.h"

/* The lines of the first section of a kind, commented out or not. */
static char *find_section(char **lines, SectionKind kind)
{
    GString *found = NULL;

    for (; *lines; lines++) {
        const char *line = **lines == ';' ? *lines + 1 : *lines;
        const char *end = *line == '[' ? strchr(line, ']') : NULL;
        g_autofree char *name = end ? g_strndup(line + 1, (size_t)(end - line - 1)) : NULL;
        if (name && found)
            break;
        if (name && option_section_kind(name) == kind)
            found = g_string_new("\n");
        if (found)
            g_string_append_printf(found, "%s\n", *lines);
    }
    return found ? g_string_free(found, FALSE) : NULL;
}

static void test_every_option_is_named(void **state)
{
    g_autofree char *text = sample_configuration();
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (size_t i = 0; i < option_count(); i++) {
        const Option *option = option_get(i);
        g_autofree char *section = find_section(lines, option->section);
        g_autofree char *active = g_strdup_printf("\n%s=", option->name);
        g_autofree char *commented = g_strdup_printf("\n;%s=", option->name);

        if (!section)
            fail_msg("no section %s", option_section_pattern(option->section));
        if (!strstr(section, active) && !strstr(section, commented))
            fail_msg("no %s in %s", option->name, option_section_pattern(option->section));
        if (!strstr(section, option->doc))
            fail_msg("nothing about %s", option->name);
    }
}

static void test_defaults_are_told(void **state)
{
    g_autofree char *text = sample_configuration();

    assert_non_null(strstr(text, "\n;minfds=1024 "));
    assert_non_null(strstr(text, "\n;autorestart=unexpected "));
    assert_non_null(strstr(text, "\nlogfile=/tmp/supervisord.log "));
    assert_non_null(strstr(text, "default: supervisord.log\n"));
    assert_non_null(strstr(text, "; required\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_option_is_named),
        cmocka_unit_test(test_defaults_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
