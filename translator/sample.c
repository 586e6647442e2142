#include "translator/sample.h"

#include <glib.h>
#include <string.h>

#include "translator/options.h"

enum { COMMENT_COLUMN = 40 };

#define SOCKET_PATH "/tmp/supervisor.sock"

/* Sections in the order of the file. Those that a daemon and its client need are not commented out. */
typedef struct SampleSection {
    SectionKind kind;
    const char *heading;
    bool active;
} SampleSection;

static const SampleSection sections[] = {
    {SECTION_UNIX_HTTP_SERVER, "unix_http_server", true},
    {SECTION_INET_HTTP_SERVER, "inet_http_server", false},
    {SECTION_SUPERVISORD, "supervisord", true},
    {SECTION_RPCINTERFACE, "rpcinterface:supervisor", true},
    {SECTION_SUPERVISORCTL, "supervisorctl", true},
    {SECTION_PROGRAM, "program:web", false},
    {SECTION_FCGI_PROGRAM, "fcgi-program:backend", false},
    {SECTION_EVENTLISTENER, "eventlistener:watcher", false},
    {SECTION_GROUP, "group:site", false},
    {SECTION_INCLUDE, "include", false},
    {SECTION_CTLPLUGIN, "ctlplugin:more", false},
};

/* What is written instead of the default, where there is none or where another shows more. `active`: it
 * stands there without a comment sign. */
typedef struct SampleValue {
    SectionKind section;
    const char *name;
    const char *value;
    bool active;
} SampleValue;

static const SampleValue values[] = {
    {SECTION_UNIX_HTTP_SERVER, "file", SOCKET_PATH, true},
    {SECTION_UNIX_HTTP_SERVER, "username", "user", false},
    {SECTION_UNIX_HTTP_SERVER, "password", "123", false},
    {SECTION_INET_HTTP_SERVER, "port", "127.0.0.1:9001", false},
    {SECTION_INET_HTTP_SERVER, "username", "user", false},
    {SECTION_INET_HTTP_SERVER, "password", "123", false},
    {SECTION_SUPERVISORD, "logfile", "/tmp/supervisord.log", true},
    {SECTION_SUPERVISORD, "pidfile", "/tmp/supervisord.pid", true},
    {SECTION_SUPERVISORD, "user", "root", false},
    {SECTION_RPCINTERFACE, "supervisor.rpcinterface_factory",
     "supervisor.rpcinterface:make_main_rpcinterface", true},
    {SECTION_SUPERVISORCTL, "serverurl", "unix://" SOCKET_PATH, true},
    {SECTION_SUPERVISORCTL, "username", "user", false},
    {SECTION_SUPERVISORCTL, "password", "123", false},
    {SECTION_SUPERVISORCTL, "history_file", "~/.sc_history", false},
    {SECTION_PROGRAM, "command", "/bin/cat", false},
    {SECTION_FCGI_PROGRAM, "command", "/bin/cat", false},
    {SECTION_FCGI_PROGRAM, "socket", "unix:///tmp/backend.sock", false},
    {SECTION_FCGI_PROGRAM, "socket_mode", "0700", false},
    {SECTION_EVENTLISTENER, "command", "/bin/cat", false},
    {SECTION_EVENTLISTENER, "events", "PROCESS_STATE", false},
    {SECTION_GROUP, "programs", "web", false},
    {SECTION_INCLUDE, "files", "conf.d/*.conf", false},
    {SECTION_CTLPLUGIN, "supervisor.ctl_factory", "package.module:make_plugin", false},
};

/* For the rest. */
static const char *const values_of_kind[VALUE_KIND_COUNT] = {
    [VALUE_STRING] = "/tmp",  [VALUE_DIRECTORY] = "/tmp", [VALUE_BOOLEAN] = "false",
    [VALUE_OCTAL] = "022",    [VALUE_USER] = "root",      [VALUE_OWNER] = "root:root",
    [VALUE_LOGFILE] = "AUTO", [VALUE_SERVERURL] = "AUTO", [VALUE_ENVIRONMENT] = "KEY=\"value\"",
    [VALUE_BACKLOG] = "128",
};

static const SampleValue *find_value(const Option *option)
{
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        if (values[i].section == option->section && strcmp(values[i].name, option->name) == 0)
            return &values[i];
    }
    return NULL;
}

static const char *choose_value(const Option *option, const SampleValue *special)
{
    if (special)
        return special->value;
    if (option->default_text && *option->default_text)
        return option->default_text;
    return values_of_kind[option->kind] ? values_of_kind[option->kind] : "";
}

/* What the written value does not say itself. */
static void add_default(GString *text, const Option *option, const char *value)
{
    const char *standard = option->default_note ? option->default_note : option->default_text;

    if (!standard || !*standard)
        g_string_append(text, "; default: none");
    else if (strcmp(standard, "required") == 0)
        g_string_append(text, "; required");
    else if (strcmp(standard, value) != 0)
        g_string_append_printf(text, "; default: %s", standard);
}

static void add_option(GString *text, const Option *option)
{
    const SampleValue *special = find_value(option);
    const char *value = choose_value(option, special);
    g_autofree char *setting =
        g_strdup_printf("%s%s=%s", special && special->active ? "" : ";", option->name, value);

    g_string_append_printf(text, "%-*s ; %s", COMMENT_COLUMN, setting, option->doc);
    if (option->choices && option->kind != VALUE_BOOLEAN)
        g_string_append_printf(text, " (%s)", option->choices);
    add_default(text, option, value);
    g_string_append_c(text, '\n');
}

static void add_section(GString *text, const SampleSection *section)
{
    size_t count;
    const Option *rows = option_rows(section->kind, &count);

    g_string_append_printf(text, "\n; %s\n%s[%s]\n", option_section_doc(section->kind),
                           section->active ? "" : ";", section->heading);
    for (size_t i = 0; i < count; i++)
        add_option(text, &rows[i]);
}

char *sample_configuration(void)
{
    GString *text =
        g_string_new("; Sample configuration of supervisord.\n"
                     ";\n"
                     "; A semicolon at the beginning of a line, or after white space, begins a comment.\n"
                     "; Values are the defaults, or examples where the comment tells another default.\n"
                     "; %(here)s is the directory of this file, %(ENV_X)s the variable X of the\n"
                     "; daemon's environment, %% a percent sign. \"supersede check FILE\" tells what\n"
                     "; becomes of each line.\n");

    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++)
        add_section(text, &sections[i]);
    return g_string_free(text, FALSE);
}
