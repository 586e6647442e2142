/* Prints as JSON what the reader makes of a configuration file, on a host that exists only here:
 * tests/parity/config/oracle.py gives the oracle the same one.
 *
 *     config-dump [--client] FILE
 *
 * Users and groups exist unless their name begins with "nosuch" or their number is 60000 or more; directories
 * exist unless "nosuch" is in their path. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "translator/config.h"
#include "translator/text.h"

#define FIRST_MISSING_ID 60000

/* ---- the host ---- */

static int stub_find_id(const char *text, unsigned base, unsigned factor, unsigned *ret)
{
    if (g_str_has_prefix(text, "nosuch") || text[0] == '\0')
        return -ENOENT;
    if (strspn(text, "0123456789") == strlen(text)) {
        guint64 number = g_ascii_strtoull(text, NULL, 10);
        *ret = (unsigned)number;
        return number < FIRST_MISSING_ID ? 0 : -ENOENT;
    }
    *ret = strcmp(text, "root") == 0 ? 0 : base + factor * (unsigned)strlen(text);
    return 0;
}

static int stub_find_user(const char *text, uid_t *ret_uid, gid_t *ret_gid)
{
    int result = stub_find_id(text, 1000, 7, ret_uid);
    if (result == 0)
        *ret_gid = *ret_uid + 5;
    return result;
}

static int stub_find_group(const char *text, gid_t *ret_gid)
{
    return stub_find_id(text, 2000, 11, ret_gid);
}

static bool stub_is_directory(const char *path)
{
    return !strstr(path, "nosuch");
}

static char *stub_find_home(const char *user)
{
    if (!user)
        return g_strdup("/root/");
    return g_str_has_prefix(user, "nosuch") ? NULL : g_strconcat("/home/", user, NULL);
}

/* ---- JSON ---- */

static bool separator; /* whether something stands in front at this level */

static void print_string(const char *text)
{
    const char *end = text + strlen(text);
    putchar('"');
    while (text < end) {
        gunichar character;
        const char *next = text_next(text, end, &character);
        if (character < 0x20 || character == '"' || character == '\\' ||
            (character >= 0xdc80 && character < 0xdd00))
            printf("\\u%04x", character);
        else
            fwrite(text, 1, (size_t)(next - text), stdout);
        text = next;
    }
    putchar('"');
}

static void print_key(const char *key)
{
    if (separator)
        putchar(',');
    separator = true;
    if (key) {
        print_string(key);
        putchar(':');
    }
}

static void print_open(const char *key, char bracket)
{
    print_key(key);
    putchar(bracket);
    separator = false;
}

static void print_close(char bracket)
{
    putchar(bracket);
    separator = true;
}

static void print_text(const char *key, const char *text)
{
    print_key(key);
    if (text)
        print_string(text);
    else
        printf("null");
}

static void print_number(const char *key, int64_t number)
{
    print_key(key);
    printf("%" G_GINT64_FORMAT, number);
}

static void print_boolean(const char *key, bool value)
{
    print_key(key);
    printf(value ? "true" : "false");
}

static void print_optional(const char *key, bool is_set, int64_t number)
{
    if (is_set)
        print_number(key, number);
    else
        print_text(key, NULL);
}

/* Modes are printed with their sign, too: umask=-1 is what the oracle keeps. */

/* Python's -1 for "leave it". */
static int64_t signed_id(unsigned id)
{
    return id == UINT32_MAX ? -1 : (int64_t)id;
}

static void print_owner(const char *key, bool is_set, uid_t uid, gid_t gid)
{
    if (!is_set) {
        print_text(key, NULL);
        return;
    }
    print_open(key, '[');
    print_number(NULL, signed_id(uid));
    print_number(NULL, signed_id(gid));
    print_close(']');
}

static void print_environment(const EnvironmentVariable *variables, size_t count)
{
    print_open("environment", '[');
    for (size_t i = 0; i < count; i++) {
        print_open(NULL, '[');
        print_text(NULL, variables[i].name);
        print_text(NULL, variables[i].value);
        print_close(']');
    }
    print_close(']');
}

