/* Writes the table of options as a manual page or as Markdown: `generate-options (roff|markdown) TEMPLATE`
 * copies TEMPLATE to stdout and puts the table in the place of the line that says OPTIONS. Runs while
 * building. */
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "translator/options.h"

static void put_roff(const char *text)
{
    bool begins = true;

    for (const char *p = text; *p; p++) {
        /* A dot or an apostrophe begins a request, a hyphen alone is no minus sign. */
        if (begins && strchr(".'", *p))
            fputs("\\&", stdout);
        if (*p == '\\')
            fputs("\\e", stdout);
        else if (*p == '-')
            fputs("\\-", stdout);
        else
            putchar(*p);
        begins = *p == '\n';
    }
}

static void put_markdown(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (strchr("|*_<>", *p))
            putchar('\\');
        putchar(*p);
    }
}

static const char *default_text(const Option *option)
{
    if (option->default_text)
        return *option->default_text ? option->default_text : "empty";
    return option->default_note;
}

/* Names of D-Bus properties as unit files spell them. */
static char *property_names(const Option *option)
{
    g_auto(GStrv) names = g_strsplit(option->property, " ", -1);
    GString *out = g_string_new(NULL);

    for (size_t i = 0; names[i]; i++) {
        size_t length = strlen(names[i]);
        g_string_append(out, i > 0 ? ", " : "");
        if (g_str_has_suffix(names[i], "USec"))
            g_string_append_printf(out, "%.*sSec=", (int)(length - strlen("USec")), names[i]);
        else
            g_string_append_printf(out, "%s=", names[i]);
    }
    return g_string_free(out, FALSE);
}

static char *becomes(const Option *option)
{
    if (option->disposition == DISPOSITION_PROPERTY)
        return property_names(option);
    return g_strdup(option_disposition_text(option->disposition));
}

/* roff */

static void roff_option(const Option *option)
{
    g_autofree char *result = becomes(option);
    const char *text = default_text(option);

    fputs(".TP\n.B ", stdout);
    put_roff(option->name);
    fputs("\n", stdout);
    put_roff(option->doc);
    fputs(".\n.br\n", stdout);
    put_roff(option->choices ?: option_kind_text(option->kind));
    if (text) {
        fputs("; default: ", stdout);
        put_roff(text);
    }
    fputs("\n.br\nOn systemd: ", stdout);
    put_roff(result);
    fputs(".\n", stdout);
}

static void roff_section(SectionKind kind)
{
    size_t count;
    const Option *rows = option_rows(kind, &count);

    printf(".SS [%s]\n", option_section_pattern(kind));
    put_roff(option_section_doc(kind));
    fputs(".\n", stdout);
    for (size_t i = 0; i < count; i++)
        roff_option(&rows[i]);
}

/* Markdown */

static void markdown_option(const Option *option)
{
    g_autofree char *result = becomes(option);

    printf("| `%s` | ", option->name);
    put_markdown(option->doc);
    fputs(" | ", stdout);
    put_markdown(option->choices ?: option_kind_text(option->kind));
    fputs(" | ", stdout);
    put_markdown(default_text(option) ?: "");
    printf(option->disposition == DISPOSITION_PROPERTY ? " | `%s` |\n" : " | %s |\n", result);
}

static void markdown_section(SectionKind kind)
{
    size_t count;
    const Option *rows = option_rows(kind, &count);

    printf("\n## [%s]\n\n", option_section_pattern(kind));
    put_markdown(option_section_doc(kind));
    fputs("\n\n| option | meaning | value | default | on systemd |\n|---|---|---|---|---|\n", stdout);
    for (size_t i = 0; i < count; i++)
        markdown_option(&rows[i]);
}

static void put_table(bool roff)
{
    for (SectionKind kind = 0; kind < SECTION_KIND_COUNT; kind++) {
        if (kind == SECTION_DEFAULT)
            continue;
        if (roff)
            roff_section(kind);
        else
            markdown_section(kind);
    }
}

int main(int argc, char *argv[])
{
    g_autofree char *template = NULL;

    if (argc != 3 || !g_file_get_contents(argv[2], &template, NULL, NULL)) {
        fputs("usage: generate-options (roff|markdown) TEMPLATE\n", stderr);
        return 2;
    }
    g_auto(GStrv) lines = g_strsplit(template, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        if (strcmp(lines[i], "OPTIONS") == 0)
            put_table(strcmp(argv[1], "roff") == 0);
        else if (lines[i + 1])
            puts(lines[i]);
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
