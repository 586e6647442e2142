/* What `supersede check` says about names that Supervisor ignores without a word. */
#include <string.h>

#include "translator/config_reader.h"

static void lint_section_name(ConfigReader *reader, const IniSection *section)
{
    const char *suggestion = option_suggest_section(section->name);
    diagnostics_add_ours(reader->diagnostics, SEVERITY_WARNING, section->file, section->line, section->name,
                         "unknown section [%s]%s%s%s", section->name, suggestion ? ", did you mean [" : "",
                         suggestion ? suggestion : "", suggestion ? "]?" : "");
}

/* A foreign plugin has options that only it knows. */
static bool lint_is_foreign(SectionKind kind)
{
    return kind == SECTION_RPCINTERFACE || kind == SECTION_CTLPLUGIN;
}

/* Sections of one name become one: a second [program:x], copied and not renamed, takes the place of the
 * first. */
static void lint_repetition(ConfigReader *reader, const IniSection *section, const IniOption *option)
{
    g_autofree char *name = g_strconcat(section->name, ".", option->name, NULL);
    bool elsewhere = strcmp(option->hidden_file, option->file) != 0;

    diagnostics_add_ours(reader->diagnostics, SEVERITY_WARNING, option->file, option->line, name,
                         "option '%s' of [%s] stands in line %u%s%s as well; that one does not count",
                         option->name, section->name, option->hidden_line, elsewhere ? " of " : "",
                         elsewhere ? option->hidden_file : "");
}

static void lint_option(ConfigReader *reader, const IniSection *section, const IniOption *option)
{
    if (option->hidden_line > 0)
        lint_repetition(reader, section, option);
    if (option_find(section->name, option->name) || option_is_systemd(section->name, option->name))
        return;
    const char *suggestion = option_suggest(section->name, option->name);
    g_autofree char *name = g_strconcat(section->name, ".", option->name, NULL);
    diagnostics_add_ours(reader->diagnostics, SEVERITY_WARNING, option->file, option->line, name,
                         "unknown option '%s'%s%s%s", option->name, suggestion ? ", did you mean '" : "",
                         suggestion ? suggestion : "", suggestion ? "'?" : "");
}

void config_lint(ConfigReader *reader)
{
    for (size_t i = 0; i < ini_document_count(reader->document); i++) {
        const IniSection *section = ini_document_get(reader->document, i);
        SectionKind kind = option_section_kind(section->name);
        if (kind == SECTION_UNKNOWN)
            lint_section_name(reader, section);
        else if (!lint_is_foreign(kind)) {
            for (unsigned j = 0; j < section->options->len; j++)
                lint_option(reader, section, g_ptr_array_index(section->options, j));
        }
    }
}
