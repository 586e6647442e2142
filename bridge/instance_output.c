/* The streams of an instance: names of its log files, FIFOs, pump, and its standard input. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "bridge/identity.h"
#include "bridge/instance_internal.h"

static const char *const stream_names[STREAM_COUNT] = {
    [STREAM_STDOUT] = "stdout", [STREAM_STDERR] = "stderr"};

static int make_file(char *template)
{
    IDENTITY_SCOPE;
    return g_mkstemp_full(template, O_RDWR | O_CLOEXEC, 0600);
}

/* NAME-stdout---IDENTIFIER-XXXXXX.log in childlogdir: the oracle's scheme, which its cleaning at start-up
 * goes by. */
static char *make_autolog(Instance *instance, Stream stream)
{
    const InstanceContext *context = instance->context;
    const char *known = store_autolog(context->store, instance->planned->namespec, stream);

    if (known)
        return g_strdup(known);
    g_autofree char *name = g_strdup_printf("%s-%s---%s-XXXXXX.log", instance_name(instance),
                                            stream_names[stream], context->identifier);
    g_strdelimit(name, "/", '_');
    g_autofree char *path = g_build_filename(context->childlogdir, name, NULL);
    int fd = make_file(path);
    if (fd < 0) {
        main_log_write(context->log, LOG_LEVEL_CRITICAL, "could not make the log file %s for %s: %s", path,
                       instance->planned->namespec, g_strerror(errno));
        return NULL;
    }
    close(fd);
    (void)store_put_autolog(context->store, instance->planned->namespec, stream, path);
    /* g_build_filename() leaves more room behind it than the path is long. */
    return g_strdup(path);
}

void instance_output_name_logs(Instance *instance)
{
    for (int stream = 0; stream < STREAM_COUNT; stream++) {
        const LogConfig *log = &instance->planned->config->log[stream];
        if (log->kind == LOGFILE_AUTO)
            instance->logfiles[stream] = make_autolog(instance, (Stream)stream);
        else if (log->kind == LOGFILE_PATH)
            instance->logfiles[stream] = g_strdup(log->path);
    }
}

static int open_stream(Instance *instance, Stream stream)
{
    const InstanceContext *context = instance->context;
    const ProcessConfig *config = instance->planned->config;
    const LogConfig *log = &config->log[stream];
    FifoOwner owner = {0};
    /* A listener's standard output is its side of the protocol: it is read elsewhere and put here. */
    bool is_protocol = config->kind == PROGRAM_EVENTLISTENER && stream == STREAM_STDOUT;
    g_autofree char *fifo = launch_fifo_path(instance->planned, &context->launch, stream_names[stream]);

    owner.is_other = launch_owner(config, &context->launch, &owner.uid);
    return pump_add(context->pump,
                    &(PumpStreamConfig){
                        .fifo_path = fifo,
                        .is_fed = is_protocol,
                        .owner = owner,
                        .fd_store = context->fd_store,
                        .process = config->name,
                        .group = instance->planned->group->config->name,
                        .unit = instance->planned->unit,
                        .user_manager = context->launch.user_manager,
                        .stream = stream,
                        .logfile = instance->logfiles[stream],
                        .maxbytes = log->maxbytes,
                        .backups = log->backups,
                        .syslog = log->syslog,
                        .strip_ansi = context->strip_ansi,
                        .journal = log->journal,
                        .capture_maxbytes = is_protocol ? 0 : log->capture_maxbytes,
                        .events_enabled = !is_protocol && log->events_enabled,
                    },
                    &instance->streams[stream]);
}

static bool has_stream(const Instance *instance, Stream stream)
{
    return stream == STREAM_STDOUT || !instance->planned->config->redirect_stderr;
}

static bool needs_stream(const Instance *instance, int stream)
{
    return !instance->streams[stream] && has_stream(instance, (Stream)stream);
}

bool instance_logs_to_journal(const Instance *instance, Stream stream)
{
    const LogConfig *log = &instance->planned->config->log[stream];

    return log->kind == LOGFILE_NONE && log->journal && has_stream(instance, stream);
}

JournalLog *instance_journal_log(const Instance *instance, Stream stream)
{
    return instance->streams[stream] ? pump_stream_journal_log(instance->streams[stream]) : NULL;
}

int instance_output_open(Instance *instance)
{
    for (int stream = 0; stream < STREAM_COUNT; stream++) {
        if (!needs_stream(instance, stream))
            continue;
        int r = open_stream(instance, (Stream)stream);
        if (r < 0)
            return r;
    }
    return 0;
}

int instance_output_resume(Instance *instance)
{
    int r = 0;

    for (int stream = 0; stream < STREAM_COUNT && r >= 0; stream++) {
        g_autofree char *fifo =
            launch_fifo_path(instance->planned, &instance->context->launch, stream_names[stream]);
        if (needs_stream(instance, stream) && access(fifo, F_OK) == 0)
            r = open_stream(instance, (Stream)stream);
    }
    return r;
}

void instance_output_remove(Instance *instance)
{
    for (int stream = 0; stream < STREAM_COUNT; stream++) {
        g_autofree char *fifo =
            launch_fifo_path(instance->planned, &instance->context->launch, stream_names[stream]);
        pump_forget(instance->context->fd_store, fifo);
    }
}

void instance_output_set_pid(Instance *instance, pid_t pid)
{
    for (int stream = 0; stream < STREAM_COUNT; stream++) {
        if (instance->streams[stream])
            pump_stream_set_pid(instance->streams[stream], pid);
    }
}

void instance_output_drain(Instance *instance)
{
    for (int stream = 0; stream < STREAM_COUNT; stream++) {
        if (instance->streams[stream])
            pump_stream_drain(instance->streams[stream]);
    }
}

void instance_output_close(Instance *instance)
{
    g_clear_pointer(&instance->stdin_pipe, stdin_pipe_free);
    for (int stream = 0; stream < STREAM_COUNT; stream++)
        pump_stream_remove(g_steal_pointer(&instance->streams[stream]), false);
}

uint64_t instance_log_bytes(const Instance *instance, Stream stream)
{
    return instance->streams[stream] ? pump_stream_bytes(instance->streams[stream]) : 0;
}

int instance_clear_logs(Instance *instance)
{
    int result = 0;

    for (int stream = 0; stream < STREAM_COUNT; stream++) {
        int r = instance->streams[stream] ? pump_stream_clear(instance->streams[stream]) : 0;
        if (r < 0)
            result = r;
    }
    return result;
}

void instance_reopen_logs(Instance *instance)
{
    for (int stream = 0; stream < STREAM_COUNT; stream++) {
        int r = instance->streams[stream] ? pump_stream_reopen(instance->streams[stream]) : 0;
        if (r < 0)
            main_log_write(instance->context->log, LOG_LEVEL_WARN, "could not reopen %s of %s: %s",
                           instance->logfiles[stream] ? instance->logfiles[stream] : stream_names[stream],
                           instance->planned->namespec, g_strerror(-r));
    }
}

int instance_output_write_stdin(Instance *instance, const char *data, size_t size)
{
    const InstanceContext *context = instance->context;

    /* Its standard input is the socket. */
    if (instance->socket)
        return -EPIPE;
    if (!instance->stdin_pipe) {
        g_autofree char *path = launch_fifo_path(instance->planned, &context->launch, "stdin");
        instance->stdin_pipe = stdin_pipe_new(context->event, path);
    }
    return stdin_pipe_write(instance->stdin_pipe, data, size);
}
