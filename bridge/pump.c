#include "bridge/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/backlog.h"
#include "bridge/journal.h"
#include "bridge/pump_internal.h"
#include "bridge/pump_stream.h"
#include "bridge/syslog_sender.h"

/* Large pipes and a rest after each look make few wake-ups of many: a tenth of the CPU for a busy program. */
#define TAKE_BYTES     ((size_t)1024 * 1024)
#define TAKES_PER_REST 64
/* The busiest program should have filled between an eighth and a half of its pipe meanwhile: with less most
 * wake-ups are for nothing, with more it soon stands still before a full pipe, and what was written has left
 * the processor's cache before it is copied. */
#define REST_USEC_MIN 125
#define REST_USEC_MAX 4000
#define FILL_WHOLE    64
/* What is left behind such a take comes faster than it goes: chasing it would cost a call for every line. */
#define SHORT_TAKE ((size_t)64 * 1024)
/* systemd tells the pid of a new process a moment after it has begun to write. */
#define PID_PATIENCE_USEC ((uint64_t)100 * 1000)
/* Beside the FIFO: where its journal log stands. */
#define POSITION_SUFFIX ".position"
/* … and how far the log file is copied to the journal. */
#define MARK_SUFFIX ".copied"

static bool stream_is_held_up(const PumpStream *stream)
{
    return stream->outlet && outlet_is_full(stream->outlet);
}

/* Bytes in the FIFO. */
static size_t stream_waiting(const PumpStream *stream)
{
    int waiting = 0;

    return ioctl(stream->fd, FIONREAD, &waiting) == 0 && waiting > 0 ? (size_t)waiting : 0;
}

/* Takes until the FIFO is empty or `size` bytes are in. Unless `all`, it stops at a special file that is
 * full, which holds up the program then, as a terminal would. */
static size_t stream_take(PumpStream *stream, size_t size, bool all)
{
    size_t taken = 0;

    while (taken < size && (all || !stream_is_held_up(stream))) {
        ssize_t count = pump_output_take(stream, size - taken);

        if (count <= 0)
            break;
        taken += (size_t)count;
        if (!all && (size_t)count < SHORT_TAKE && stream_waiting(stream) < SHORT_TAKE)
            break;
    }
    stream->taken += taken;
    if (!all)
        stream->pump->fill = MAX(stream->pump->fill, (unsigned)(taken * FILL_WHOLE / stream->pipe_bytes));
    if (taken > 0 && stream->copy)
        copy_queue_schedule(stream->pump->copies, stream->copy);
    return taken;
}

uint64_t pump_stream_bytes(const PumpStream *stream)
{
    return stream->taken;
}

static void stream_stop_rest(PumpStream *stream)
{
    if (stream->is_resting)
        g_queue_unlink(&stream->pump->resting, &stream->rest_link);
    stream->is_resting = false;
}

static void pump_set_rest(Pump *pump, uint64_t usec)
{
    (void)sd_event_source_set_time_relative(pump->rest, usec);
    (void)sd_event_source_set_enabled(pump->rest, SD_EVENT_ONESHOT);
}

static void stream_start_rest(PumpStream *stream)
{
    Pump *pump = stream->pump;

    (void)sd_event_source_set_enabled(stream->input, SD_EVENT_OFF);
    if (pump->resting.length == 0)
        pump_set_rest(pump, pump->rest_usec);
    if (!stream->is_resting)
        g_queue_push_tail_link(&pump->resting, &stream->rest_link);
    stream->is_resting = true;
}

static int on_output_possible(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    PumpStream *stream = userdata;

    outlet_flush(stream->outlet);
    if (stream_is_held_up(stream))
        return 0;
    stream->output = sd_event_source_disable_unref(stream->output);
    (void)sd_event_source_set_enabled(stream->input, SD_EVENT_ON);
    return 0;
}

