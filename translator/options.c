#include "translator/options.h"

#include <glib.h>
#include <string.h>

#include "translator/config.h"

/* The C type that a value of each kind is stored in. A row that names a member of another type does not
 * compile. */
#define TYPE_VALUE_STRING      const char *
#define TYPE_VALUE_INTEGER     int64_t
#define TYPE_VALUE_BOOLEAN     bool
#define TYPE_VALUE_SIZE        int64_t
#define TYPE_VALUE_OCTAL       mode_t
#define TYPE_VALUE_SIGNAL      int
#define TYPE_VALUE_AUTORESTART Autorestart
#define TYPE_VALUE_EXITCODES   const int *
#define TYPE_VALUE_LOGLEVEL    int
#define TYPE_VALUE_DIRECTORY   const char *
#define TYPE_VALUE_FILE        const char *
#define TYPE_VALUE_SOCKET_FILE const char *
#define TYPE_VALUE_LOGFILE     LogConfig
#define TYPE_VALUE_ENVIRONMENT const EnvironmentVariable *
#define TYPE_VALUE_USER        const char *
#define TYPE_VALUE_OWNER       uid_t
#define TYPE_VALUE_ADDRESS     const char *
#define TYPE_VALUE_BACKLOG     int
#define TYPE_VALUE_SOCKET      SocketConfig
#define TYPE_VALUE_SERVERURL   const char *
#define TYPE_VALUE_EVENTS      const char *const *
#define TYPE_VALUE_FACTORY     const char *

#define FIELD(kind_, record, member)                                                                         \
    .kind = kind_, .has_field = true,                                                                        \
    .field = _Generic(((record *)NULL)->member, TYPE_##kind_                                                 \
                      : offsetof(record, member))
/* Read by code of its own, into no single member. */
#define NO_FIELD(kind_) .kind = kind_

#define PROPERTY(name_) .disposition = DISPOSITION_PROPERTY, .property = name_
#define DONE_BY(who)    .disposition = DISPOSITION_##who

#define OPTION(section_, name_, value, default_, becomes, doc_, ...)                                         \
    {                                                                                                        \
        .section = section_, .name = name_, value, .default_text = default_, becomes, .doc = doc_,           \
        ##__VA_ARGS__                                                                                        \
    }

#define BOOLEANS  .choices = "true, false, yes, no, on, off, 1, 0"
#define SIZES     .choices = "bytes, or with KB, MB or GB behind the number"
#define LOGFILES  .choices = "a path, AUTO, NONE", .default_note = "AUTO"
#define EACH_TIME .phase = PHASE_PROCESS

/* What both streams of a program have. The first two come when the section is read, the others for each
 * process. */
#define CAPTURE_OPTIONS(section, name, stream, capture)                                                      \
    OPTION(section, name "_capture_maxbytes",                                                                \
           FIELD(VALUE_SIZE, ProcessConfig, log[stream].capture_maxbytes), "0", DONE_BY(capture),            \
           "how much of " name " between the two marks of a communication is kept for its event", SIZES),    \
        OPTION(section, name "_events_enabled",                                                              \
               FIELD(VALUE_BOOLEAN, ProcessConfig, log[stream].events_enabled), "false", DONE_BY(BRIDGE),    \
               "whether what is written to " name " is told to event listeners", BOOLEANS)

#define LOG_OPTIONS(section, name, stream)                                                                   \
    OPTION(section, name "_logfile", FIELD(VALUE_LOGFILE, ProcessConfig, log[stream]), NULL,                 \
           DONE_BY(BRIDGE), "where " name " is written; the journal gets a copy of every line", LOGFILES,    \
           EACH_TIME),                                                                                       \
        OPTION(section, name "_logfile_backups", FIELD(VALUE_INTEGER, ProcessConfig, log[stream].backups),   \
               "10", DONE_BY(BRIDGE), "how many rotated files of " name " are kept", EACH_TIME),             \
        OPTION(section, name "_logfile_maxbytes", FIELD(VALUE_SIZE, ProcessConfig, log[stream].maxbytes),    \
               "50MB", DONE_BY(BRIDGE), "size at which the log of " name " is rotated; 0 never", SIZES,      \
               EACH_TIME),                                                                                   \
        OPTION(section, name "_syslog", FIELD(VALUE_BOOLEAN, ProcessConfig, log[stream].syslog), "false",    \
               DONE_BY(BRIDGE), "whether lines of " name " also go to syslog", BOOLEANS, EACH_TIME),         \
        OPTION(section, name "_journal", FIELD(VALUE_BOOLEAN, ProcessConfig, log[stream].journal), "true",   \
               DONE_BY(BRIDGE), "whether the journal gets a copy of " name "; Supervisor ignores this",      \
               BOOLEANS, EACH_TIME)

