#include "translator/known_program.h"

#include <glib.h>
#include <string.h>

#include "common/command.h"
#include "translator/path.h"

typedef enum Habit {
    DAEMONISES_UNLESS, /* one of `options` is given */
    DAEMONISES_IF,     /* one of `options` is given */
    DAEMONISES,        /* whatever is given */
} Habit;

typedef struct KnownProgram {
    const char *name; /* of the file, as a shell pattern */
    Habit habit;
    const char *options; /* patterns, separated by blanks; each is held against every argument */
    const char *advice;
} KnownProgram;

static const KnownProgram programs[] = {
    {"nginx", DAEMONISES_UNLESS, "*daemon?off* *daemon??off*",
     "add -g 'daemon off;' to the command, unless its file says so"},
    {"openresty", DAEMONISES_UNLESS, "*daemon?off* *daemon??off*",
     "add -g 'daemon off;' to the command, unless its file says so"},
    {"apache2*", DAEMONISES_UNLESS, "*FOREGROUND -X", "add -D FOREGROUND to the command"},
    {"httpd*", DAEMONISES_UNLESS, "*FOREGROUND -X -f -DNO_DETACH", "add -D FOREGROUND to the command"},
    {"sshd", DAEMONISES_UNLESS, "-D -d -*D", "add -D to the command"},
    {"php*fpm*", DAEMONISES_UNLESS, "-F --nodaemonize -*F",
     "add -F to the command, unless its file says daemonize = no"},
    {"cron", DAEMONISES_UNLESS, "-f -*f*", "add -f to the command"},
    {"crond", DAEMONISES_UNLESS, "-n -f -*f* -*n*", "add -n (cronie) or -f (busybox) to the command"},
    {"rsyslogd", DAEMONISES_UNLESS, "-n -*n*", "add -n to the command"},
    {"dnsmasq", DAEMONISES_UNLESS, "-k -d --keep-in-foreground --no-daemon", "add -k to the command"},
    {"varnishd", DAEMONISES_UNLESS, "-F -d", "add -F to the command"},
    {"dovecot", DAEMONISES_UNLESS, "-F", "add -F to the command"},
    {"named", DAEMONISES_UNLESS, "-f -g", "add -f to the command"},
    {"squid*", DAEMONISES_UNLESS, "-N* -*N* --foreground", "add -N to the command"},
    {"slapd", DAEMONISES_UNLESS, "-d*", "add -d 0 to the command"},
    {"ntpd", DAEMONISES_UNLESS, "-n -*n*", "add -n to the command"},
    {"lighttpd", DAEMONISES_UNLESS, "-D -*D*", "add -D to the command"},
    {"[sn]mbd", DAEMONISES_UNLESS, "-F --foreground -*F* -i", "add --foreground to the command"},
    {"winbindd", DAEMONISES_UNLESS, "-F --foreground -*F* -i", "add --foreground to the command"},
    {"clamd", DAEMONISES_UNLESS, "-F --foreground",
     "add --foreground to the command, unless its file says Foreground true"},
    {"freshclam", DAEMONISES_IF, "-d --daemon", "add -F to the command"},
    {"opendkim", DAEMONISES_UNLESS, "-f -*f*", "add -f to the command"},
    {"opendmarc", DAEMONISES_UNLESS, "-f -*f*", "add -f to the command"},
    {"saslauthd", DAEMONISES_UNLESS, "-d -*d*", "add -d to the command"},
    {"monit", DAEMONISES_UNLESS, "-I", "add -I to the command"},
    {"xinetd", DAEMONISES_UNLESS, "-dontfork", "add -dontfork to the command"},
    {"vsftpd", DAEMONISES_IF, "-obackground=YES", "set background=NO"},
    {"memcached", DAEMONISES_IF, "-d -*d --daemon", "take -d out of the command"},
    {"redis-server", DAEMONISES_IF, "--daemonize", "take --daemonize out of the command"},
    {"mongod", DAEMONISES_IF, "--fork", "take --fork out of the command"},
    {"mysqld", DAEMONISES_IF, "--daemonize -D", "take --daemonize out of the command"},
    {"gunicorn*", DAEMONISES_IF, "--daemon -D", "take --daemon out of the command"},
    {"uwsgi", DAEMONISES_IF, "--daemonize* -d",
     "take --daemonize out of the command; its log goes to --logto"},
    {"celery", DAEMONISES_IF, "--detach multi", "start a worker without --detach and without multi"},
    {"haproxy", DAEMONISES_IF, "-D", "take -D out of the command"},
    {"beanstalkd", DAEMONISES_IF, "-d", "take -d out of the command"},
    {"avahi-daemon", DAEMONISES_IF, "-D --daemonize", "take -D out of the command"},
    {"dbus-daemon", DAEMONISES_IF, "--fork", "replace --fork by --nofork"},
    {"fail2ban-server", DAEMONISES_IF, "-b", "replace -b by -f"},
    {"rabbitmq-server", DAEMONISES_IF, "-detached", "take -detached out of the command"},
    {"postfix", DAEMONISES_IF, "start", "use start-fg instead of start"},
    {"start-stop-daemon", DAEMONISES_IF, "-b --background -*b*", "start the program itself"},
    {"daemonize", DAEMONISES, "", "start the program itself"},
    {"nohup", DAEMONISES_IF, "&", "start the program itself"},
    {"pg_ctl", DAEMONISES_IF, "start", "start postgres itself"},
    {"apachectl", DAEMONISES_UNLESS, "*FOREGROUND", "add -D FOREGROUND to the command"},
    {"service", DAEMONISES, "", "enable the unit of that service instead"},
    {"systemctl", DAEMONISES_IF, "start restart", "enable that unit instead"},
    {"supervisord", DAEMONISES_UNLESS, "-n --nodaemon -*n*", "export that configuration on its own"},
};