/* ---- the model ---- */

static void print_log(const char *key, const LogConfig *log)
{
    static const char *const kinds[] = {
        [LOGFILE_NONE] = "none", [LOGFILE_AUTO] = "auto", [LOGFILE_PATH] = "path"};
    print_open(key, '{');
    print_text("kind", kinds[log->kind]);
    print_text("path", log->path);
    print_number("maxbytes", log->maxbytes);
    print_number("backups", log->backups);
    print_number("capture_maxbytes", log->capture_maxbytes);
    print_boolean("events_enabled", log->events_enabled);
    print_boolean("syslog", log->syslog);
    print_close('}');
}

static void print_process(const ProcessConfig *process)
{
    static const char *const restarts[] = {"never", "unexpected", "always"};
    static const char *const kinds[] = {"plain", "fcgi", "eventlistener"};
    print_open(NULL, '{');
    print_text("kind", kinds[process->kind]);
    print_text("name", process->name);
    print_text("command", process->command);
    print_text("directory", process->directory);
    print_optional("umask", process->has_umask, (int32_t)process->umask);
    print_number("priority", process->priority);
    print_boolean("autostart", process->autostart);
    print_text("autorestart", restarts[process->autorestart]);
    print_number("startsecs", process->startsecs);
    print_number("startretries", process->startretries);
    print_optional("uid", process->has_uid, process->uid);
    print_log("stdout", &process->log[STREAM_STDOUT]);
    print_log("stderr", &process->log[STREAM_STDERR]);
    print_number("stopsignal", process->stopsignal);
    print_number("stopwaitsecs", process->stopwaitsecs);
    print_boolean("stopasgroup", process->stopasgroup);
    print_boolean("killasgroup", process->killasgroup);
    print_open("exitcodes", '[');
    for (size_t i = 0; i < process->exitcode_count; i++)
        print_number(NULL, process->exitcodes[i]);
    print_close(']');
    print_boolean("redirect_stderr", process->redirect_stderr);
    print_environment(process->environment, process->environment_count);
    print_text("serverurl", process->serverurl);
    print_close('}');
}

static void print_socket(const SocketConfig *socket)
{
    print_open("socket", '{');
    print_text("url", socket->url);
    print_text("path", socket->path);
    print_text("host", socket->host);
    print_optional("port", !socket->is_unix, socket->port);
    print_owner("owner", socket->has_owner, socket->uid, socket->gid);
    print_optional("mode", socket->has_mode, (int32_t)socket->mode);
    print_optional("backlog", socket->backlog > 0, socket->backlog);
    print_close('}');
}

static void print_group(const GroupConfig *group)
{
    /* The oracle has one class for the first two. */
    static const char *const kinds[] = {"group", "group", "eventlistener", "fcgi"};
    print_open(NULL, '{');
    print_text("kind", kinds[group->kind]);
    print_text("name", group->name);
    print_number("priority", group->priority);
    if (group->kind == GROUP_EVENTLISTENER) {
        print_number("buffer_size", group->buffer_size);
        print_open("events", '[');
        for (size_t i = 0; i < group->event_count; i++)
            print_text(NULL, group->events[i]);
        print_close(']');
    }
    if (group->kind == GROUP_FCGI)
        print_socket(&group->socket);
    print_open("processes", '[');
    for (size_t i = 0; i < group->process_count; i++)
        print_process(group->processes[i]);
    print_close(']');
    print_close('}');
}

static void print_server(const ServerConfig *server)
{
    print_open(NULL, '{');
    print_text("section", server->section);
    print_text("name", server->name);
    print_text("username", server->username);
    print_text("password", server->password);
    print_text("file", server->file);
    print_optional("chmod", server->is_unix, (int32_t)server->chmod);
    print_owner("chown", server->has_chown, server->uid, server->gid);
    print_text("host", server->host);
    print_optional("port", !server->is_unix, server->port);
    print_close('}');
}