static void stream_hold_up(PumpStream *stream)
{
    int fd = logfile_fd(outlet_file(stream->outlet));

    (void)sd_event_source_set_enabled(stream->input, SD_EVENT_OFF);
    /* What cannot be waited for (EPERM) is looked at after a rest. */
    if (!stream->output &&
        sd_event_add_io(stream->pump->event, &stream->output, fd, EPOLLOUT, on_output_possible, stream) < 0)
        stream_start_rest(stream);
}

static void stream_decide(PumpStream *stream, size_t taken, bool rested)
{
    if (stream_is_held_up(stream))
        stream_hold_up(stream);
    else if (rested && taken == 0)
        (void)sd_event_source_set_enabled(stream->input, SD_EVENT_ON);
    else
        stream_start_rest(stream);
}

static void stream_end_patience(PumpStream *stream)
{
    if (!stream->patience)
        return;
    stream->patience = sd_event_source_disable_unref(stream->patience);
    (void)sd_event_source_set_enabled(stream->input, SD_EVENT_ON);
}

static int on_patience(sd_event_source *source, uint64_t usec, void *userdata)
{
    PumpStream *stream = userdata;

    stream->out_of_patience = true;
    stream_end_patience(stream);
    return 0;
}

/* An event names the process, and the process writes before systemd has told who it is. */
static bool stream_awaits_pid(PumpStream *stream)
{
    if (stream->pid != 0 || stream->out_of_patience ||
        (!stream->capture && !output_events_wants_log(stream->events)))
        return false;
    if (!stream->patience &&
        sd_event_add_time_relative(stream->pump->event, &stream->patience, CLOCK_MONOTONIC, PID_PATIENCE_USEC,
                                   0, on_patience, stream) < 0)
        return false;
    (void)sd_event_source_set_enabled(stream->input, SD_EVENT_OFF);
    return true;
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    PumpStream *stream = userdata;

    if (stream_awaits_pid(stream))
        return 0;
    stream_decide(stream, stream_take(stream, TAKE_BYTES, false), false);
    return 0;
}

/* By what those who rested had to say. */
static void pump_adjust_rest(Pump *pump)
{
    if (pump->fill > FILL_WHOLE / 2)
        pump->rest_usec = MAX(pump->rest_usec / 2, REST_USEC_MIN);
    else if (pump->fill < FILL_WHOLE / 8)
        pump->rest_usec = MIN(pump->rest_usec * 2, REST_USEC_MAX);
    pump->fill = 0;
}

/* Those who rested are looked at without asking epoll; who has nothing to say goes back to it. */
static int on_rest(sd_event_source *source, uint64_t usec, void *userdata)
{
    Pump *pump = userdata;
    guint count = MIN(pump->resting.length, TAKES_PER_REST);
    bool all = count == pump->resting.length;

    for (guint i = 0; i < count; i++) {
        PumpStream *stream = g_queue_peek_head(&pump->resting);

        stream_stop_rest(stream);
        if (stream_is_held_up(stream))
            outlet_flush(stream->outlet);
        if (!stream_awaits_pid(stream))
            stream_decide(stream, stream_take(stream, TAKE_BYTES, false), true);
    }
    if (all)
        pump_adjust_rest(pump);
    if (pump->resting.length > 0)
        pump_set_rest(pump, all ? pump->rest_usec : 0);
    return 0;
}

int pump_new_with_sockets(sd_event *event, MainLog *log, EventBus *events, const char *journal_path,
                          const char *syslog_path,
                          int (*was_sent)(const char *match, uint64_t since, void *userdata), Pump **ret)
{
    g_autoptr(Pump) pump = g_new0(Pump, 1);
    int r;

    pump->event = sd_event_ref(event);
    pump->log = log;
    pump->events = events;
    pump->was_sent = was_sent;
    pump->lookup = journal_lookup_new(event);
    pump->rest_usec = REST_USEC_MAX;
    pump->buffer = g_malloc(PUMP_READ_BYTES);
    pump->stripped = g_malloc(PUMP_READ_BYTES + PUMP_HELD_BYTES);
    r = copy_queue_new(event, journal_path, syslog_path, &pump->copies);
    if (r < 0)
        return r;
    /* An accuracy of 1 us, since 0 means a quarter of a second. */
    r = sd_event_add_time(event, &pump->rest, CLOCK_MONOTONIC, 0, 1, on_rest, pump);
    if (r < 0)
        return r;
    r = sd_event_source_set_enabled(pump->rest, SD_EVENT_OFF);
    if (r < 0)
        return r;
    *ret = g_steal_pointer(&pump);
    return 0;
}

