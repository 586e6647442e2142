/* [rpcinterface:x] and [ctlplugin:x]: the oracle's get_plugins(). It would load Python code; here only one
 * factory is known. */
#include <errno.h>
#include <string.h>

#include "translator/config_reader.h"
#include "translator/known_plugin.h"
#include "translator/text.h"

static int plugin_expand(ConfigReader *reader, const IniSection *section, const IniSection *source)
{
    for (unsigned i = 0; i < source->options->len; i++) {
        const IniOption *option = g_ptr_array_index(source->options, i);
        g_autofree char *text = NULL;
        int result = config_reader_get(reader, section->name, option->name, NULL, NULL, &text);
        if (result < 0)
            return result;
    }
    return 0;
}

/* The oracle expands the other options, too, and those of [DEFAULT]: they are arguments of the factory. */
static int plugin_check_options(ConfigReader *reader, const IniSection *section)
{
    const IniSection *defaults = ini_document_defaults(reader->document);
    int result = plugin_expand(reader, section, section);
    return result < 0 || !defaults ? result : plugin_expand(reader, section, defaults);
}

static void plugin_note_foreign(ConfigReader *reader, const IniSection *section, const char *key,
                                const char *factory)
{
    bool rpc = option_section_kind(section->name) == SECTION_RPCINTERFACE;

    config_reader_note(reader, SEVERITY_WARNING, section->name, key,
                       "[%s] wants %s, which is Python code and is not loaded: %s; %s", section->name,
                       factory,
                       rpc ? "its methods answer UNKNOWN_METHOD" : "supervisorctl does not know its commands",
                       known_plugin_instead(rpc ? PLUGIN_RPC : PLUGIN_CTL, factory));
}

static int plugin_read(ConfigReader *reader, const IniSection *section, const char *key, const char *built_in,
                       GPtrArray *plugins)
{
    Origin origin = config_reader_origin(reader, section->name, NULL);
    g_autofree char *factory = NULL;
    int result = config_reader_get(reader, section->name, key, NULL, NULL, &factory);
    if (result < 0)
        return result;
    if (!factory)
        return config_reader_fail(reader, section->name, NULL, "section [%s] does not specify a %s",
                                  section->name, key);
    result = plugin_check_options(reader, section);
    if (result < 0)
        return result;
    g_auto(GStrv) words = text_split(factory);
    g_autofree char *packed = g_strjoinv("", words);
    if (g_strcmp0(packed, built_in) != 0)
        plugin_note_foreign(reader, section, key, factory);

    PluginConfig *plugin = config_allocate(reader->config, sizeof *plugin);
    plugin->section = config_keep(reader->config, section->name);
    plugin->name = config_keep(reader->config, strchr(section->name, ':') + 1);
    plugin->factory = config_keep(reader->config, packed);
    plugin->origin = (Origin){config_keep(reader->config, origin.file), origin.line};
    g_ptr_array_add(plugins, plugin);
    return 0;
}

int config_plugin_read_all(ConfigReader *reader, SectionKind kind, const char *built_in, GPtrArray *plugins)
{
    size_t count;
    const char *key = option_rows(kind, &count)->name;
    for (size_t i = 0; i < ini_document_count(reader->document); i++) {
        const IniSection *section = ini_document_get(reader->document, i);
        if (option_section_kind(section->name) != kind)
            continue;
        int result = plugin_read(reader, section, key, built_in, plugins);
        if (result < 0)
            return result;
    }
    return 0;
}
