/* How the daemon itself is to run: [supervisord] with the command line over it, as the oracle lays them. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "translator/config.h"

/* What the command line says. NULL and false: nothing. */
typedef struct CommandLine {
    char *program; /* argv[0] */
    char *configuration;
    char *handoff; /* ours: the file that the daemonising parent left for its service (bridge/daemonize.h) */
    char *adopt;   /* ours: take the place of the supervisord that this file tells of (bridge/adoption.h) */
    bool nodaemon;
    bool silent;
    bool nocleanup;
    bool strip_ansi;
    char *profile;
    char *user;
    char *directory;
    char *logfile;
    char *pidfile;
    char *identifier;
    char *childlogdir;
    bool has_umask, has_logfile_maxbytes, has_logfile_backups, has_loglevel, has_minfds, has_minprocs;
    int64_t umask;
    int64_t logfile_maxbytes;
    int64_t logfile_backups;
    int64_t loglevel;
    int64_t minfds;
    int64_t minprocs;
} CommandLine;

typedef enum CommandLineRequest {
    COMMAND_LINE_RUN,
    COMMAND_LINE_HELP,
    COMMAND_LINE_VERSION,
} CommandLineRequest;

/* Reads argv (argv[0] first). Returns a CommandLineRequest, or -EINVAL with the oracle's message newly
 * allocated. */
int command_line_parse(char *const *argv, CommandLine *ret, char **ret_message);
void command_line_clear(CommandLine *line);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandLine, command_line_clear)
char *command_line_help(const char *program);

typedef struct Settings {
    char *logfile; /* absolute; "syslog" is special */
    int64_t logfile_maxbytes;
    int64_t logfile_backups;
    int loglevel;
    char *pidfile; /* absolute */
    mode_t umask;
    bool nodaemon;
    bool silent;
    int64_t minfds;
    int64_t minprocs;
    bool nocleanup;
    const char *childlogdir;
    const char *directory; /* NULL: stay */
    bool strip_ansi;
    const char *identifier;
    bool has_user;
    uid_t uid;
    gid_t gid;
    char *serverurl; /* what programs get as SUPERVISOR_SERVER_URL; NULL: no server */
} Settings;

/* Both arguments must outlive the result. Returns 0, or -EINVAL with the oracle's message newly allocated (an
 * unknown user). */
int settings_make(const CommandLine *line, const Config *config, Settings *ret, char **ret_message);
void settings_clear(Settings *settings);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Settings, settings_clear)