static void print_daemon(const DaemonConfig *daemon)
{
    print_open("daemon", '{');
    print_text("logfile", daemon->logfile);
    print_number("logfile_maxbytes", daemon->logfile_maxbytes);
    print_number("logfile_backups", daemon->logfile_backups);
    print_number("loglevel", daemon->loglevel);
    print_text("pidfile", daemon->pidfile);
    print_number("umask", (int32_t)daemon->umask);
    print_boolean("nodaemon", daemon->nodaemon);
    print_boolean("silent", daemon->silent);
    print_number("minfds", daemon->minfds);
    print_number("minprocs", daemon->minprocs);
    print_boolean("nocleanup", daemon->nocleanup);
    print_text("childlogdir", daemon->childlogdir);
    print_text("user", daemon->user);
    print_text("directory", daemon->directory);
    print_boolean("strip_ansi", daemon->strip_ansi);
    print_text("identifier", daemon->identifier);
    print_environment(daemon->environment, daemon->environment_count);
    print_close('}');
}

static void print_client(const ClientConfig *client)
{
    print_open("client", '{');
    print_text("serverurl", client->serverurl);
    print_text("username", client->username);
    print_text("password", client->password);
    print_text("prompt", client->prompt);
    print_text("history_file", client->history_file);
    print_close('}');
}

static void print_plugins(const Config *config)
{
    print_open("rpcinterfaces", '[');
    for (size_t i = 0; i < config_rpcinterface_count(config); i++) {
        print_open(NULL, '[');
        print_text(NULL, config_rpcinterface(config, i)->name);
        print_text(NULL, config_rpcinterface(config, i)->factory);
        print_close(']');
    }
    print_close(']');
}

static void print_diagnostics(const Diagnostics *diagnostics)
{
    static const char *const severities[] = {"info", "warning", "critical", "error"};
    print_open("diagnostics", '[');
    for (size_t i = 0; i < diagnostics_count(diagnostics); i++) {
        const Diagnostic *diagnostic = diagnostics_get(diagnostics, i);
        print_open(NULL, '{');
        print_text("severity", severities[diagnostic->severity]);
        print_text("file", diagnostic->file);
        print_number("line", diagnostic->line);
        print_text("option", diagnostic->option);
        print_text("text", diagnostic->text);
        print_boolean("ours", diagnostic->ours);
        print_close('}');
    }
    print_close(']');
}

static void print_daemon_model(const Config *config)
{
    print_daemon(config_daemon(config));
    print_open("groups", '[');
    for (size_t i = 0; i < config_group_count(config); i++)
        print_group(config_group(config, i));
    print_close(']');
    print_open("servers", '[');
    for (size_t i = 0; i < config_server_count(config); i++)
        print_server(config_server(config, i));
    print_close(']');
    print_plugins(config);
}

int main(int argc, char **argv)
{
    const ConfigHost host = {
        .environment = environ,
        .node_name = "testhost",
        .temporary_directory = "/stub/tmp",
        .find_user = stub_find_user,
        .find_group = stub_find_group,
        .is_directory = stub_is_directory,
        .find_home = stub_find_home,
        .uid = 0,
    };
    bool client = argc == 3 && strcmp(argv[1], "--client") == 0;
    if (argc != 2 && !client) {
        fprintf(stderr, "usage: config-dump [--client] FILE\n");
        return EXIT_FAILURE;
    }
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Config) config = NULL;
    int result =
        (client ? config_load_client : config_load_daemon)(argv[argc - 1], &host, diagnostics, &config);
    print_open(NULL, '{');
    print_number("result", result);
    print_diagnostics(diagnostics);
    if (result == 0 && client)
        print_client(config_client(config));
    else if (result == 0)
        print_daemon_model(config);
    print_close('}');
    putchar('\n');
    return EXIT_SUCCESS;
}
