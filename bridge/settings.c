#include "bridge/settings.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "common/python_getopt.h"
#include "translator/path.h"
#include "translator/text.h"
#include "translator/value.h"

/* The command line
 * ------------------------------------------------------------------------------------------------ */

typedef int (*ReadText)(const char *text, char **ret, char **ret_error);
typedef int (*ReadNumber)(const char *text, int64_t *ret, char **ret_error);

/* One row per option: where its value goes and how it is read. */
typedef struct LineRow {
    GetoptRow option;
    CommandLineRequest request; /* an option that asks for something else than running */
    size_t field;               /* of a bool, a char * or an int64_t in CommandLine */
    size_t has;                 /* of the bool that says that the number is there */
    ReadText read_text;
    ReadNumber read_number;
    const char *help;
} LineRow;

static int read_plain(const char *text, char **ret, char **ret_error)
{
    *ret = g_strdup(text);
    return 0;
}

static int read_directory(const char *text, char **ret, char **ret_error)
{
    return value_directory(text, config_host_real(), ret, ret_error);
}

static int read_file(const char *text, char **ret, char **ret_error)
{
    return value_file(text, config_host_real(), ret, ret_error);
}

static int read_octal(const char *text, int64_t *ret, char **ret_error)
{
    mode_t mode;
    int r = value_octal(text, &mode, ret_error);
    if (r >= 0)
        *ret = mode;
    return r;
}

static int read_level(const char *text, int64_t *ret, char **ret_error)
{
    int level;
    int r = value_loglevel(text, &level, ret_error);
    if (r >= 0)
        *ret = level;
    return r;
}

#define FLAG(short_name, long_name, name, text)                                                              \
    {                                                                                                        \
        {short_name, long_name, false}, COMMAND_LINE_RUN, offsetof(CommandLine, name), 0, NULL, NULL, text   \
    }
#define TEXT(short_name, long_name, name, read, text)                                                        \
    {                                                                                                        \
        {short_name, long_name, true}, COMMAND_LINE_RUN, offsetof(CommandLine, name), 0, read, NULL, text    \
    }
#define NUMBER(short_name, long_name, name, read, text)                                                      \
    {                                                                                                        \
        {short_name, long_name, true}, COMMAND_LINE_RUN, offsetof(CommandLine, name),                        \
            offsetof(CommandLine, has_##name), NULL, read, text                                              \
    }

static const LineRow rows[] = {
    TEXT('c', "configuration", configuration, read_plain,
         "FILENAME -- configuration file (looked for when not given)"),
    FLAG('n', "nodaemon", nodaemon, "-- stay in the foreground (nodaemon=true)"),
    FLAG('s', "silent", silent, "-- print no log lines to stdout (silent=true)"),
    {{'h', "help", false}, COMMAND_LINE_HELP, 0, 0, NULL, NULL, "-- print this and exit"},
    {{'?', NULL, false}, COMMAND_LINE_HELP, 0, 0, NULL, NULL, NULL},
    {{'v', "version", false}, COMMAND_LINE_VERSION, 0, 0, NULL, NULL, "-- print the version and exit"},
    TEXT('u', "user", user, read_plain, "USER -- run programs as this user, a name or a number"),
    NUMBER('m', "umask", umask, read_octal, "UMASK -- umask of the daemon and its programs (022)"),
    TEXT('d', "directory", directory, read_directory, "DIRECTORY -- change into it when daemonized"),
    TEXT('l', "logfile", logfile, read_file, "FILENAME -- the daemon's own log"),
    NUMBER('y', "logfile_maxbytes", logfile_maxbytes, value_size, "BYTES -- rotate the log at this size"),
    NUMBER('z', "logfile_backups", logfile_backups, value_integer, "NUM -- rotated logs to keep"),
    NUMBER('e', "loglevel", loglevel, read_level,
           "LEVEL -- critical, error, warn, info, debug, trace or blather"),
    TEXT('j', "pidfile", pidfile, read_file, "FILENAME -- where to write the daemon's process ID"),
    TEXT('i', "identifier", identifier, read_plain, "STR -- name of this daemon among several on one host"),
    TEXT('q', "childlogdir", childlogdir, read_directory, "DIRECTORY -- where AUTO logs of programs go"),
    FLAG('k', "nocleanup", nocleanup, "-- leave AUTO logs of earlier runs alone"),
    NUMBER('a', "minfds", minfds, value_integer, "NUM -- file descriptors that must be available"),
    FLAG('t', "strip_ansi", strip_ansi, "-- strip ANSI escape sequences from programs' output"),
    NUMBER('\0', "minprocs", minprocs, value_integer, "NUM -- processes that must be available"),
    TEXT('\0', "profile_options", profile, read_plain, "OPTIONS -- accepted, does nothing"),
    TEXT('\0', "handoff", handoff, read_plain, NULL),
    TEXT('\0', "adopt", adopt, read_plain, NULL),
};

static char *option_label(const GetoptRow *option)
{
    if (option->short_name && option->long_name)
        return g_strdup_printf("-%c/--%s", option->short_name, option->long_name);
    return option->long_name ? g_strdup_printf("--%s", option->long_name)
                             : g_strdup_printf("-%c", option->short_name);
}

char *command_line_help(const char *program)
{
    GString *help = g_string_new(NULL);

    g_string_append_printf(
        help, "supervisord -- run a set of programs as units of systemd\n\nUsage: %s [options]\n\nOptions:\n",
        program);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *label = option_label(&rows[i].option);
        if (rows[i].help)
            g_string_append_printf(help, "%s %s\n", label, rows[i].help);
    }
    return g_string_free(help, FALSE);
}

