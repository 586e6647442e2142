/* The typed model of a supervisord.conf: what the oracle's parser would have made of it, field by field.
 *
 * `Config` is opaque and constant once loaded; the records below are plain and read-only. All strings are
 * UTF-8 or whatever bytes the file held, NUL-terminated, owned by the Config. Reference-counted, because a
 * running process keeps the configuration it was started with while a newer one has been read. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "translator/diagnostics.h"
#include "translator/unit_setting.h"

typedef enum Stream {
    STREAM_STDOUT,
    STREAM_STDERR,
    STREAM_COUNT,
} Stream;

typedef enum Autorestart {
    AUTORESTART_NEVER,      /* false */
    AUTORESTART_UNEXPECTED, /* unexpected */
    AUTORESTART_ALWAYS,     /* true */
} Autorestart;

typedef enum LogfileKind {
    LOGFILE_NONE, /* NONE, off, or the deprecated "syslog" (which sets `syslog`) */
    LOGFILE_AUTO,
    LOGFILE_PATH,
} LogfileKind;

/* Where something was written. `file` is NULL and `line` 0 when it is a default. */
typedef struct Origin {
    const char *file;
    unsigned line;
} Origin;

typedef struct EnvironmentVariable {
    const char *name;
    const char *value;
} EnvironmentVariable;

/* One line of an option systemd.PROPERTY. */
typedef struct UnitSetting {
    const UnitSettingKind *kind;
    const char *value;  /* expanded; one line; may be empty, which resets a list */
    const char *option; /* "systemd.memorymax" */
    Origin origin;
} UnitSetting;

/* One {stdout,stderr}_* family of options. */
typedef struct LogConfig {
    LogfileKind kind;
    const char *path; /* only for LOGFILE_PATH: `~` expanded, otherwise as written */
    int64_t maxbytes; /* 0: never rotate */
    int64_t backups;
    int64_t capture_maxbytes; /* 0: no capture mode */
    bool events_enabled;
    bool syslog;
    bool journal; /* ours: whether the journal gets a copy */
} LogConfig;

typedef enum ProgramKind {
    PROGRAM_PLAIN,
    PROGRAM_FCGI,
    PROGRAM_EVENTLISTENER,
} ProgramKind;

/* One process: a [program:x] with numprocs=3 makes three. */
typedef struct ProcessConfig {
    ProgramKind kind;
    const char *program; /* x of [program:x] */
    const char *name;    /* process_name, expanded */
    int64_t process_num; /* numprocs_start, numprocs_start + 1, … */
    int64_t numprocs;
    const char *command;   /* expanded, not yet split: that happens at each start, as in the oracle */
    const char *directory; /* NULL when unset */
    bool has_umask;
    mode_t umask;
    int64_t priority;
    bool autostart;
    Autorestart autorestart;
    int64_t startsecs;
    int64_t startretries;
    bool has_uid;
    uid_t uid;
    const char *user; /* the option as written; NULL when unset */
    LogConfig log[STREAM_COUNT];
    int stopsignal;
    int64_t stopwaitsecs;
    bool stopasgroup;
    bool killasgroup;
    const int *exitcodes;
    size_t exitcode_count;
    bool redirect_stderr;
    const EnvironmentVariable *environment; /* [supervisord] environment, overlaid with the program's own */
    size_t environment_count;
    const char *serverurl;       /* NULL when unset or AUTO */
    const UnitSetting *settings; /* systemd.PROPERTY, in the file's order */
    size_t setting_count;
    Origin origin;       /* of the section's header */
    const char *section; /* "program:x" */
} ProcessConfig;

typedef enum GroupKind {
    GROUP_PROGRAM,       /* a [program:x] outside any [group:x] */
    GROUP_HETEROGENEOUS, /* [group:x] */
    GROUP_EVENTLISTENER, /* [eventlistener:x] */
    GROUP_FCGI,          /* [fcgi-program:x] outside any [group:x] */
} GroupKind;

typedef struct SocketConfig {
    bool is_unix;
    const char *url;  /* what two configurations are compared by */
    const char *path; /* unix */
    const char *host; /* tcp */
    uint16_t port;
    bool has_owner;
    uid_t uid;
    gid_t gid; /* (gid_t)-1: leave it */
    bool has_mode;
    mode_t mode;
    int backlog; /* 0 when unset */
} SocketConfig;

typedef struct GroupConfig {
    GroupKind kind;
    const char *name;
    int64_t priority;
    const ProcessConfig *const
        *processes; /* ascending priority within each program section, in the oracle's order */
    size_t process_count;
    /* eventlistener only */
    int64_t buffer_size;
    const char *const *events; /* upper case, sorted, each once */
    size_t event_count;
    const char *result_handler;
    /* fcgi only */
    SocketConfig socket;
    Origin origin;
} GroupConfig;

/* [supervisord] */
typedef struct DaemonConfig {
    const char *logfile; /* not yet made absolute; "syslog" is special */
    int64_t logfile_maxbytes;
    int64_t logfile_backups;
    int loglevel; /* the oracle's numbers: 50 critical, 40 error, 30 warn, 20 info, 10 debug, 5 trace, 3
                     blather */
    const char *pidfile;
    mode_t umask;
    bool nodaemon;
    bool silent;
    int64_t minfds;
    int64_t minprocs;
    bool nocleanup;
    const char *childlogdir;
    const char *user;      /* NULL when unset; resolved by the daemon, whose command line may override it */
    const char *directory; /* NULL when unset */
    bool strip_ansi;
    bool metrics; /* ours: /metrics is there */
    const char *identifier;
    const EnvironmentVariable *environment;
    size_t environment_count;
    Origin origin;
} DaemonConfig;

