/* What the oracle calls the same configuration: ProcessConfig.__eq__ and its kin in supervisor/options.py. */
#include "translator/config.h"

#include <string.h>

static bool equal_text(const char *a, const char *b)
{
    return g_strcmp0(a, b) == 0;
}

/* An AUTO log gets its name when the daemon starts, so the oracle leaves it out of the comparison, on either
 * side. */
static bool equal_logfile(const LogConfig *a, const LogConfig *b)
{
    if (a->kind == LOGFILE_AUTO || b->kind == LOGFILE_AUTO)
        return true;
    return a->kind == b->kind && equal_text(a->path, b->path);
}

static bool equal_log(const LogConfig *a, const LogConfig *b)
{
    return equal_logfile(a, b) && a->maxbytes == b->maxbytes && a->backups == b->backups &&
           a->capture_maxbytes == b->capture_maxbytes && a->events_enabled == b->events_enabled &&
           a->syslog == b->syslog && a->journal == b->journal;
}

static const char *find_variable(const ProcessConfig *process, const char *name)
{
    for (size_t i = 0; i < process->environment_count; i++) {
        if (strcmp(process->environment[i].name, name) == 0)
            return process->environment[i].value;
    }
    return NULL;
}

/* Dictionaries: the order does not matter. */
static bool equal_environment(const ProcessConfig *a, const ProcessConfig *b)
{
    if (a->environment_count != b->environment_count)
        return false;
    for (size_t i = 0; i < a->environment_count; i++) {
        const char *name = a->environment[i].name;
        /* Most of the time the order is the same, too. */
        const char *other =
            strcmp(b->environment[i].name, name) == 0 ? b->environment[i].value : find_variable(b, name);
        if (!other || strcmp(a->environment[i].value, other) != 0)
            return false;
    }
    return true;
}

static bool equal_exitcodes(const ProcessConfig *a, const ProcessConfig *b)
{
    return a->exitcode_count == b->exitcode_count &&
           (a->exitcode_count == 0 ||
            memcmp(a->exitcodes, b->exitcodes, a->exitcode_count * sizeof *a->exitcodes) == 0);
}

static bool equal_identity(const ProcessConfig *a, const ProcessConfig *b)
{
    return equal_text(a->name, b->name) && equal_text(a->command, b->command) &&
           equal_text(a->directory, b->directory) && equal_text(a->serverurl, b->serverurl) &&
           a->has_uid == b->has_uid && (!a->has_uid || a->uid == b->uid) && a->has_umask == b->has_umask &&
           (!a->has_umask || a->umask == b->umask);
}

static bool equal_behaviour(const ProcessConfig *a, const ProcessConfig *b)
{
    return a->priority == b->priority && a->autostart == b->autostart && a->autorestart == b->autorestart &&
           a->startsecs == b->startsecs && a->startretries == b->startretries &&
           a->stopsignal == b->stopsignal && a->stopwaitsecs == b->stopwaitsecs &&
           a->stopasgroup == b->stopasgroup && a->killasgroup == b->killasgroup &&
           a->redirect_stderr == b->redirect_stderr;
}

/* The oracle has no such thing. */
static bool equal_settings(const ProcessConfig *a, const ProcessConfig *b)
{
    if (a->setting_count != b->setting_count)
        return false;
    for (size_t i = 0; i < a->setting_count; i++) {
        if (a->settings[i].kind != b->settings[i].kind ||
            !equal_text(a->settings[i].value, b->settings[i].value))
            return false;
    }
    return true;
}

bool process_config_equal(const ProcessConfig *a, const ProcessConfig *b)
{
    return equal_settings(a, b) && equal_identity(a, b) && equal_behaviour(a, b) && equal_exitcodes(a, b) &&
           equal_environment(a, b) && equal_log(&a->log[STREAM_STDOUT], &b->log[STREAM_STDOUT]) &&
           equal_log(&a->log[STREAM_STDERR], &b->log[STREAM_STDERR]);
}

/* The oracle has three classes of groups: a [group:x] and a lone program are the same one. */
static GroupKind equal_class(GroupKind kind)
{
    return kind == GROUP_HETEROGENEOUS ? GROUP_PROGRAM : kind;
}

static bool equal_pool(const GroupConfig *a, const GroupConfig *b)
{
    if (a->buffer_size != b->buffer_size || a->event_count != b->event_count ||
        !equal_text(a->result_handler, b->result_handler))
        return false;
    for (size_t i = 0; i < a->event_count; i++) {
        if (!equal_text(a->events[i], b->events[i]))
            return false;
    }
    return true;
}

bool group_config_equal(const GroupConfig *a, const GroupConfig *b)
{
    if (equal_class(a->kind) != equal_class(b->kind) || !equal_text(a->name, b->name) ||
        a->priority != b->priority || a->process_count != b->process_count)
        return false;
    if (a->kind == GROUP_EVENTLISTENER && !equal_pool(a, b))
        return false;
    /* Of the socket only the address counts. */
    if (a->kind == GROUP_FCGI && !equal_text(a->socket.url, b->socket.url))
        return false;
    for (size_t i = 0; i < a->process_count; i++) {
        if (!process_config_equal(a->processes[i], b->processes[i]))
            return false;
    }
    return true;
}