void command_line_clear(CommandLine *line)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].read_text)
            g_free(*(char **)((char *)line + rows[i].field));
    }
    g_free(line->program);
    *line = (CommandLine){0};
}

static const LineRow *row_of(const GetoptRow *option)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].option.short_name == option->short_name &&
            g_strcmp0(rows[i].option.long_name, option->long_name) == 0)
            return &rows[i];
    }
    g_assert_not_reached();
}

/* Reads one value into its field. `ret_conflict`: there was one already, which the oracle refuses. */
static int take(const LineRow *row, const char *value, CommandLine *line, bool *ret_conflict,
                char **ret_error)
{
    void *field = (char *)line + row->field;
    int r = 0;

    if (row->read_text) {
        g_autofree char *text = NULL;
        r = row->read_text(value, &text, ret_error);
        if (r >= 0 && !(*ret_conflict = *(char **)field != NULL))
            *(char **)field = g_steal_pointer(&text);
    } else if (row->read_number) {
        bool *has = (bool *)((char *)line + row->has);
        int64_t number;
        r = row->read_number(value, &number, ret_error);
        if (r >= 0 && !(*ret_conflict = *has)) {
            *has = true;
            *(int64_t *)field = number;
        }
    } else {
        *ret_conflict = *(bool *)field;
        *(bool *)field = true;
    }
    return r;
}

static int take_match(const GetoptMatch *match, CommandLine *line, char **ret_message)
{
    const LineRow *row = row_of(match->row);
    g_autofree char *error = NULL;
    bool conflict = false;

    if (row->request != COMMAND_LINE_RUN)
        return row->request;
    int r = take(row, match->value, line, &conflict, &error);
    if (r < 0) {
        g_autofree char *value = text_repr(match->value);
        *ret_message = g_strdup_printf("invalid value for %s %s: %s", match->name, value, error);
        return -EINVAL;
    }
    if (conflict) {
        *ret_message = g_strdup_printf("conflicting command line option '%s'", match->name);
        return -EINVAL;
    }
    return COMMAND_LINE_RUN;
}

static char *describe_positional(char *const *arguments)
{
    g_autoptr(GString) list = g_string_new(NULL);

    for (; *arguments; arguments++) {
        g_autofree char *shown = text_repr(*arguments);
        g_string_append_printf(list, "%s%s", list->len ? ", " : "", shown);
    }
    return g_strdup_printf("positional arguments are not supported: [%s]", list->str);
}