/* [unix_http_server], [inet_http_server], and with :name behind */
typedef struct ServerConfig {
    bool is_unix;
    const char *section;
    const char *name;     /* NULL when there is no :name */
    const char *username; /* NULL when unset; then password is NULL too */
    const char *password;
    const char *file; /* unix: normalised, absolute */
    mode_t chmod;
    bool has_chown;
    uid_t uid;
    gid_t gid;        /* (gid_t)-1: leave it */
    const char *host; /* inet: "" means every address */
    uint16_t port;
    Origin origin;
} ServerConfig;

/* [supervisorctl] */
typedef struct ClientConfig {
    const char *serverurl; /* unix paths normalised */
    const char *username;
    const char *password;
    const char *prompt;
    const char *history_file; /* NULL when unset */
} ClientConfig;

/* [rpcinterface:x] and [ctlplugin:x] */
typedef struct PluginConfig {
    const char *section;
    const char *name;
    const char *factory;
    Origin origin;
} PluginConfig;

/* The file as written, for reports: every section and option in order of first appearance, before expansion.
 */
typedef struct RawOption {
    const char *name; /* lower-cased */
    const char *value;
    Origin origin;
} RawOption;

typedef struct RawSection {
    const char *name;
    Origin origin;
    const RawOption *options;
    size_t option_count;
} RawSection;

/* What the reader may ask of the host. Pure functions of their arguments as far as the reader is concerned,
 * so that tests can stand in for a host that has the users and directories which a configuration names. */
typedef struct ConfigHost {
    char **environment;              /* "NAME=value", NULL-terminated: what %(ENV_x)s sees */
    const char *node_name;           /* %(host_node_name)s */
    const char *temporary_directory; /* default of childlogdir: TMPDIR or /tmp */
    /* Each returns 0, or -ENOENT when there is no such user or group. The text is a name or a number. */
    int (*find_user)(const char *text, uid_t *ret_uid, gid_t *ret_gid);
    int (*find_group)(const char *text, gid_t *ret_gid);
    bool (*is_directory)(const char *path);
    /* Home directory of `user` (NULL: of the caller), newly allocated, or NULL. */
    char *(*find_home)(const char *user);
    uid_t uid; /* who the daemon runs as: a FastCGI socket of another user is given to that one */
    /* Has systemd read the texts of service units (NULL-terminated), and tells what it says of their lines
     * (from 1). Returns 0 or negative errno: systemd could not be asked. NULL: there is nobody to ask. */
    int (*read_units)(char *const *texts, bool user_manager,
                      void (*tell)(size_t text, unsigned line, const char *message, void *userdata),
                      void *userdata);
} ConfigHost;

/* The real host: `environ`, uname(2), passwd and group databases, stat(2). Static storage. */
const ConfigHost *config_host_real(void);

typedef struct Config Config;

/* Reads what supervisord reads: everything but [supervisorctl]. `path` as given by the user; relative paths
 * are relative to the working directory, as in the oracle. Messages of every severity go to `diagnostics`.
 * Returns 0, -ENOENT or another errno when a file cannot be read, -EINVAL when it holds an error; in all
 * failures diagnostics_first_error() tells what, in the oracle's words. */
int config_load_daemon(const char *path, const ConfigHost *host, Diagnostics *diagnostics,
                       Config **ret_config);

/* Reads what supervisorctl reads: [supervisorctl] of the file alone (the oracle does not follow [include]
 * there). Same errors. */
int config_load_client(const char *path, const ConfigHost *host, Diagnostics *diagnostics,
                       Config **ret_config);

Config *config_ref(Config *config);
void config_unref(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_unref)

/* Absolute path of the file, and the directory that holds it (%(here)s). */
const char *config_path(const Config *config);
const char *config_here(const Config *config);

const DaemonConfig *config_daemon(const Config *config);
const ClientConfig *config_client(const Config *config);

/* Groups by ascending (priority, name), as the oracle sorts them. */
size_t config_group_count(const Config *config);
const GroupConfig *config_group(const Config *config, size_t index);
/* NULL when there is none of that name. */
const GroupConfig *config_find_group(const Config *config, const char *name);

/* The oracle's order: inet servers first, then unix ones. */
size_t config_server_count(const Config *config);
const ServerConfig *config_server(const Config *config, size_t index);

size_t config_rpcinterface_count(const Config *config);
const PluginConfig *config_rpcinterface(const Config *config, size_t index);
size_t config_ctlplugin_count(const Config *config);
const PluginConfig *config_ctlplugin(const Config *config, size_t index);

size_t config_section_count(const Config *config);
const RawSection *config_section(const Config *config, size_t index);
/* Where an option stands; {NULL, 0} when it is not in the file. */
Origin config_option_origin(const Config *config, const char *section, const char *option);

/* What `reread` calls unchanged, by the oracle's rules (ProcessConfig.__eq__ and its kin): two AUTO log files
 * are equal to anything. */
bool process_config_equal(const ProcessConfig *a, const ProcessConfig *b);
bool group_config_equal(const GroupConfig *a, const GroupConfig *b);

/* The configuration file that is used without -c: the oracle's search order, relative to the directory above
 * that of `program` (argv[0]). Returns 0 with a newly allocated path, or -ENOENT with `ret_tried` naming the
 * places, joined by ", ". */
int config_search(const char *program, char **ret_path, char **ret_tried);