/* The options of every section that makes processes. UNIT, LAUNCHER and GATE say who does what systemd and
 * the helpers in the unit do for a program: a listener is a child of the bridge, which does it all. */
#define PROCESS_OPTIONS(section, UNIT, LAUNCHER, GATE, listener_priority, redirect, capture)                 \
    OPTION(section, "priority", FIELD(VALUE_INTEGER, ProcessConfig, priority), "999", DONE_BY(BRIDGE),       \
           "order: low numbers start first and stop last", .default_note = listener_priority),               \
        OPTION(section, "autostart", FIELD(VALUE_BOOLEAN, ProcessConfig, autostart), "true",                 \
               DONE_BY(BRIDGE), "whether it starts with the daemon", BOOLEANS),                              \
        OPTION(section, "autorestart", FIELD(VALUE_AUTORESTART, ProcessConfig, autorestart), "unexpected",   \
               UNIT("Restart RestartForceExitStatus SuccessExitStatus"),                                     \
               "whether it is started again when it ends after it was RUNNING",                              \
               .choices = "unexpected, or a boolean"),                                                       \
        OPTION(section, "startsecs", FIELD(VALUE_INTEGER, ProcessConfig, startsecs), "1", GATE,              \
               "seconds it must stay up to count as started"),                                               \
        OPTION(section, "startretries", FIELD(VALUE_INTEGER, ProcessConfig, startretries), "3", GATE,        \
               "failed starts in a row after which it is FATAL"),                                            \
        OPTION(section, "stopsignal", FIELD(VALUE_SIGNAL, ProcessConfig, stopsignal), "TERM",                \
               UNIT("KillSignal"), "signal that asks it to end"),                                            \
        OPTION(section, "stopwaitsecs", FIELD(VALUE_INTEGER, ProcessConfig, stopwaitsecs), "10",             \
               UNIT("TimeoutStopUSec"), "seconds to wait after the stop signal before SIGKILL"),             \
        OPTION(section, "stopasgroup", FIELD(VALUE_BOOLEAN, ProcessConfig, stopasgroup), "false",            \
               UNIT("KillMode"), "whether the stop signal goes to its children too", BOOLEANS),              \
        OPTION(section, "killasgroup", FIELD(VALUE_BOOLEAN, ProcessConfig, killasgroup), NULL,               \
               UNIT("KillMode"), "whether SIGKILL goes to its children too", BOOLEANS,                       \
               .default_note = "what stopasgroup is"),                                                       \
        OPTION(section, "exitcodes", FIELD(VALUE_EXITCODES, ProcessConfig, exitcodes), "0",                  \
               UNIT("SuccessExitStatus RestartForceExitStatus"),                                             \
               "exit codes that autorestart=unexpected expects"),                                            \
        OPTION(section, "redirect_stderr", FIELD(VALUE_BOOLEAN, ProcessConfig, redirect_stderr), "false",    \
               redirect, "whether stderr goes where stdout goes", BOOLEANS),                                 \
        OPTION(section, "numprocs", FIELD(VALUE_INTEGER, ProcessConfig, numprocs), "1", DONE_BY(TRANSLATOR), \
               "how many processes the section makes"),                                                      \
        OPTION(section, "numprocs_start", FIELD(VALUE_INTEGER, ProcessConfig, process_num), "0",             \
               DONE_BY(TRANSLATOR), "process_num of the first of them"),                                     \
        CAPTURE_OPTIONS(section, "stdout", STREAM_STDOUT, capture),                                          \
        CAPTURE_OPTIONS(section, "stderr", STREAM_STDERR, BRIDGE),                                           \
        OPTION(section, "serverurl", FIELD(VALUE_SERVERURL, ProcessConfig, serverurl), NULL, LAUNCHER,       \
               "what it finds in SUPERVISOR_SERVER_URL", .default_note = "AUTO", .choices = "a URL, AUTO"),  \
        OPTION(section, "user", FIELD(VALUE_USER, ProcessConfig, user), NULL, LAUNCHER, "user it runs as",   \
               .default_note = "the daemon's"),                                                              \
        OPTION(section, "umask", FIELD(VALUE_OCTAL, ProcessConfig, umask), NULL, LAUNCHER,                   \
               "permissions that files it creates do not get", .default_note = "the daemon's"),              \
        OPTION(section, "process_name", NO_FIELD(VALUE_PROCESS_NAME), "%(program_name)s",                    \
               DONE_BY(TRANSLATOR), "name of each process; with numprocs it holds %(process_num)"),          \
        OPTION(section, "environment", FIELD(VALUE_ENVIRONMENT, ProcessConfig, environment), "", LAUNCHER,   \
               "variables on top of the daemon's, as KEY=\"value\",KEY2=\"value\"", EACH_TIME),              \
        OPTION(section, "directory", FIELD(VALUE_STRING, ProcessConfig, directory), NULL, LAUNCHER,          \
               "working directory", .default_note = "the daemon's", EACH_TIME),                              \
        LOG_OPTIONS(section, "stdout", STREAM_STDOUT), LOG_OPTIONS(section, "stderr", STREAM_STDERR),        \
        OPTION(section, "command", FIELD(VALUE_STRING, ProcessConfig, command), NULL, LAUNCHER,              \
               "program and arguments; no shell is involved", .default_note = "required", EACH_TIME)