int command_line_parse(char *const *argv, CommandLine *ret, char **ret_message)
{
    g_auto(CommandLine) line = {0};
    GetoptRow options[G_N_ELEMENTS(rows)];
    g_autofree GetoptMatch *matches = NULL;
    size_t count = 0, first = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        options[i] = rows[i].option;
    line.program = g_strdup(argv[0]);
    int r = python_getopt(options, G_N_ELEMENTS(rows), argv + 1, &matches, &count, &first, ret_message);
    if (r < 0)
        return r;
    if (argv[1 + first]) {
        *ret_message = describe_positional(argv + 1 + first);
        return -EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        r = take_match(&matches[i], &line, ret_message);
        if (r != COMMAND_LINE_RUN)
            return r;
    }
    *ret = line;
    line = (CommandLine){0};
    return COMMAND_LINE_RUN;
}

/* Over the configuration
 * ------------------------------------------------------------------------------------------ */

static char *make_serverurl(const Config *config)
{
    const ServerConfig *inet = NULL;

    /* The first unix server; without one, the last inet server: the oracle's loop does not stop at the first
     * of those. */
    for (size_t i = 0; i < config_server_count(config); i++) {
        const ServerConfig *server = config_server(config, i);
        if (server->is_unix)
            return g_strdup_printf("unix://%s", server->file);
        inet = server;
    }
    if (!inet)
        return NULL;
    return g_strdup_printf("http://%s:%u", *inet->host ? inet->host : "localhost", (unsigned)inet->port);
}

static int find_user(const char *user, Settings *settings, char **ret_message)
{
    if (!user)
        return 0;
    settings->has_user = true;
    int r = value_user(user, config_host_real(), &settings->uid, &settings->gid, ret_message);
    if (r < 0 || getuid() == 0 || getuid() == settings->uid)
        return r;
    *ret_message = g_strdup("Can't drop privilege as nonroot user");
    return -EPERM;
}

static void lay_over(const CommandLine *line, const DaemonConfig *daemon, Settings *settings)
{
    settings->logfile_maxbytes =
        line->has_logfile_maxbytes ? line->logfile_maxbytes : daemon->logfile_maxbytes;
    settings->logfile_backups = line->has_logfile_backups ? line->logfile_backups : daemon->logfile_backups;
    settings->loglevel = line->has_loglevel ? (int)line->loglevel : daemon->loglevel;
    settings->umask = line->has_umask ? (mode_t)line->umask : daemon->umask;
    settings->nodaemon = line->nodaemon || daemon->nodaemon;
    settings->silent = line->silent || daemon->silent;
    settings->nocleanup = line->nocleanup || daemon->nocleanup;
    settings->strip_ansi = line->strip_ansi || daemon->strip_ansi;
    settings->minfds = line->has_minfds ? line->minfds : daemon->minfds;
    settings->minprocs = line->has_minprocs ? line->minprocs : daemon->minprocs;
    settings->childlogdir = line->childlogdir ? line->childlogdir : daemon->childlogdir;
    settings->directory = line->directory ? line->directory : daemon->directory;
    settings->identifier = line->identifier ? line->identifier : daemon->identifier;
}

int settings_make(const CommandLine *line, const Config *config, Settings *ret, char **ret_message)
{
    const DaemonConfig *daemon = config_daemon(config);
    g_auto(Settings) settings = {0};

    lay_over(line, daemon, &settings);
    int r = find_user(line->user ? line->user : daemon->user, &settings, ret_message);
    if (r < 0)
        return r;
    const char *logfile = line->logfile ? line->logfile : daemon->logfile;
    settings.logfile =
        strcmp(logfile, "syslog") == 0 ? g_strdup(logfile) : path_normalize(logfile, config_host_real());
    settings.pidfile = path_normalize(line->pidfile ? line->pidfile : daemon->pidfile, config_host_real());
    settings.serverurl = make_serverurl(config);
    *ret = settings;
    settings = (Settings){0};
    return 0;
}

void settings_clear(Settings *settings)
{
    g_free(settings->logfile);
    g_free(settings->pidfile);
    g_free(settings->serverurl);
    *settings = (Settings){0};
}