static const char *const shells[] = {"sh", "bash", "dash", "ash", "zsh", "ksh", NULL};
/* What stands before the real program. */
static const char *const wrappers[] = {"exec",   "env",  "nice",      "ionice", "setsid",
                                       "stdbuf", "tini", "dumb-init", NULL};

/* Event listeners of superlance and its kin: names of files or of Python modules. */
static const struct {
    const char *name; /* as a shell pattern */
    const char *replacement;
} listeners[] = {
    {"memmon*", "MemoryMax= (or MemoryHigh=) of each program's unit, with Restart= as it is"},
    {"crashmailbatch*", "OnFailure= of each unit, with a unit that sends mail"},
    {"crashmail*", "OnFailure= of each unit, with a unit that sends mail"},
    {"fatalmailbatch*", "OnFailure= of each unit, with a unit that sends mail"},
    {"crashsms*", "OnFailure= of each unit, with a unit that sends the message"},
    {"httpok*",
     "a timer with a service that asks and restarts the unit, or WatchdogSec= where the program can do it"},
    {"processmon*", "OnFailure= and OnSuccess= of each unit"},
    {"superfsmon*", "a .path unit that restarts the service"},
    {"*supervisor*stdout*", "nothing: what programs print is in the journal already"},
    {"*supervisor*logging*",
     "nothing: what programs print is in the journal already, which can forward to syslog"},
};

static bool has_option(const char *const *argv, const char *options)
{
    g_auto(GStrv) patterns = g_strsplit(options, " ", -1);

    for (size_t i = 0; patterns[i]; i++) {
        for (size_t j = 1; argv[j]; j++) {
            if (g_pattern_match_simple(patterns[i], argv[j]) &&
                (*patterns[i] != '-' || !g_str_has_prefix(argv[j], "--") || patterns[i][1] == '-'))
                return true;
        }
    }
    return false;
}

/* GLib's patterns know no [sn]; smbd and nmbd are one row all the same. */
static bool is_named(const char *file, const char *pattern)
{
    if (*pattern != '[')
        return g_pattern_match_simple(pattern, file);
    const char *end = strchr(pattern, ']');
    return *file && memchr(pattern + 1, *file, (size_t)(end - pattern - 1)) && strcmp(file + 1, end + 1) == 0;
}