int pump_new(sd_event *event, MainLog *log, EventBus *events, Pump **ret)
{
    return pump_new_with_sockets(event, log, events, JOURNAL_SOCKET, SYSLOG_SENDER_SOCKET, journal_lookup_ask,
                                 ret);
}

/* Nobody will tell any more who wrote the last lines, nor finish them. */
static void stream_release_copy(PumpStream *stream)
{
    if (!stream->copy) {
        copy_mark_free(stream->mark);
        return;
    }
    backlog_claim(journal_copy_backlog(stream->copy), BACKLOG_WRITER_NOBODY);
    journal_copy_end_line(stream->copy);
    copy_queue_schedule(stream->pump->copies, stream->copy);
    copy_queue_release(stream->pump->copies, stream->copy);
}

static void stream_free(PumpStream *stream)
{
    Pump *pump = stream->pump;

    stream_stop_rest(stream);
    g_queue_unlink(&pump->streams, &stream->link);
    sd_event_source_disable_unref(stream->input);
    sd_event_source_disable_unref(stream->output);
    sd_event_source_disable_unref(stream->patience);
    stream_release_copy(stream);
    journal_log_unref(stream->journal_log);
    outlet_free(stream->outlet);
    capture_free(stream->capture);
    output_events_free(stream->events);
    if (stream->fd >= 0)
        close(stream->fd);
    g_free(stream->fifo_path);
    g_free(stream->name);
    g_free(stream->group);
    g_free(stream->unit);
    g_free(stream);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PumpStream, stream_free)

void pump_free(Pump *pump)
{
    if (!pump)
        return;
    while (pump->streams.head)
        stream_free(pump->streams.head->data);
    copy_queue_free(pump->copies);
    journal_lookup_free(pump->lookup);
    sd_event_source_disable_unref(pump->rest);
    sd_event_unref(pump->event);
    g_free(pump->buffer);
    g_free(pump->stripped);
    g_free(pump);
}

static void stream_keep_fifo(PumpStream *stream)
{
    int r = fifo_keep(stream->fd_store, stream->fifo_path, stream->fd);

    if (r < 0)
        main_log_write(stream->pump->log, LOG_LEVEL_WARN,
                       "systemd cannot keep %s of %s for the next supervisord: %s",
                       stream->stream == STREAM_STDERR ? "stderr" : "stdout", stream->name, g_strerror(-r));
}

static void stream_share_file(PumpStream *stream)
{
    stream->shares_file = true;
    if (stream->mark)
        copy_mark_set_shared(stream->mark);
}

/* Two streams with the same log file write through one Logfile, or the rotation of one would be none of the
 * other's business. */
static int pump_open_logfile(Pump *pump, PumpStream *stream, const char *path, Logfile **ret)
{
    for (GList *link = pump->streams.head; link; link = link->next) {
        PumpStream *other = link->data;
        Logfile *file = other->outlet ? outlet_file(other->outlet) : NULL;

        if (file && strcmp(logfile_path(file), path) == 0 && !logfile_is_special(file)) {
            *ret = logfile_ref(file);
            stream_share_file(other);
            stream_share_file(stream);
            return 0;
        }
    }
    return logfile_open(path, stream->maxbytes, stream->backups, ret);
}

static void stream_open_outlet(PumpStream *stream, const char *path)
{
    Pump *pump = stream->pump;
    Logfile *file = NULL;
    int r = pump_open_logfile(pump, stream, path, &file);

    if (r < 0)
        main_log_write(pump->log, LOG_LEVEL_ERROR, "cannot open the log file %s of %s: %s", path,
                       stream->name, g_strerror(-r));
    stream->outlet = outlet_new(path, file, stream->name, pump->log);
}