#define BY_BRIDGE(property_) DONE_BY(BRIDGE)

static const Option options[] = {
    OPTION(SECTION_SUPERVISORD, "minfds", FIELD(VALUE_INTEGER, DaemonConfig, minfds), "1024",
           DONE_BY(LAUNCHER), "open files that the daemon and its programs may have at least"),
    OPTION(SECTION_SUPERVISORD, "minprocs", FIELD(VALUE_INTEGER, DaemonConfig, minprocs), "200",
           DONE_BY(LAUNCHER), "processes that the daemon and its programs may have at least"),
    OPTION(SECTION_SUPERVISORD, "directory", FIELD(VALUE_DIRECTORY, DaemonConfig, directory), NULL,
           DONE_BY(BRIDGE), "working directory of the daemon, once it is in the background",
           .default_note = "not changed"),
    OPTION(SECTION_SUPERVISORD, "user", FIELD(VALUE_STRING, DaemonConfig, user), NULL, DONE_BY(BRIDGE),
           "user that the daemon becomes", .default_note = "not changed"),
    OPTION(SECTION_SUPERVISORD, "umask", FIELD(VALUE_OCTAL, DaemonConfig, umask), "022", DONE_BY(BRIDGE),
           "permissions that files of the daemon and its programs do not get"),
    OPTION(SECTION_SUPERVISORD, "logfile", FIELD(VALUE_FILE, DaemonConfig, logfile), "supervisord.log",
           DONE_BY(BRIDGE), "log of the daemon itself", .choices = "a path, syslog"),
    OPTION(SECTION_SUPERVISORD, "logfile_maxbytes", FIELD(VALUE_SIZE, DaemonConfig, logfile_maxbytes), "50MB",
           DONE_BY(BRIDGE), "size at which that log is rotated; 0 never", SIZES),
    OPTION(SECTION_SUPERVISORD, "logfile_backups", FIELD(VALUE_INTEGER, DaemonConfig, logfile_backups), "10",
           DONE_BY(BRIDGE), "how many rotated files of it are kept"),
    OPTION(SECTION_SUPERVISORD, "loglevel", FIELD(VALUE_LOGLEVEL, DaemonConfig, loglevel), "info",
           DONE_BY(BRIDGE), "least important message that is logged",
           .choices = "critical, error, warn, info, debug, trace, blather"),
    OPTION(SECTION_SUPERVISORD, "pidfile", FIELD(VALUE_FILE, DaemonConfig, pidfile), "supervisord.pid",
           DONE_BY(BRIDGE), "file that holds the daemon's pid"),
    OPTION(SECTION_SUPERVISORD, "identifier", FIELD(VALUE_STRING, DaemonConfig, identifier), "supervisor",
           DONE_BY(TRANSLATOR), "name of this daemon: the first part of every unit's name"),
    OPTION(SECTION_SUPERVISORD, "nodaemon", FIELD(VALUE_BOOLEAN, DaemonConfig, nodaemon), "false",
           DONE_BY(BRIDGE), "whether the daemon stays in the foreground", BOOLEANS),
    OPTION(SECTION_SUPERVISORD, "silent", FIELD(VALUE_BOOLEAN, DaemonConfig, silent), "false",
           DONE_BY(BRIDGE), "whether the daemon in the foreground keeps its log off stdout", BOOLEANS),
    OPTION(SECTION_SUPERVISORD, "childlogdir", FIELD(VALUE_DIRECTORY, DaemonConfig, childlogdir), NULL,
           DONE_BY(BRIDGE), "where the logs called AUTO are", .default_note = "TMPDIR or /tmp"),
    OPTION(SECTION_SUPERVISORD, "nocleanup", FIELD(VALUE_BOOLEAN, DaemonConfig, nocleanup), "false",
           DONE_BY(BRIDGE), "whether old AUTO logs are kept at start", BOOLEANS),
    OPTION(SECTION_SUPERVISORD, "strip_ansi", FIELD(VALUE_BOOLEAN, DaemonConfig, strip_ansi), "false",
           DONE_BY(BRIDGE), "whether terminal escape sequences are removed from logs", BOOLEANS),
    OPTION(SECTION_SUPERVISORD, "environment", FIELD(VALUE_ENVIRONMENT, DaemonConfig, environment), "",
           DONE_BY(LAUNCHER), "variables for every program, as KEY=\"value\",KEY2=\"value\""),
    OPTION(SECTION_SUPERVISORD, "metrics", FIELD(VALUE_BOOLEAN, DaemonConfig, metrics), "false",
           DONE_BY(BRIDGE), "whether /metrics tells about the programs in the format of Prometheus",
           BOOLEANS),
    OPTION(SECTION_SUPERVISORD, "profile_options", NO_FIELD(VALUE_NONE), NULL, DONE_BY(IGNORED),
           "profiled Supervisor's own Python code"),

    OPTION(SECTION_SUPERVISORCTL, "serverurl", FIELD(VALUE_STRING, ClientConfig, serverurl),
           "http://localhost:9001", DONE_BY(CLIENT), "where the daemon listens",
           .choices = "http://host:port, unix:///path"),
    OPTION(SECTION_SUPERVISORCTL, "prompt", FIELD(VALUE_STRING, ClientConfig, prompt), "supervisor",
           DONE_BY(CLIENT), "prompt of the interactive shell"),
    OPTION(SECTION_SUPERVISORCTL, "username", FIELD(VALUE_STRING, ClientConfig, username), NULL,
           DONE_BY(CLIENT), "name to log in with"),
    OPTION(SECTION_SUPERVISORCTL, "password", FIELD(VALUE_STRING, ClientConfig, password), NULL,
           DONE_BY(CLIENT), "password to log in with"),
    OPTION(SECTION_SUPERVISORCTL, "history_file", FIELD(VALUE_STRING, ClientConfig, history_file), NULL,
           DONE_BY(CLIENT), "where the interactive shell keeps its history"),

    OPTION(SECTION_UNIX_HTTP_SERVER, "file", FIELD(VALUE_SOCKET_FILE, ServerConfig, file), NULL,
           DONE_BY(BRIDGE), "path of the socket", .default_note = "required"),
    OPTION(SECTION_UNIX_HTTP_SERVER, "username", FIELD(VALUE_STRING, ServerConfig, username), NULL,
           DONE_BY(BRIDGE), "name that clients log in with"),
    OPTION(SECTION_UNIX_HTTP_SERVER, "password", FIELD(VALUE_STRING, ServerConfig, password), NULL,
           DONE_BY(BRIDGE), "password of it", .choices = "plain, or {SHA} and the hash in hexadecimal"),
    OPTION(SECTION_UNIX_HTTP_SERVER, "chown", FIELD(VALUE_OWNER, ServerConfig, uid), NULL, DONE_BY(BRIDGE),
           "owner of the socket", .choices = "user, user:group"),
    OPTION(SECTION_UNIX_HTTP_SERVER, "chmod", FIELD(VALUE_OCTAL, ServerConfig, chmod), "0700",
           DONE_BY(BRIDGE), "permissions of the socket"),

    OPTION(SECTION_INET_HTTP_SERVER, "username", FIELD(VALUE_STRING, ServerConfig, username), NULL,
           DONE_BY(BRIDGE), "name that clients log in with"),
    OPTION(SECTION_INET_HTTP_SERVER, "password", FIELD(VALUE_STRING, ServerConfig, password), NULL,
           DONE_BY(BRIDGE), "password of it", .choices = "plain, or {SHA} and the hash in hexadecimal"),
    OPTION(SECTION_INET_HTTP_SERVER, "port", FIELD(VALUE_ADDRESS, ServerConfig, host), NULL, DONE_BY(BRIDGE),
           "where to listen", .choices = "host:port, :port, *:port, port", .default_note = "required"),

    OPTION(SECTION_INCLUDE, "files", NO_FIELD(VALUE_GLOBS), NULL, DONE_BY(TRANSLATOR),
           "more files to read, as shell patterns relative to this one", .default_note = "required"),

    PROCESS_OPTIONS(SECTION_PROGRAM, PROPERTY, DONE_BY(LAUNCHER), DONE_BY(GATE), NULL, DONE_BY(LAUNCHER),
                    BRIDGE),

    OPTION(SECTION_FCGI_PROGRAM, "socket_backlog", FIELD(VALUE_BACKLOG, GroupConfig, socket.backlog), NULL,
           DONE_BY(BRIDGE), "connections that may wait at the socket", .choices = "1 to 65535",
           .default_note = "the system's limit", .phase = PHASE_GROUP),
    OPTION(SECTION_FCGI_PROGRAM, "socket_owner", FIELD(VALUE_OWNER, GroupConfig, socket.uid), NULL,
           DONE_BY(BRIDGE), "owner of a unix socket", .choices = "user, user:group",
           .default_note = "the program's user", .phase = PHASE_GROUP),
    OPTION(SECTION_FCGI_PROGRAM, "socket_mode", FIELD(VALUE_OCTAL, GroupConfig, socket.mode), NULL,
           DONE_BY(BRIDGE), "permissions of a unix socket", .default_note = "0700", .phase = PHASE_GROUP),
    OPTION(SECTION_FCGI_PROGRAM, "socket", FIELD(VALUE_SOCKET, GroupConfig, socket), NULL, DONE_BY(BRIDGE),
           "socket that the processes share as file descriptor 0", .choices = "tcp://host:port, unix:///path",
           .default_note = "required", .phase = PHASE_GROUP),
    PROCESS_OPTIONS(SECTION_FCGI_PROGRAM, PROPERTY, DONE_BY(LAUNCHER), DONE_BY(GATE), NULL, DONE_BY(LAUNCHER),
                    BRIDGE),

    OPTION(SECTION_EVENTLISTENER, "buffer_size", FIELD(VALUE_INTEGER, GroupConfig, buffer_size), "10",
           DONE_BY(BRIDGE), "events that wait for a free listener before the oldest is dropped",
           .phase = PHASE_GROUP),
    OPTION(SECTION_EVENTLISTENER, "result_handler", FIELD(VALUE_FACTORY, GroupConfig, result_handler),
           "supervisor.dispatchers:default_handler", DONE_BY(REFUSED),
           "Python function that judges a listener's answer", .phase = PHASE_GROUP,
           .choices = "supervisor.dispatchers:default_handler"),
    OPTION(SECTION_EVENTLISTENER, "events", FIELD(VALUE_EVENTS, GroupConfig, events), "", DONE_BY(BRIDGE),
           "event types that the listeners get, separated by commas", .default_note = "required",
           .phase = PHASE_GROUP),
    PROCESS_OPTIONS(SECTION_EVENTLISTENER, BY_BRIDGE, DONE_BY(BRIDGE), DONE_BY(BRIDGE), "-1 for their group",
                    DONE_BY(REFUSED), IGNORED),

    OPTION(SECTION_GROUP, "programs", NO_FIELD(VALUE_PROGRAMS), NULL, DONE_BY(TRANSLATOR),
           "names of the programs in the group, separated by commas", .phase = PHASE_GROUP),
    OPTION(SECTION_GROUP, "priority", FIELD(VALUE_INTEGER, GroupConfig, priority), "999", DONE_BY(BRIDGE),
           "order: low numbers start first and stop last", .phase = PHASE_GROUP),

    OPTION(SECTION_RPCINTERFACE, "supervisor.rpcinterface_factory",
           FIELD(VALUE_FACTORY, PluginConfig, factory), NULL, DONE_BY(BRIDGE),
           "the XML-RPC methods of this name; Supervisor's own are built in",
           .choices = "supervisor.rpcinterface:make_main_rpcinterface", .default_note = "required"),

    OPTION(SECTION_CTLPLUGIN, "supervisor.ctl_factory", FIELD(VALUE_FACTORY, PluginConfig, factory), NULL,
           DONE_BY(IGNORED), "Python code for more commands of supervisorctl", .default_note = "required"),
};

