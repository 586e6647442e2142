#include "ctl/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "common/python_getopt.h"
#include "ctl/server_url.h"
#include "translator/config.h"

#define DEFAULT_SERVERURL "http://localhost:9001"
#define DEFAULT_PROMPT    "supervisor"

typedef enum OptionKind {
    OPTION_HELP,
    OPTION_INTERACTIVE,
    OPTION_TEXT,
    OPTION_URL,
} OptionKind;

typedef struct OptionMeaning {
    OptionKind kind;
    size_t offset; /* of the char * in Settings */
} OptionMeaning;

/* Same order as `meanings`. */
static const GetoptRow rows[] = {
    {'h', "help", false},        {'?', NULL, false},          {'c', "configuration", true},
    {'i', "interactive", false}, {'s', "serverurl", true},    {'u', "username", true},
    {'p', "password", true},     {'r', "history_file", true},
};

static const OptionMeaning meanings[] = {
    {OPTION_HELP, 0},
    {OPTION_HELP, 0},
    {OPTION_TEXT, offsetof(Settings, configuration)},
    {OPTION_INTERACTIVE, 0},
    {OPTION_URL, offsetof(Settings, serverurl)},
    {OPTION_TEXT, offsetof(Settings, username)},
    {OPTION_TEXT, offsetof(Settings, password)},
    {OPTION_TEXT, offsetof(Settings, history_file)},
};

G_STATIC_ASSERT(G_N_ELEMENTS(rows) == G_N_ELEMENTS(meanings));

static const char help_text[] =
    "supervisorctl -- control the programs of a running supervisord.\n"
    "\n"
    "Usage: %s [options] [action [arguments]]\n"
    "\n"
    "Settings:\n"
    "-c/--configuration FILENAME -- configuration file (looked for in the usual places if not given)\n"
    "-h/--help -- show this text and end\n"
    "-i/--interactive -- behave as in the shell: ask before a shutdown, ask for a password\n"
    "-s/--serverurl URL -- where supervisord listens, unix:///path or http://host:port\n"
    "     (default \"" DEFAULT_SERVERURL "\").\n"
    "-u/--username USERNAME -- name to authenticate with\n"
    "-p/--password PASSWORD -- password to authenticate with\n"
    "-r/--history-file -- keep the shell's history in the file named behind it\n"
    "\n"
    "action [arguments] -- see below\n"
    "\n"
    "An action is a command like \"tail\" or \"stop\". Without one a shell is started that\n"
    "reads them. The action \"help\" lists them all.\n"
    "\n";

void settings_clear(Settings *settings)
{
    g_clear_pointer(&settings->configuration, g_free);
    g_clear_pointer(&settings->serverurl, g_free);
    g_clear_pointer(&settings->username, g_free);
    g_clear_pointer(&settings->password, g_free);
    g_clear_pointer(&settings->prompt, g_free);
    g_clear_pointer(&settings->history_file, g_free);
    g_clear_pointer(&settings->command, g_free);
    g_clear_pointer(&settings->warnings, g_free);
}

/* The value stands there as Python's repr() shows it. */
static int refuse_quoted(char **ret_message, const char *prefix, const char *value, const char *suffix)
{
    char *quoted = command_repr(value);

    *ret_message = g_strconcat(prefix, quoted ? quoted : "", suffix, NULL);
    free(quoted);
    return -EINVAL;
}

static int check_url(const GetoptMatch *match, char **ret_message)
{
    g_autofree char *prefix = NULL, *suffix = NULL;
    char *quoted;

    if (server_url_is_url(match->value))
        return 0;
    quoted = command_repr(match->value);
    prefix = g_strdup_printf("invalid value for %s ", match->name);
    suffix = g_strdup_printf(": value %s is not a URL", quoted ? quoted : "");
    free(quoted);
    return refuse_quoted(ret_message, prefix, match->value, suffix);
}