static int stream_open_journal_log(PumpStream *stream)
{
    g_autofree char *path = g_strdup_printf("%s" POSITION_SUFFIX, stream->fifo_path);

    return journal_log_open(path, &stream->journal_log);
}

/* Without privileges it is as large as the kernel has made it. */
static size_t stream_pipe_bytes(const PumpStream *stream)
{
    int size = stream->fd >= 0 ? fcntl(stream->fd, F_GETPIPE_SZ) : 0;

    return size > 0 ? (size_t)size : TAKE_BYTES;
}

/* Without it nothing is worse than that a crash costs a few lines of the copy. */
static CopyMark *stream_open_mark(const PumpStream *stream)
{
    g_autofree char *path = g_strconcat(stream->fifo_path, MARK_SUFFIX, NULL);
    const Logfile *file = stream->outlet ? outlet_file(stream->outlet) : NULL;
    CopyMark *mark = NULL;

    if (!file || !logfile_can_splice(file))
        return NULL;
    int r = copy_mark_open(path, &mark);
    if (r < 0)
        main_log_write(stream->pump->log, LOG_LEVEL_WARN, "cannot make %s: %s", path, g_strerror(-r));
    return mark;
}

static void on_uncopied(const LogExtent *extent, void *userdata)
{
    pump_output_push_extent(userdata, extent);
}

/* What an earlier bridge wrote to the file and did not get to the journal any more. */
static void stream_resume_copy(PumpStream *stream)
{
    Logfile *file;

    if (!stream->mark)
        return;
    file = outlet_file(stream->outlet);
    const LogPlace place = copy_mark_place(stream->mark);
    /* On a file system that does not tell files apart it goes on with what is new. */
    if (copy_mark_is_set(stream->mark) && !copy_mark_is_shared(stream->mark) && place.inode != 0) {
        JournalCopy *copy = pump_output_copy(stream);
        logfile_since(file, &place, on_uncopied, stream);
        copy_queue_schedule(stream->pump->copies, copy);
    } else {
        const LogPlace end = logfile_end(file);
        copy_mark_finish(stream->mark, &end, false);
    }
    if (stream->shares_file)
        copy_mark_set_shared(stream->mark);
}

static void stream_prepare_copy(PumpStream *stream, const PumpStreamConfig *config)
{
    stream->to_journal = config->journal;
    stream->to_syslog = config->syslog;
    if (!config->journal && !config->syslog)
        return;
    stream->group = g_strdup(config->group);
    stream->unit = g_strdup(config->unit);
    stream->user_manager = config->user_manager;
    stream->mark = stream_open_mark(stream);
    stream_resume_copy(stream);
}

int pump_add(Pump *pump, const PumpStreamConfig *config, PumpStream **ret)
{
    g_autoptr(PumpStream) stream = NULL;
    int fd = !config->is_fed ? fifo_open(config->fd_store, config->fifo_path, &config->owner) : -1;
    int r = 0;

    if (!config->is_fed && fd < 0)
        return fd;
    stream = g_new0(PumpStream, 1);
    stream->pump = pump;
    stream->fd = fd;
    stream->pipe_bytes = stream_pipe_bytes(stream);
    stream->fifo_path = g_strdup(config->fifo_path);
    stream->fd_store = config->fd_store;
    stream->name = g_strdup(config->process);
    stream->stream = config->stream;
    stream->maxbytes = config->maxbytes;
    stream->backups = config->backups;
    stream->strips_ansi = config->strip_ansi;
    stream->events = output_events_new(pump->events, config->process, config->group, config->stream,
                                       config->events_enabled);
    if (config->capture_maxbytes > 0)
        stream->capture = capture_new(config->capture_maxbytes, pump_output_on_capture, stream);
    stream->link.data = stream->rest_link.data = stream;
    g_queue_push_tail_link(&pump->streams, &stream->link);
    if (fd >= 0)
        r = sd_event_add_io(pump->event, &stream->input, fd, EPOLLIN, on_input, stream);
    if (r < 0)
        return r;
    if (config->logfile)
        stream_open_outlet(stream, config->logfile);
    else if (config->journal)
        r = stream_open_journal_log(stream);
    if (r < 0)
        return r;
    stream_prepare_copy(stream, config);
    if (fd >= 0)
        stream_keep_fifo(stream);
    *ret = g_steal_pointer(&stream);
    return 0;
}

