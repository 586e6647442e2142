/* [unix_http_server] and [inet_http_server]: the oracle's server_configs_from_parser(). */
#include <errno.h>
#include <string.h>

#include "translator/config_reader.h"
#include "translator/path.h"
#include "translator/text.h"
#include "translator/value.h"

static int server_read_credentials(ConfigReader *reader, const char *section, ServerConfig *server)
{
    SectionKind kind = option_section_kind(section);
    int result = config_reader_store(reader, section, option_find_in(kind, "username"), NULL, server);
    if (result == 0)
        result = config_reader_store(reader, section, option_find_in(kind, "password"), NULL, server);
    if (result == 0 && !server->username != !server->password)
        return config_reader_fail(
            reader, section, server->username ? "username" : "password",
            "Section [%s] contains incomplete authentication: If a username or a password is "
            "specified, both the username and password must be specified",
            section);
    return result;
}

static int server_read_port(ConfigReader *reader, const char *section, ServerConfig *server)
{
    g_autofree char *text = NULL, *host = NULL, *error = NULL;
    int result = config_reader_get(reader, section, "port", NULL, NULL, &text);
    if (result < 0)
        return result;
    if (!text)
        return config_reader_fail(reader, section, NULL, "section [%s] has no port value", section);
    if (value_address(text, &host, &server->port, &error) < 0)
        return config_reader_fail(reader, section, "port", "%s", error);
    server->host = config_keep(reader->config, host);
    return 0;
}

static int server_read_inet(ConfigReader *reader, const char *section, ServerConfig *server)
{
    int result = server_read_credentials(reader, section, server);
    return result < 0 ? result : server_read_port(reader, section, server);
}

static int server_read_file(ConfigReader *reader, const char *section, ServerConfig *server)
{
    g_autofree char *text = NULL;
    int result = config_reader_get(reader, section, "file", NULL, reader->here, &text);
    if (result < 0)
        return result;
    if (!text)
        return config_reader_fail(reader, section, NULL, "section [%s] has no file value", section);
    g_autofree char *stripped = text_stripped(text);
    g_autofree char *path = path_normalize(stripped, reader->host);
    server->file = config_keep(reader->config, path);
    return 0;
}

static int server_read_chown(ConfigReader *reader, const char *section, ServerConfig *server)
{
    g_autofree char *text = NULL, *error = NULL;
    int result = config_reader_get(reader, section, "chown", NULL, NULL, &text);
    if (result < 0 || !text)
        return result;
    if (value_owner(text, reader->host, &server->uid, &server->gid, &error) < 0)
        return config_reader_fail(reader, section, "chown", "Invalid sockchown value %s", text);
    server->has_chown = true;
    return 0;
}

static int server_read_chmod(ConfigReader *reader, const char *section, ServerConfig *server)
{
    const Option *row = option_find_in(SECTION_UNIX_HTTP_SERVER, "chmod");
    g_autofree char *text = NULL, *error = NULL;
    int result = config_reader_get(reader, section, row->name, row->default_text, NULL, &text);
    if (result < 0)
        return result;
    if (value_octal(text, &server->chmod, &error) < 0)
        return config_reader_fail(reader, section, row->name, "Invalid chmod value %s", text);
    return 0;
}

static int server_read_unix(ConfigReader *reader, const char *section, ServerConfig *server)
{
    server->is_unix = true;
    int result = server_read_file(reader, section, server);
    if (result == 0)
        result = server_read_credentials(reader, section, server);
    if (result == 0)
        result = server_read_chown(reader, section, server);
    return result < 0 ? result : server_read_chmod(reader, section, server);
}

typedef int (*ServerFunction)(ConfigReader *reader, const char *section, ServerConfig *server);

static int server_read_kind(ConfigReader *reader, SectionKind kind, ServerFunction read)
{
    for (size_t i = 0; i < ini_document_count(reader->document); i++) {
        const char *section = ini_document_get(reader->document, i)->name;
        if (option_section_kind(section) != kind)
            continue;
        Origin origin = config_reader_origin(reader, section, NULL);
        const char *colon = strchr(section, ':');
        ServerConfig *server = config_allocate(reader->config, sizeof *server);
        server->section = config_keep(reader->config, section);
        server->name = config_keep(reader->config, colon ? colon + 1 : NULL);
        server->origin = (Origin){config_keep(reader->config, origin.file), origin.line};
        int result = read(reader, section, server);
        if (result < 0)
            return result;
        g_ptr_array_add(reader->config->servers, server);
    }
    return 0;
}

int config_server_read_all(ConfigReader *reader)
{
    int result = server_read_kind(reader, SECTION_INET_HTTP_SERVER, server_read_inet);
    return result < 0 ? result : server_read_kind(reader, SECTION_UNIX_HTTP_SERVER, server_read_unix);
}
