#include "bridge/adoption_record.h"

#include <string.h>
#include <sys/stat.h>

static bool was_alive(ProcessState state)
{
    return state == PROCESS_STARTING || state == PROCESS_RUNNING || state == PROCESS_BACKOFF;
}

/* A process that the old daemon would start in its next turn is started by us. */
static bool is_due(const AdoptionMember *member)
{
    return member->pid == 0 && was_alive(member->legacy->state) &&
           member->planned->config->autorestart != AUTORESTART_NEVER;
}

static bool is_known(ProcessState state)
{
    return strcmp(process_state_name(state), process_state_name(PROCESS_UNKNOWN)) != 0;
}

StoreRecord adoption_record_make(const AdoptionMember *member)
{
    const LegacyProcess *legacy = member->legacy;
    StoreRecord record = {
        .state = is_known(legacy->state) ? legacy->state : PROCESS_STOPPED,
        .laststart = (double)legacy->start,
        .laststop = (double)legacy->stop,
        .exitstatus = legacy->exitstatus,
        .spawnerr = legacy->spawnerr,
    };

    if (member->renewed) {
        record.state = PROCESS_STARTING;
        record.laststart = (double)g_get_real_time() / G_USEC_PER_SEC;
    } else if (is_due(member)) {
        record.state = PROCESS_STARTING;
        record.pending = true;
    } else if (member->pid == 0 && legacy->state == PROCESS_STOPPING) {
        record.state = PROCESS_STOPPED;
    } else if (member->pid == 0 && was_alive(legacy->state)) {
        record.state = PROCESS_EXITED;
        record.exitstatus = -1;
    }
    return record;
}

static bool is_same_directory(const char *one, const char *other)
{
    struct stat first, second;

    return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

bool adoption_record_is_autolog(const LegacyProcess *process, Stream stream, const char *directory)
{
    const char *path = process->logfiles[stream];
    g_autofree char *base = g_path_get_basename(path), *parent = g_path_get_dirname(path);
    g_autofree char *start =
        g_strdup_printf("%s-%s---", process->name, stream == STREAM_STDOUT ? "stdout" : "stderr");

    g_strdelimit(start, "/", '_');
    return g_path_is_absolute(path) && g_str_has_prefix(base, start) && g_str_has_suffix(base, ".log") &&
           is_same_directory(parent, directory);
}