static const char *direct_advice(const char *const *argv)
{
    const char *file = path_basename(argv[0]);

    for (size_t i = 0; i < G_N_ELEMENTS(programs); i++) {
        const KnownProgram *program = &programs[i];
        if (!is_named(file, program->name))
            continue;
        if (program->habit == DAEMONISES ||
            has_option(argv, program->options) == (program->habit == DAEMONISES_IF))
            return program->advice;
    }
    if (g_str_has_prefix(argv[0], "/etc/init.d/"))
        return "start the program itself, not its init script";
    return NULL;
}

static const char *script_of(const char *const *argv)
{
    if (!g_strv_contains(shells, path_basename(argv[0])))
        return NULL;
    for (size_t i = 1; argv[i] && argv[i][0] == '-'; i++) {
        if (g_str_has_suffix(argv[i], "c") && argv[i][1] != '-')
            return argv[i + 1];
    }
    return NULL;
}

static bool ends_in_background(const char *script)
{
    g_autofree char *text = g_strstrip(g_strdup(script));
    size_t length = strlen(text);

    return length > 1 && text[length - 1] == '&' && text[length - 2] != '&';
}

static const char *const *skip_wrappers(const char *const *argv)
{
    while (argv[0] && argv[1] && g_strv_contains(wrappers, path_basename(argv[0])))
        argv++;
    return argv;
}

static const char *script_advice(const char *script)
{
    char **argv = NULL;
    const char *advice = NULL;

    if (ends_in_background(script))
        return "take the & from the end of the command, and put exec before the program";
    if (strpbrk(script, ";&|\n") || command_split(script, &argv) != COMMAND_OK)
        return NULL;
    const char *const *rest = skip_wrappers((const char *const *)argv);
    if (rest[0])
        advice = direct_advice(rest);
    g_strfreev(argv);
    return advice;
}

const char *known_program_daemonises(const char *const *argv)
{
    const char *const *rest = skip_wrappers(argv);

    if (!rest[0])
        return NULL;
    const char *script = script_of(rest);
    if (script)
        return script_advice(script);
    for (size_t i = 1; rest[i]; i++) {
        if (!rest[i + 1] && strcmp(rest[i], "&") == 0)
            return "take the & from the end of the command: without a shell it is an argument";
    }
    return direct_advice(rest);
}

bool known_program_is_pidproxy(const char *const *argv)
{
    return argv[0] && strcmp(path_basename(argv[0]), "pidproxy") == 0 && argv[1] && argv[2];
}

bool known_program_needs_supervisor(const char *const *argv)
{
    for (size_t i = 0; argv[i]; i++) {
        if (strstr(argv[i], "supervisorctl") || strcmp(path_basename(argv[i]), "supervisord") == 0)
            return true;
    }
    return false;
}

bool known_program_is_secret(const char *name, const char *value)
{
    static const char *const words[] = {"PASS", "SECRET", "TOKEN", "CREDENTIAL", "PRIVATE", "APIKEY",
                                        "_KEY", "PWD",    "_DSN",  "AUTH",       "SALT",    "SIGNING"};
    g_autofree char *upper = g_ascii_strup(name, -1);

    /* The working directory, which some scripts are told. */
    if (strcmp(upper, "PWD") == 0 || strcmp(upper, "OLDPWD") == 0)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strstr(upper, words[i]))
            return true;
    }
    if (strcmp(upper, "KEY") == 0 || g_str_has_prefix(upper, "KEY_"))
        return true;
    /* scheme://user:password@host */
    return g_regex_match_simple("^[A-Za-z][A-Za-z0-9+.-]*://[^/@:]*:[^/@]+@", value, 0, 0) ||
           strstr(value, "PRIVATE KEY-----");
}

const char *known_program_replacement(const char *const *argv)
{
    for (size_t i = 0; argv[i]; i++) {
        for (size_t j = 0; j < G_N_ELEMENTS(listeners); j++) {
            if (g_pattern_match_simple(listeners[j].name, path_basename(argv[i])))
                return listeners[j].replacement;
        }
    }
    return NULL;
}