typedef struct SectionRow {
    const char *pattern; /* what reports call it */
    const char *name;    /* what the oracle compares with */
    bool is_prefix;      /* it only looks at the beginning */
    const char *doc;
} SectionRow;

static const SectionRow sections[SECTION_KIND_COUNT] = {
    [SECTION_SUPERVISORD] = {"supervisord", "supervisord", false, "the daemon"},
    [SECTION_SUPERVISORCTL] = {"supervisorctl", "supervisorctl", false, "the client"},
    [SECTION_UNIX_HTTP_SERVER] = {"unix_http_server", "unix_http_server", true, "a socket file for clients"},
    [SECTION_INET_HTTP_SERVER] = {"inet_http_server", "inet_http_server", true, "a TCP port for clients"},
    [SECTION_INCLUDE] = {"include", "include", false, "more files to read"},
    [SECTION_PROGRAM] = {"program:x", "program:", true, "a program and its processes"},
    [SECTION_FCGI_PROGRAM] = {"fcgi-program:x", "fcgi-program:", true, "a FastCGI program behind one socket"},
    [SECTION_EVENTLISTENER] = {"eventlistener:x", "eventlistener:", true, "a program that is told of events"},
    [SECTION_GROUP] = {"group:x", "group:", true, "programs that are handled together"},
    [SECTION_RPCINTERFACE] = {"rpcinterface:x", "rpcinterface:", true, "XML-RPC methods"},
    [SECTION_CTLPLUGIN] = {"ctlplugin:x", "ctlplugin:", true, "commands of the client"},
    [SECTION_DEFAULT] = {"DEFAULT", "DEFAULT", false, "options of every section"},
};

