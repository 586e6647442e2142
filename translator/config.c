#include "translator/config.h"

#include <string.h>

#include "translator/config_reader.h"
#include "translator/path.h"

Config *config_new(const char *path)
{
    Config *config = g_new0(Config, 1);
    config->references = 1;
    config->path = path_absolute(path);
    config->here = path_dirname(config->path);
    config->groups = g_ptr_array_new();
    config->servers = g_ptr_array_new();
    config->rpcinterfaces = g_ptr_array_new();
    config->ctlplugins = g_ptr_array_new();
    config->sections = g_array_new(FALSE, TRUE, sizeof(RawSection));
    config->section_index = g_hash_table_new(g_str_hash, g_str_equal);
    config->strings = g_string_chunk_new(4096);
    config->memory = g_ptr_array_new_with_free_func(g_free);
    return config;
}

Config *config_ref(Config *config)
{
    config->references++;
    return config;
}

void config_unref(Config *config)
{
    if (!config || --config->references > 0)
        return;
    g_ptr_array_unref(config->groups);
    g_ptr_array_unref(config->servers);
    g_ptr_array_unref(config->rpcinterfaces);
    g_ptr_array_unref(config->ctlplugins);
    g_hash_table_unref(config->section_index);
    g_array_unref(config->sections);
    g_ptr_array_unref(config->memory);
    g_string_chunk_free(config->strings);
    g_free(config->path);
    g_free(config->here);
    g_free(config);
}

const char *config_keep(Config *config, const char *text)
{
    return text ? g_string_chunk_insert_const(config->strings, text) : NULL;
}

void *config_allocate(Config *config, size_t size)
{
    void *memory = g_malloc0(MAX(size, 1));
    g_ptr_array_add(config->memory, memory);
    return memory;
}

const EnvironmentVariable *config_keep_environment(Config *config, const Environment *environment,
                                                   size_t *ret_count)
{
    size_t count = environment_count(environment);
    EnvironmentVariable *variables = config_allocate(config, count * sizeof *variables);
    for (size_t i = 0; i < count; i++) {
        const EnvironmentVariable *variable = environment_get(environment, i);
        variables[i].name = config_keep(config, variable->name);
        variables[i].value = config_keep(config, variable->value);
    }
    *ret_count = count;
    return variables;
}

void config_keep_document(Config *config, const IniDocument *document)
{
    for (size_t i = 0; i < ini_document_count(document); i++) {
        const IniSection *section = ini_document_get(document, i);
        RawOption *options = config_allocate(config, section->options->len * sizeof *options);
        for (unsigned j = 0; j < section->options->len; j++) {
            const IniOption *option = g_ptr_array_index(section->options, j);
            options[j] = (RawOption){
                .name = config_keep(config, option->name),
                .value = config_keep(config, option->written),
                .origin = {config_keep(config, option->file), option->line},
            };
        }
        RawSection raw = {
            .name = config_keep(config, section->name),
            .origin = {config_keep(config, section->file), section->line},
            .options = options,
            .option_count = section->options->len,
        };
        g_array_append_val(config->sections, raw);
        g_hash_table_insert(config->section_index, (char *)raw.name, GUINT_TO_POINTER(config->sections->len));
    }
}

const char *config_path(const Config *config)
{
    return config->path;
}

const char *config_here(const Config *config)
{
    return config->here;
}

const DaemonConfig *config_daemon(const Config *config)
{
    return &config->daemon;
}

const ClientConfig *config_client(const Config *config)
{
    return &config->client;
}

size_t config_group_count(const Config *config)
{
    return config->groups->len;
}

const GroupConfig *config_group(const Config *config, size_t index)
{
    return g_ptr_array_index(config->groups, index);
}

const GroupConfig *config_find_group(const Config *config, const char *name)
{
    for (size_t i = 0; i < config_group_count(config); i++) {
        if (strcmp(config_group(config, i)->name, name) == 0)
            return config_group(config, i);
    }
    return NULL;
}

size_t config_server_count(const Config *config)
{
    return config->servers->len;
}

const ServerConfig *config_server(const Config *config, size_t index)
{
    return g_ptr_array_index(config->servers, index);
}

size_t config_rpcinterface_count(const Config *config)
{
    return config->rpcinterfaces->len;
}

const PluginConfig *config_rpcinterface(const Config *config, size_t index)
{
    return g_ptr_array_index(config->rpcinterfaces, index);
}

size_t config_ctlplugin_count(const Config *config)
{
    return config->ctlplugins->len;
}

const PluginConfig *config_ctlplugin(const Config *config, size_t index)
{
    return g_ptr_array_index(config->ctlplugins, index);
}

size_t config_section_count(const Config *config)
{
    return config->sections->len;
}

const RawSection *config_section(const Config *config, size_t index)
{
    return &g_array_index(config->sections, RawSection, index);
}

Origin config_option_origin(const Config *config, const char *section, const char *option)
{
    unsigned number = GPOINTER_TO_UINT(g_hash_table_lookup(config->section_index, section));
    if (number > 0) {
        const RawSection *raw = config_section(config, number - 1);
        for (size_t i = 0; i < raw->option_count; i++) {
            if (strcmp(raw->options[i].name, option) == 0)
                return raw->options[i].origin;
        }
    }
    return (Origin){NULL, 0};
}
