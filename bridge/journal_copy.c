#include "bridge/journal_copy.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* A longer line becomes several entries. Well below what journald takes (768 MiB), since we hold it in
 * memory. */
#define LINE_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define READ_BYTES     ((size_t)64 * 1024)
/* What one run may do before others have their turn. */
#define ENTRIES_PER_RUN 256
#define PIECES_PER_RUN  16
/* systemd tells the pid of a new process a moment after it has begun to write. */
#define WRITER_GRACE_USEC ((uint64_t)100 * 1000)

/* An entry that was on its way when the bridge died is looked for so often and so long. */
#define DOUBT_INTERVAL_USEC ((uint64_t)50 * 1000)
/* While somebody is looking. */
#define DOUBT_LOOKING_USEC  ((uint64_t)2 * 1000)
#define DOUBT_PATIENCE_USEC ((uint64_t)2 * 1000 * 1000)

struct JournalCopy {
    JournalCopyConfig config;
    char *process;
    char *match; /* what finds its entries in the journal */
    Backlog *backlog;
    GByteArray *fields;  /* of every entry, up to and including the name of the message's field */
    GByteArray *partial; /* the beginning of a line, already out of the backlog */
    GByteArray *place;   /* fields that say where in the log the entry is that is being sent */
    pid_t partial_writer;
    bool partial_ends;   /* its writer has ended: it is a whole line now */
    bool was_cut;        /* a line was too long: the newline that may follow is its end */
    uint64_t gap;        /* bytes that did not get as far as here, not told yet */
    uint64_t window;     /* beginning of the current interval */
    uint64_t sent;       /* lines in it */
    uint64_t suppressed; /* bytes over the limit, not told yet */
    bool skipping;       /* the end of a line that was over the limit is still to come */
    unsigned quota;      /* entries that this run may still send */
    LogPlace reached;    /* behind what was taken out of the backlog, also into `partial` */
    /* After a crash: the first line may be in the journal already. */
    uint64_t doubt;          /* when it was about to be sent; 0: no doubt */
    uint64_t doubt_deadline; /* monotonic; 0: not asked yet */
    bool first_was_sent;
    LogPlace first_behind;
};

static void append_string_field(GByteArray *fields, const char *name, const char *value)
{
    journal_append_field(fields, name, value, strlen(value));
}

/* SUPERVISOR_ID is what reading back looks for: one match on one field is fast, two ANDed ones are not. */
static GByteArray *make_fields(const JournalCopyConfig *config, char **ret_match)
{
    static const char *const stream_names[STREAM_COUNT] = {"stdout", "stderr"};
    /* Standard error stands out, but is no error by itself: many programs write all they have to say there.
     */
    static const char *const priorities[STREAM_COUNT] = {"6", "4"};
    const char *stream = stream_names[config->stream];
    bool alone = strcmp(config->process, config->group) == 0;
    g_autofree char *id =
        g_strdup_printf("%s%s%s:%s", alone ? "" : config->group, alone ? "" : ":", config->process, stream);
    GByteArray *fields = g_byte_array_new();

    append_string_field(fields, "SUPERVISOR_PROCESS", config->process);
    append_string_field(fields, "SUPERVISOR_GROUP", config->group);
    append_string_field(fields, "SUPERVISOR_STREAM", stream);
    append_string_field(fields, "SUPERVISOR_ID", id);
    *ret_match = g_strconcat("SUPERVISOR_ID=", id, NULL);
    append_string_field(fields, "PRIORITY", priorities[config->stream]);
    append_string_field(fields, "SYSLOG_IDENTIFIER", config->process);
    append_string_field(fields, config->user_manager ? "OBJECT_SYSTEMD_USER_UNIT" : "OBJECT_SYSTEMD_UNIT",
                        config->unit);
    /* Always in the form with a length: the message may hold anything. */
    g_byte_array_append(fields, (const guint8 *)"MESSAGE\n", 8);
    return fields;
}

static void take_up_mark(JournalCopy *copy)
{
    const CopyMark *mark = copy->config.mark;

    if (!mark || !copy_mark_is_set(mark))
        return;
    copy->reached = copy_mark_place(mark);
    copy->was_cut = copy_mark_was_cut(mark);
    if (copy->config.journal)
        copy->doubt = copy_mark_doubt(mark, &copy->first_behind);
}

JournalCopy *journal_copy_new(const JournalCopyConfig *config)
{
    JournalCopy *copy = g_new0(JournalCopy, 1);

    copy->config = *config;
    copy->process = g_strdup(config->process);
    copy->config.process = copy->process;
    copy->config.group = copy->config.unit = NULL;
    if (config->log)
        journal_log_ref(config->log);
    copy->place = g_byte_array_new();
    copy->backlog = backlog_new(config->memory_limit);
    copy->fields = make_fields(config, &copy->match);
    copy->partial = g_byte_array_new();
    take_up_mark(copy);
    return copy;
}

