#include "translator/export_unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "translator/property.h"
#include "translator/unitfile.h"

/* Comments are wrapped to lines of about this many bytes. */
#define COMMENT_WIDTH 96

static const char *const sections[] = {"Unit", "Service", "Socket", "Slice", "Install"};

static void line_free(void *data)
{
    ExportLine *line = data;

    g_free(line->text);
    g_free(line->comment);
    g_free(line);
}

ExportUnit *export_unit_new(const char *name, const char *heading)
{
    ExportUnit *unit = g_new0(ExportUnit, 1);

    unit->name = g_strdup(name);
    unit->heading = g_strdup(heading);
    unit->lines = g_ptr_array_new_with_free_func(line_free);
    unit->variables = g_ptr_array_new_with_free_func(g_free);
    return unit;
}

void export_unit_free(ExportUnit *unit)
{
    if (!unit)
        return;
    g_ptr_array_unref(unit->lines);
    g_ptr_array_unref(unit->variables);
    g_free(unit->name);
    g_free(unit->heading);
    g_free(unit);
}

static void add(ExportUnit *unit, const char *section, char *text)
{
    ExportLine *line = g_new0(ExportLine, 1);

    line->section = section;
    line->text = text;
    g_ptr_array_add(unit->lines, line);
}

void export_unit_add(ExportUnit *unit, const char *section, const char *key, const char *value)
{
    add(unit, section, g_strdup_printf("%s=%s", key, value));
}

void export_unit_add_format(ExportUnit *unit, const char *section, const char *key, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *value = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    export_unit_add(unit, section, key, value);
}

static void add_property(ExportUnit *unit, const char *section, const PropertyList *list)
{
    add(unit, section, unitfile_format_property(property_list_get(list, 0)));
}

void export_unit_add_plain(ExportUnit *unit, const char *section, const char *key, const char *value)
{
    g_autoptr(PropertyList) list = property_list_new();
    /* A unit file is UTF-8 from end to end. */
    g_autofree char *valid = g_utf8_make_valid(value, -1);

    property_list_add_string(list, key, valid);
    add_property(unit, section, list);
}

void export_unit_add_word(ExportUnit *unit, const char *section, const char *key, const char *word)
{
    g_autoptr(PropertyList) list = property_list_new();

    property_list_add_string_list(list, key, (const char *const[]){word, NULL});
    add_property(unit, section, list);
}

void export_unit_add_command(ExportUnit *unit, const char *key, const char *const *argv)
{
    g_autoptr(PropertyList) list = property_list_new();

    property_list_add_command(list, key, argv, false);
    add_property(unit, "Service", list);
}

void export_unit_comment(ExportUnit *unit, const char *format, ...)
{
    ExportLine *line = g_ptr_array_index(unit->lines, unit->lines->len - 1);
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    char *whole = line->comment ? g_strconcat(line->comment, "\n", text, NULL) : g_strdup(text);
    g_free(line->comment);
    line->comment = whole;
}

const ExportLine *export_unit_find(const ExportUnit *unit, const char *key)
{
    size_t length = strlen(key);

    for (size_t i = 0; i < unit->lines->len; i++) {
        const ExportLine *line = unit->lines->pdata[i];
        if (strncmp(line->text, key, length) == 0 && line->text[length] == '=')
            return line;
    }
    return NULL;
}

/* A line break in a name must not begin a setting, a backslash at the end of a comment not swallow the next
 * line. */
static void append_comment_line(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    size_t column = 0;

    g_string_append_c(out, '#');
    for (const char *word = valid; *word;) {
        size_t length = strcspn(word, " ");
        if (column > 0 && column + length > COMMENT_WIDTH) {
            g_string_append(out, "\n#");
            column = 0;
        }
        g_string_append_c(out, ' ');
        for (size_t i = 0; i < length; i++)
            g_string_append_c(out, g_ascii_iscntrl(word[i]) ? '?' : word[i]);
        column += length + 1;
        word += length + (word[length] == ' ');
    }
    g_string_append(out, out->str[out->len - 1] == '\\' ? " .\n" : "\n");
}

static void append_comment(GString *out, const char *comment)
{
    g_auto(GStrv) lines = g_strsplit(comment, "\n", -1);

    for (size_t i = 0; lines[i]; i++)
        append_comment_line(out, lines[i]);
}

static void append_section(GString *out, const ExportUnit *unit, const char *section)
{
    bool begun = false;

    for (size_t i = 0; i < unit->lines->len; i++) {
        const ExportLine *line = unit->lines->pdata[i];
        if (strcmp(line->section, section) != 0)
            continue;
        if (!begun)
            g_string_append_printf(out, "\n[%s]\n", section);
        begun = true;
        if (line->comment)
            append_comment(out, line->comment);
        g_string_append_printf(out, "%s\n", line->text);
    }
}

char *export_unit_format(const ExportUnit *unit)
{
    GString *out = g_string_new(NULL);

    append_comment(out, unit->heading);
    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++)
        append_section(out, unit, sections[i]);
    return g_string_free(out, FALSE);
}

bool export_unit_is_exported(const char *path)
{
    static const char mark[] = "# " EXPORT_UNIT_HEADING;
    char start[sizeof mark] = "";
    FILE *file = *path ? fopen(path, "re") : NULL;

    if (!file)
        return false;
    size_t length = fread(start, 1, sizeof mark - 1, file);
    (void)fclose(file);
    return length == sizeof mark - 1 && strcmp(start, mark) == 0;
}