static int apply_match(const GetoptMatch *match, Settings *settings, char **ret_message)
{
    const OptionMeaning *meaning = &meanings[match->row - rows];
    char **text = (char **)((char *)settings + meaning->offset);

    switch (meaning->kind) {
    case OPTION_HELP:
        settings->help = true;
        return 0;
    case OPTION_INTERACTIVE:
        if (settings->interactive)
            return refuse_quoted(ret_message, "conflicting command line option ", match->name, "");
        settings->interactive = true;
        return 0;
    case OPTION_URL:
        if (check_url(match, ret_message) < 0)
            return -EINVAL;
        break;
    case OPTION_TEXT:
        break;
    }
    if (*text)
        return refuse_quoted(ret_message, "conflicting command line option ", match->name, "");
    *text = g_strdup(match->value);
    return 0;
}

int settings_parse(const char *program, char *const *arguments, Settings *ret, char **ret_message)
{
    g_auto(Settings) settings = {.program = program};
    GetoptMatch *matches = NULL;
    size_t match_count = 0, first = 0;
    char *message = NULL;
    int r = python_getopt(rows, G_N_ELEMENTS(rows), arguments, &matches, &match_count, &first, &message);

    if (r < 0) {
        *ret_message = g_strdup(message ? message : g_strerror(-r));
        free(message);
        return r;
    }
    /* -h answers at once: what stands before it has been judged, what stands behind it has not. */
    for (size_t i = 0; r >= 0 && i < match_count && !settings.help; i++)
        r = apply_match(&matches[i], &settings, ret_message);
    free(matches);
    if (r < 0)
        return r;
    if (arguments[first])
        settings.command = g_strjoinv(" ", (char **)arguments + first);
    else
        settings.interactive = true;
    *ret = settings;
    settings = (Settings){0};
    return 0;
}

static void fill(char **field, const char *value)
{
    if (!*field)
        *field = g_strdup(value);
}

static int find_configuration(Settings *settings)
{
    char *path = NULL, *tried = NULL;
    int r;

    if (settings->configuration)
        return 0;
    r = config_search(settings->program, &path, &tried);
    settings->configuration = path;
    g_free(tried);
    return r;
}

/* The reader's texts name file and line. */
static char *describe(const Diagnostics *diagnostics, int error)
{
    const Diagnostic *first = diagnostics_first_error(diagnostics);

    return g_strdup(first ? first->text : g_strerror(error));
}

/* A plugin is Python code: not having it must not be silent. */
static char *list_plugins(const Config *config)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t i = 0; i < config_ctlplugin_count(config); i++) {
        const PluginConfig *plugin = config_ctlplugin(config, i);
        g_string_append_printf(text, "%s[%s] is ignored: %s is Python code", i ? "\n" : "", plugin->section,
                               plugin->factory);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

int settings_configure(Settings *settings, char **ret_message)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Config) config = NULL;
    int r = find_configuration(settings);

    /* An empty name stands for no file at all in the oracle. */
    if (r >= 0 && *settings->configuration) {
        const ClientConfig *client;

        r = config_load_client(settings->configuration, config_host_real(), diagnostics, &config);
        if (r < 0) {
            *ret_message = describe(diagnostics, -r);
            return -EINVAL;
        }
        settings->warnings = list_plugins(config);
        client = config_client(config);
        fill(&settings->serverurl, client->serverurl);
        fill(&settings->username, client->username);
        fill(&settings->password, client->password);
        fill(&settings->prompt, client->prompt);
        fill(&settings->history_file, client->history_file);
    }
    fill(&settings->serverurl, DEFAULT_SERVERURL);
    fill(&settings->prompt, DEFAULT_PROMPT);
    return 0;
}

char *settings_help(const char *program)
{
    g_autoptr(GString) text = g_string_new(help_text);

    g_string_replace(text, "%s", program, 0);
    return g_string_free(g_steal_pointer(&text), FALSE);
}