void journal_copy_free(JournalCopy *copy)
{
    if (!copy)
        return;
    backlog_free(copy->backlog);
    g_byte_array_unref(copy->fields);
    g_byte_array_unref(copy->partial);
    g_byte_array_unref(copy->place);
    journal_log_unref(copy->config.log);
    copy_mark_free(copy->config.mark);
    g_free(copy->process);
    g_free(copy->match);
    g_free(copy);
}

Backlog *journal_copy_backlog(JournalCopy *copy)
{
    return copy->backlog;
}

void journal_copy_end_line(JournalCopy *copy)
{
    if (backlog_end_line(copy->backlog))
        return;
    copy->partial_ends = copy->partial->len > 0;
    copy->skipping = false;
}

static int send_entry(JournalCopy *copy, Journal *journal, pid_t writer, const void *head, size_t head_size,
                      const void *tail, size_t tail_size)
{
    const uint64_t length = htole64((uint64_t)(head_size + tail_size));
    const struct iovec parts[] = {
        {.iov_base = copy->place->data, .iov_len = copy->place->len},
        {.iov_base = copy->fields->data, .iov_len = copy->fields->len},
        {.iov_base = (void *)&length, .iov_len = sizeof(length)},
        {.iov_base = (void *)head, .iov_len = head_size},
        {.iov_base = (void *)tail, .iov_len = tail_size},
        {.iov_base = (void *)"\n", .iov_len = 1},
    };

    return journal_send(journal, writer > 0 ? writer : 0, parts, G_N_ELEMENTS(parts));
}

static void send_syslog(JournalCopy *copy, SyslogSender *syslog, const void *head, size_t head_size,
                        const void *tail, size_t tail_size)
{
    GByteArray *line;

    /* Where journald listens for syslog, the entry just sent is all that it would make of this. */
    if (!syslog || !copy->config.syslog || (copy->config.journal && syslog_sender_is_journald(syslog)))
        return;
    line = g_byte_array_sized_new((guint)(head_size + tail_size));
    g_byte_array_append(line, head, (guint)head_size);
    g_byte_array_append(line, tail, (guint)tail_size);
    (void)syslog_sender_send(syslog, copy->process, (const char *)line->data, line->len);
    g_byte_array_unref(line);
}

/* `size` bytes of output more are dealt with: everything before `behind`. */
static void pass(JournalCopy *copy, uint64_t size, const LogPlace *behind, bool is_cut)
{
    if (copy->config.log)
        journal_log_pass(copy->config.log, size);
    copy->reached = *behind;
    if (copy->config.mark && behind->inode != 0)
        copy_mark_finish(copy->config.mark, behind, is_cut);
}

/* What has come behind copy->partial and makes an entry of it. */
typedef struct Line {
    pid_t writer;
    const void *data;
    size_t size;
    bool newline;    /* one that is not in `data` ends it */
    bool is_cut;     /* it goes on, but is too long for one entry */
    LogPlace behind; /* in the log */
} Line;

static uint64_t line_length(const JournalCopy *copy, const Line *line)
{
    return copy->partial->len + line->size + (line->newline ? 1 : 0);
}

static bool is_same_place(const LogPlace *a, const LogPlace *b)
{
    return a->device == b->device && a->inode == b->inode && a->born == b->born && a->offset == b->offset;
}

/* The first line after a crash, and the journal has it already. */
static bool line_was_sent(JournalCopy *copy, const Line *line)
{
    bool was_sent = copy->first_was_sent && is_same_place(&line->behind, &copy->first_behind);

    copy->first_was_sent = false;
    return was_sent;
}

static int send_line(JournalCopy *copy, Journal *journal, const Line *line)
{
    const GByteArray *partial = copy->partial;
    LogPlace before = {0};

    if (line_was_sent(copy, line))
        return 0;
    if (copy->config.log)
        journal_log_fields(copy->config.log, line_length(copy, line), copy->place);
    if (copy->config.mark) {
        before = copy_mark_place(copy->config.mark);
        copy_mark_begin(copy->config.mark, &line->behind);
    }
    int r = send_entry(copy, journal, line->writer, partial->data, partial->len, line->data, line->size);
    if (r == -EAGAIN && copy->config.mark)
        copy_mark_finish(copy->config.mark, &before, copy_mark_was_cut(copy->config.mark));
    g_byte_array_set_size(copy->place, 0);
    return r;
}

static bool is_limited(const JournalCopy *copy)
{
    return copy->config.rate_burst > 0 && copy->sent >= copy->config.rate_burst;
}

/* 0; -EAGAIN: journald is full; -EBUSY: enough for now. What will never be taken is counted like what is over
 * the limit. */