static const char *const disposition_texts[] = {
    [DISPOSITION_TRANSLATOR] = "decides which units there are",
    [DISPOSITION_PROPERTY] = "a property of the unit",
    [DISPOSITION_LAUNCHER] = "done by the launcher at each start",
    [DISPOSITION_GATE] = "done by the gate at each start",
    [DISPOSITION_BRIDGE] = "done by the daemon",
    [DISPOSITION_CLIENT] = "done by the client",
    [DISPOSITION_IGNORED] = "ignored",
    [DISPOSITION_REFUSED] = "refused",
};

static const char *const kind_texts[VALUE_KIND_COUNT] = {
    [VALUE_NONE] = "not read",
    [VALUE_STRING] = "text",
    [VALUE_INTEGER] = "integer",
    [VALUE_BOOLEAN] = "boolean",
    [VALUE_SIZE] = "size in bytes",
    [VALUE_OCTAL] = "octal number",
    [VALUE_SIGNAL] = "signal name or number",
    [VALUE_AUTORESTART] = "boolean or unexpected",
    [VALUE_EXITCODES] = "numbers from 0 to 255, separated by commas",
    [VALUE_LOGLEVEL] = "level of importance",
    [VALUE_DIRECTORY] = "existing directory",
    [VALUE_FILE] = "path in an existing directory",
    [VALUE_SOCKET_FILE] = "path",
    [VALUE_LOGFILE] = "path in an existing directory, or a word",
    [VALUE_ENVIRONMENT] = "KEY=value, separated by commas",
    [VALUE_USER] = "user name or number",
    [VALUE_OWNER] = "user, or user:group",
    [VALUE_ADDRESS] = "host and port",
    [VALUE_BACKLOG] = "integer from 1 to 65535",
    [VALUE_SOCKET] = "URL of a socket",
    [VALUE_SERVERURL] = "URL",
    [VALUE_PROCESS_NAME] = "name without space, colon and slash",
    [VALUE_PROGRAMS] = "names, separated by commas",
    [VALUE_EVENTS] = "event types, separated by commas",
    [VALUE_GLOBS] = "shell patterns, separated by white space",
    [VALUE_FACTORY] = "module:name",
};