void pump_forget(FdStore *fd_store, const char *fifo_path)
{
    g_autofree char *mark = g_strconcat(fifo_path, MARK_SUFFIX, NULL);
    g_autofree char *position = g_strconcat(fifo_path, POSITION_SUFFIX, NULL);

    fifo_remove(fd_store, fifo_path);
    (void)unlink(mark);
    (void)unlink(position);
}

void pump_stream_put(PumpStream *stream, const char *data, size_t size)
{
    while (size > 0) {
        size_t count = MIN(size, PUMP_READ_BYTES);

        pump_output_accept(stream, data, count);
        data += count;
        size -= count;
    }
    if (stream_is_held_up(stream))
        stream_hold_up(stream);
    if (stream->copy)
        copy_queue_schedule(stream->pump->copies, stream->copy);
}

void pump_stream_remove(PumpStream *stream, bool remove_fifo)
{
    if (!stream)
        return;
    pump_stream_drain(stream);
    if (remove_fifo)
        pump_forget(stream->fd_store, stream->fifo_path);
    stream_free(stream);
}

void pump_stream_set_pid(PumpStream *stream, pid_t pid)
{
    stream->pid = pid;
    stream->out_of_patience = false;
    if (pid == 0)
        return;
    stream_end_patience(stream);
    if (!stream->copy)
        return;
    backlog_claim(journal_copy_backlog(stream->copy), pid);
    copy_queue_schedule(stream->pump->copies, stream->copy);
}

void pump_stream_drain(PumpStream *stream)
{
    size_t waiting = stream_waiting(stream);

    /* Children of the program may write on for ever: what is there now is enough. */
    if (waiting > 0)
        (void)stream_take(stream, waiting, true);
    pump_output_finish(stream);
    if (stream_is_held_up(stream))
        stream_hold_up(stream);
    if (!stream->copy)
        return;
    backlog_claim(journal_copy_backlog(stream->copy), BACKLOG_WRITER_NOBODY);
    journal_copy_end_line(stream->copy);
    copy_queue_schedule(stream->pump->copies, stream->copy);
}

/* A file that could not be opened before is tried again. */
static int stream_renew_file(PumpStream *stream, int (*renew)(Logfile *file))
{
    Logfile *file;
    int r;

    if (!stream->outlet)
        return 0;
    stream->output = sd_event_source_disable_unref(stream->output);
    file = outlet_file(stream->outlet);
    if (file) {
        r = renew(file);
    } else {
        r = pump_open_logfile(stream->pump, stream, outlet_path(stream->outlet), &file);
        if (r == 0)
            outlet_set_file(stream->outlet, file);
    }
    if (stream_is_held_up(stream))
        stream_hold_up(stream);
    return r;
}

int pump_stream_reopen(PumpStream *stream)
{
    return stream_renew_file(stream, logfile_reopen);
}

/* The journal forgets nothing on demand; what was there is no part of this log any more. A line that is not
 * finished ends there, or what comes next would not begin with the log. */
static void stream_clear_journal_log(PumpStream *stream)
{
    if (!stream->journal_log)
        return;
    if (stream->copy) {
        journal_copy_end_line(stream->copy);
        copy_queue_schedule(stream->pump->copies, stream->copy);
    }
    journal_log_clear(stream->journal_log);
}

int pump_stream_clear(PumpStream *stream)
{
    stream_clear_journal_log(stream);
    return stream_renew_file(stream, logfile_remove);
}

JournalLog *pump_stream_journal_log(const PumpStream *stream)
{
    return stream->journal_log;
}