static int copy_line(JournalCopy *copy, Journal *journal, SyslogSender *syslog, const Line *line)
{
    bool limited = is_limited(copy);
    const GByteArray *partial = copy->partial;
    int r = 0;

    if (!limited && copy->quota == 0)
        return -EBUSY;
    if (copy->config.journal && !limited) {
        r = send_line(copy, journal, line);
        if (r == -EAGAIN)
            return r;
    }
    pass(copy, line_length(copy, line), &line->behind, line->is_cut);
    if (limited || r < 0) {
        copy->suppressed += line_length(copy, line);
    } else {
        copy->sent++;
        copy->quota--;
        send_syslog(copy, syslog, partial->data, partial->len, line->data, line->size);
    }
    g_byte_array_set_size(copy->partial, 0);
    copy->partial_ends = false;
    return 0;
}

/* A note in the place of what is missing. */
static int send_note(JournalCopy *copy, Journal *journal, const char *note)
{
    return copy->config.journal ? send_entry(copy, journal, 0, note, strlen(note), "", 0) : 0;
}

static int tell_gap(JournalCopy *copy, Journal *journal)
{
    g_autofree char *note = NULL;

    if (copy->gap == 0)
        return 0;
    note = g_strdup_printf("[supervisord: %" PRIu64
                           " bytes of output are missing here: the journal did not keep up]",
                           copy->gap);
    if (send_note(copy, journal, note) == -EAGAIN)
        return -EAGAIN;
    copy->gap = 0;
    return 0;
}

/* A new interval begins with the first line after the old one's end. */
static int turn_window(JournalCopy *copy, Journal *journal, uint64_t now)
{
    g_autofree char *note = NULL;

    if (copy->window != 0 && now < copy->window + copy->config.rate_interval)
        return 0;
    if (copy->suppressed > 0) {
        note = g_strdup_printf("[supervisord: %" PRIu64
                               " bytes of output suppressed: too many lines for the journal]",
                               copy->suppressed);
        if (send_note(copy, journal, note) == -EAGAIN)
            return -EAGAIN;
        copy->suppressed = 0;
    }
    copy->window = now;
    copy->sent = 0;
    return 0;
}

/* What is in no file does not move the place. */
static LogPlace place_behind(const JournalCopy *copy, const BacklogPiece *piece, size_t size)
{
    LogPlace place = piece->place;

    if (place.inode == 0)
        return copy->reached;
    place.offset += size;
    return place;
}

/* Sends the whole lines of a piece and keeps the rest. `ret_done`: how much of it is dealt with, also on
 * failure. */
static int copy_lines(JournalCopy *copy, Journal *journal, SyslogSender *syslog, const char *data,
                      const BacklogPiece *piece, size_t *ret_done)
{
    size_t done = 0;
    int r = 0;

    while (done < piece->size) {
        const char *newline = memchr(data + done, '\n', piece->size - done);
        size_t length = newline ? (size_t)(newline - data) - done : piece->size - done;

        const Line line = {.writer = piece->writer,
                           .data = data + done,
                           .size = length,
                           .newline = newline != NULL,
                           .is_cut = !newline,
                           .behind = place_behind(copy, piece, done + length + (newline ? 1 : 0))};

        if (!newline && copy->partial->len + length < LINE_BYTES_MAX) {
            g_byte_array_append(copy->partial, (const guint8 *)data + done, (guint)length);
            copy->partial_writer = piece->writer;
            copy->was_cut = false;
            copy->reached = line.behind;
            done = piece->size;
            break;
        }
        /* The newline right after a cut ends the line that was cut. */
        if (length > 0 || !copy->was_cut)
            r = copy_line(copy, journal, syslog, &line);
        else
            pass(copy, 1, &line.behind, false);
        if (r < 0)
            break;
        copy->was_cut = !newline;
        done += length + (newline ? 1 : 0);
    }
    *ret_done = done;
    return r;
}

static int finish_partial(JournalCopy *copy, Journal *journal, SyslogSender *syslog)
{
    const Line line = {.writer = copy->partial_writer, .data = "", .behind = copy->reached};

    return copy->partial_ends ? copy_line(copy, journal, syslog, &line) : 0;
}

static void suppress(JournalCopy *copy, uint64_t size, const LogPlace *behind)
{
    copy->suppressed += size;
    pass(copy, size, behind, false);
}

/* Over the limit: nothing is read any more, or a flood would cost as much as if it were copied. */
static void skip_backlog(JournalCopy *copy)
{
    BacklogSkipped skipped;

    if (copy->partial->len > 0)
        suppress(copy, copy->partial->len, &copy->reached);
    copy->skipping = copy->skipping || copy->partial->len > 0;
    g_byte_array_set_size(copy->partial, 0);
    copy->partial_ends = copy->was_cut = false;
    while (backlog_skip(copy->backlog, &skipped)) {
        suppress(copy, skipped.size, skipped.behind.inode != 0 ? &skipped.behind : &copy->reached);
        copy->skipping = !skipped.ends_line;
    }
}