SectionKind option_section_kind(const char *section)
{
    for (size_t i = 0; i < SECTION_KIND_COUNT; i++) {
        if (sections[i].is_prefix ? g_str_has_prefix(section, sections[i].name)
                                  : strcmp(section, sections[i].name) == 0)
            return (SectionKind)i;
    }
    return SECTION_UNKNOWN;
}

const char *option_section_pattern(SectionKind kind)
{
    return sections[kind].pattern;
}

const char *option_section_doc(SectionKind kind)
{
    return sections[kind].doc;
}

size_t option_count(void)
{
    return G_N_ELEMENTS(options);
}

const Option *option_get(size_t index)
{
    return &options[index];
}

const Option *option_rows(SectionKind kind, size_t *ret_count)
{
    size_t first = 0, end;
    while (first < G_N_ELEMENTS(options) && options[first].section != kind)
        first++;
    for (end = first; end < G_N_ELEMENTS(options) && options[end].section == kind;)
        end++;
    *ret_count = end - first;
    return options + first;
}

const Option *option_find_in(SectionKind kind, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        /* An option of [DEFAULT] is known when it is known anywhere. */
        if ((options[i].section == kind || kind == SECTION_DEFAULT) && strcmp(options[i].name, name) == 0)
            return &options[i];
    }
    return NULL;
}

