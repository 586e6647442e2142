/* The two ways to read a configuration file: as the daemon and as the client. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "translator/config_reader.h"
#include "translator/path.h"
#include "translator/text.h"
#include "translator/value.h"

static int load_main_file(ConfigReader *reader)
{
    g_autofree char *text = NULL;
    size_t length;
    int result = config_reader_slurp(reader->path, &text, &length);
    if (result < 0) {
        const char *verb = access(reader->path, F_OK) < 0 ? "find" : "read";
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, reader->path, 0, NULL,
                        "could not %s config file %s", verb, reader->path);
        return result;
    }
    return ini_document_read(reader->document, reader->path, text, length, reader->diagnostics);
}

/* ---- [include] ---- */

/* The oracle says that it included a file before it tries, and passes over one that it cannot open. */
static int load_included_file(ConfigReader *reader, const char *path)
{
    g_autofree char *text = NULL;
    size_t length;
    config_reader_note(reader, SEVERITY_INFO, "include", "files", "Included extra file \"%s\" during parsing",
                       path);
    int result = config_reader_slurp(path, &text, &length);
    if (result < 0) {
        diagnostics_add_ours(reader->diagnostics, SEVERITY_WARNING, path, 0, NULL, "%s cannot be read: %s",
                             path, g_strerror(-result));
        return 0;
    }
    result = ini_document_read(reader->document, path, text, length, reader->diagnostics);
    if (result < 0)
        return result;
    g_autofree char *directory = path_dirname(path);
    g_autofree char *here = path_absolute(directory);
    ini_document_expand_here(reader->document, here);
    return 0;
}

static int load_included_pattern(ConfigReader *reader, const char *pattern)
{
    g_autofree char *full_pattern = path_join(config_here(reader->config), pattern);
    g_autoptr(GPtrArray) paths = path_glob(full_pattern);
    if (paths->len == 0)
        config_reader_note(reader, SEVERITY_WARNING, "include", "files", "No file matches via include \"%s\"",
                           full_pattern);
    for (unsigned i = 0; i < paths->len; i++) {
        int result = load_included_file(reader, g_ptr_array_index(paths, i));
        if (result < 0)
            return result;
    }
    return 0;
}

/* What the oracle knows before it has read [supervisord]: `names` go in front of the environment. */
static ExpandMapping *load_early_names(const ConfigReader *reader)
{
    ExpandMapping *names = expand_mapping_new();
    expand_mapping_update(names, reader->here);
    expand_mapping_set(names, "host_node_name", reader->host->node_name);
    expand_mapping_update(names, reader->base);
    return names;
}

static int load_includes(ConfigReader *reader, const ExpandMapping *names)
{
    if (!ini_document_find(reader->document, "include"))
        return 0;
    ini_document_expand_here(reader->document, config_here(reader->config));
    g_autofree char *raw = config_reader_raw(reader, "include", "files", NULL);
    if (!raw)
        return config_reader_fail(reader, "include", NULL,
                                  ".ini file has [include] section, but no files setting");
    g_autofree char *text = NULL, *error = NULL;
    if (expand_text(raw, NULL, names, "include.files", &text, &error) < 0)
        return config_reader_fail(reader, "include", "files", "%s", error);
    g_auto(GStrv) patterns = text_split(text);
    for (char **pattern = patterns; *pattern; pattern++) {
        int result = load_included_pattern(reader, *pattern);
        if (result < 0)
            return result;
    }
    return 0;
}

/* ---- [supervisord] ---- */

static int load_childlogdir(ConfigReader *reader)
{
    g_autofree char *text = NULL, *path = NULL, *error = NULL;
    if (reader->config->daemon.childlogdir)
        return 0;
    int result = config_reader_get(reader, "supervisord", "childlogdir", reader->host->temporary_directory,
                                   reader->here, &text);
    if (result < 0)
        return result;
    if (value_directory(text, reader->host, &path, &error) < 0)
        return config_reader_fail(reader, "supervisord", "childlogdir", "%s", error);
    reader->config->daemon.childlogdir = config_keep(reader->config, path);
    return 0;
}

/* The oracle expands it twice, the second time with one name more. From here on %(ENV_x)s sees these
 * variables. */
static int load_environment(ConfigReader *reader, const ExpandMapping *names)
{
    g_autofree char *once = NULL, *text = NULL, *error = NULL;
    int result = config_reader_get(reader, "supervisord", "environment", "", reader->here, &once);
    if (result < 0)
        return result;
    if (expand_text(once, NULL, names, "environment", &text, &error) < 0 ||
        environment_parse(text, &reader->daemon_environment, &error) < 0)
        return config_reader_fail(reader, "supervisord", "environment", "%s", error);

    DaemonConfig *daemon = &reader->config->daemon;
    daemon->environment =
        config_keep_environment(reader->config, reader->daemon_environment, &daemon->environment_count);
    for (size_t i = 0; i < daemon->environment_count; i++)
        expand_mapping_set_variable(reader->base, daemon->environment[i].name, daemon->environment[i].value);
    return 0;
}