/* The rest of a line whose beginning was skipped. Returns how many bytes of the piece that is. */
static size_t skip_line(JournalCopy *copy, const char *data, const BacklogPiece *piece)
{
    const char *newline = memchr(data, '\n', piece->size);
    size_t size = newline ? (size_t)(newline - data) + 1 : piece->size;
    const LogPlace behind = place_behind(copy, piece, size);

    suppress(copy, size, &behind);
    copy->skipping = !newline && !(piece->ends_line && size == piece->size);
    return size;
}

/* One piece of the backlog. As copy_line(). */
static int copy_piece(JournalCopy *copy, Journal *journal, SyslogSender *syslog, const char *data,
                      const BacklogPiece *piece)
{
    size_t done;
    int r;

    if (piece->gap > 0) {
        /* The line before it will not get its end any more. */
        copy->partial_ends = copy->partial->len > 0;
        r = finish_partial(copy, journal, syslog);
        if (r < 0)
            return r;
        const LogPlace behind = place_behind(copy, piece, 0);
        copy->gap += piece->gap;
        pass(copy, piece->gap, &behind, false);
        copy->skipping = false;
        copy->was_cut = false;
        backlog_consume(copy->backlog, 0);
        return tell_gap(copy, journal);
    }
    if (copy->skipping) {
        backlog_consume(copy->backlog, skip_line(copy, data, piece));
        return 0;
    }
    r = copy_lines(copy, journal, syslog, data, piece, &done);
    backlog_consume(copy->backlog, done);
    if (r < 0)
        return r;
    if (piece->ends_line) {
        copy->was_cut = false;
        copy->partial_ends = copy->partial->len > 0;
    }
    return finish_partial(copy, journal, syslog);
}

static JournalCopyResult copy_result(int error)
{
    return error == -EBUSY ? JOURNAL_COPY_MORE : JOURNAL_COPY_BLOCKED;
}

/* What an earlier run could not get rid of. */
static int copy_leftovers(JournalCopy *copy, Journal *journal, SyslogSender *syslog, uint64_t now)
{
    int r = turn_window(copy, journal, now);

    if (r == 0)
        r = tell_gap(copy, journal);
    return r < 0 ? r : finish_partial(copy, journal, syslog);
}

/* Whether the first line is in the journal already. journald may not have read yet what was sent to it. */
static bool settle_doubt(JournalCopy *copy, uint64_t now, uint64_t *ret_later)
{
    if (copy->doubt == 0)
        return true;
    if (copy->doubt_deadline == 0)
        copy->doubt_deadline = now + DOUBT_PATIENCE_USEC;
    int r = copy->config.was_sent(copy->match, copy->doubt, copy->config.was_sent_userdata);
    if (r == -EINPROGRESS) {
        *ret_later = now + DOUBT_LOOKING_USEC;
        return false;
    }
    if (r == 0 && now < copy->doubt_deadline) {
        *ret_later = now + DOUBT_INTERVAL_USEC;
        return false;
    }
    /* Better twice than not at all. */
    copy->first_was_sent = r > 0;
    copy->doubt = 0;
    return true;
}

JournalCopyResult journal_copy_run(JournalCopy *copy, Journal *journal, SyslogSender *syslog, uint64_t now,
                                   uint64_t *ret_later)
{
    char buffer[READ_BYTES];
    BacklogPiece piece;
    unsigned pieces = 0;
    int r;

    if (!settle_doubt(copy, now, ret_later))
        return JOURNAL_COPY_LATER;
    copy->quota = ENTRIES_PER_RUN;
    r = copy_leftovers(copy, journal, syslog, now);
    if (r == 0 && is_limited(copy))
        skip_backlog(copy);
    while (r == 0 && backlog_peek(copy->backlog, buffer, sizeof(buffer), &piece)) {
        if (piece.writer == BACKLOG_WRITER_UNKNOWN && now < piece.since + WRITER_GRACE_USEC) {
            *ret_later = piece.since + WRITER_GRACE_USEC;
            return JOURNAL_COPY_LATER;
        }
        r = pieces++ < PIECES_PER_RUN ? copy_piece(copy, journal, syslog, buffer, &piece) : -EBUSY;
    }
    if (r < 0)
        return copy_result(r);
    if (copy->suppressed == 0)
        return JOURNAL_COPY_DONE;
    *ret_later = copy->window + copy->config.rate_interval;
    return JOURNAL_COPY_LATER;
}