const Option *option_find(const char *section, const char *name)
{
    return option_find_in(option_section_kind(section), name);
}

bool option_is_systemd(const char *section, const char *name)
{
    SectionKind kind = option_section_kind(section);
    return (kind == SECTION_PROGRAM || kind == SECTION_FCGI_PROGRAM || kind == SECTION_EVENTLISTENER ||
            kind == SECTION_DEFAULT) &&
           g_str_has_prefix(name, "systemd.") && name[strlen("systemd.")] != '\0';
}

#define LONGEST_NAME       64
#define SHORTEST_BEGINNING 4

/* How many letters must be inserted, removed, replaced or swapped with their neighbour. Names beyond
 * LONGEST_NAME are not compared: they are no typing errors. */
static unsigned option_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > LONGEST_NAME || b_length > LONGEST_NAME)
        return UINT_MAX;

    unsigned rows[LONGEST_NAME + 1][LONGEST_NAME + 1];
    for (size_t i = 0; i <= a_length; i++)
        rows[i][0] = (unsigned)i;
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        for (size_t j = 1; j <= b_length; j++) {
            unsigned best = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = MIN(best, rows[i - 1][j] + 1);
            best = MIN(best, rows[i][j - 1] + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = MIN(best, rows[i - 2][j - 2] + 1);
            rows[i][j] = best;
        }
    }
    return rows[a_length][b_length];
}

/* One mistake in a short name, two or three in a long one. */
static unsigned option_tolerance(const char *name)
{
    size_t length = strlen(name);
    return length < 5 ? 1 : length < 10 ? 2 : 3;
}

const char *option_suggest(const char *section, const char *name)
{
    SectionKind kind = option_section_kind(section);
    unsigned nearest = option_tolerance(name) + 1;
    const char *suggestion = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        if (options[i].section != kind && kind != SECTION_DEFAULT)
            continue;
        /* A name cut short is nearer than one with other letters: "stdout_log" means no syslog. */
        bool is_cut = strlen(name) >= SHORTEST_BEGINNING && g_str_has_prefix(options[i].name, name);
        unsigned distance = is_cut ? 1 : option_distance(name, options[i].name);
        if (distance < nearest) {
            nearest = distance;
            suggestion = options[i].name;
        }
    }
    return suggestion;
}

const char *option_suggest_section(const char *section)
{
    const char *colon = strchr(section, ':');
    size_t length = colon ? (size_t)(colon - section) : strlen(section);
    g_autofree char *head = g_strndup(section, length);
    unsigned nearest = option_tolerance(head) + 1;
    const char *suggestion = NULL;
    for (size_t i = 0; i < SECTION_DEFAULT; i++) {
        g_auto(GStrv) parts = g_strsplit(sections[i].pattern, ":", 2);
        unsigned distance = option_distance(head, parts[0]);
        if (distance < nearest) {
            nearest = distance;
            suggestion = sections[i].pattern;
        }
    }
    return suggestion;
}

const char *option_disposition_text(Disposition disposition)
{
    return disposition_texts[disposition];
}

const char *option_kind_text(ValueKind kind)
{
    return kind_texts[kind];
}