static int load_daemon_section(ConfigReader *reader, const ExpandMapping *names)
{
    DaemonConfig *daemon = &reader->config->daemon;
    if (!ini_document_find(reader->document, "supervisord"))
        return config_reader_fail(reader, "supervisord", NULL,
                                  ".ini file does not include supervisord section");
    Origin origin = config_reader_origin(reader, "supervisord", NULL);
    daemon->origin = (Origin){config_keep(reader->config, origin.file), origin.line};
    int result = config_reader_store_all(reader, "supervisord", PHASE_SECTION, reader->here, daemon);
    if (result == 0)
        result = load_childlogdir(reader);
    return result < 0 ? result : load_environment(reader, names);
}

static int load_daemon(ConfigReader *reader)
{
    int result = load_main_file(reader);
    if (result < 0)
        return result;
    g_autoptr(ExpandMapping) names = load_early_names(reader);
    result = load_includes(reader, names);
    if (result < 0)
        return result;
    config_keep_document(reader->config, reader->document);
    config_lint(reader);
    result = load_daemon_section(reader, names);
    if (result == 0)
        result = config_plugin_read_all(reader, SECTION_RPCINTERFACE,
                                        "supervisor.rpcinterface:make_main_rpcinterface",
                                        reader->config->rpcinterfaces);
    if (result == 0)
        result = config_group_read_all(reader);
    if (result == 0)
        result = config_server_read_all(reader);
    return result < 0 ? result : config_setting_check_all(reader);
}

int config_load_daemon(const char *path, const ConfigHost *host, Diagnostics *diagnostics,
                       Config **ret_config)
{
    g_auto(ConfigReader) reader = {0};
    config_reader_init(&reader, path, host, diagnostics);
    int result = load_daemon(&reader);
    if (result == 0)
        *ret_config = g_steal_pointer(&reader.config);
    return result;
}

/* ---- [supervisorctl] ---- */

static int load_client_serverurl(ConfigReader *reader, ClientConfig *client)
{
    const Option *row = option_find_in(SECTION_SUPERVISORCTL, "serverurl");
    int result = config_reader_store(reader, "supervisorctl", row, reader->here, client);
    if (result == 0 && g_str_has_prefix(client->serverurl, "unix://")) {
        g_autofree char *path = path_normalize(client->serverurl + strlen("unix://"), reader->host);
        g_autofree char *url = g_strconcat("unix://", path, NULL);
        client->serverurl = config_keep(reader->config, url);
    }
    return result;
}

static int load_client_history_file(ConfigReader *reader, ClientConfig *client)
{
    g_autofree char *text = NULL;
    int result = config_reader_get(reader, "supervisorctl", "history_file", NULL, reader->here, &text);
    if (result == 0 && text && text[0] != '\0') {
        g_autofree char *path = path_normalize(text, reader->host);
        client->history_file = config_keep(reader->config, path);
    }
    return result;
}

static int load_client_section(ConfigReader *reader)
{
    ClientConfig *client = &reader->config->client;
    static const char *const plain[] = {"prompt", "username", "password"};
    if (!ini_document_find(reader->document, "supervisorctl"))
        return config_reader_fail(reader, "supervisorctl", NULL,
                                  ".ini file does not include supervisorctl section");
    int result = load_client_serverurl(reader, client);
    for (size_t i = 0; i < G_N_ELEMENTS(plain) && result == 0; i++)
        result = config_reader_store(reader, "supervisorctl", option_find_in(SECTION_SUPERVISORCTL, plain[i]),
                                     NULL, client);
    return result < 0 ? result : load_client_history_file(reader, client);
}

static int load_client(ConfigReader *reader)
{
    /* Here the oracle expands a "~" in the file's name before it takes the directory. */
    g_autofree char *path = path_normalize(reader->path, reader->host);
    g_autofree char *here = path_dirname(path);
    expand_mapping_set(reader->here, "here", here);
    int result = load_main_file(reader);
    if (result < 0)
        return result;
    config_keep_document(reader->config, reader->document);
    result = load_client_section(reader);
    return result < 0 ? result
                      : config_plugin_read_all(reader, SECTION_CTLPLUGIN, NULL, reader->config->ctlplugins);
}

int config_load_client(const char *path, const ConfigHost *host, Diagnostics *diagnostics,
                       Config **ret_config)
{
    g_auto(ConfigReader) reader = {0};
    config_reader_init(&reader, path, host, diagnostics);
    int result = load_client(&reader);
    if (result == 0)
        *ret_config = g_steal_pointer(&reader.config);
    return result;
}
