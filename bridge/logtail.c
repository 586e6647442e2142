#include "bridge/logtail.h"

#include <errno.h>
#include <string.h>

#include "bridge/follower.h"
#include "bridge/http_stream.h"
#include "bridge/journal_follower.h"
#include "bridge/rpc_target.h"

enum {
    /* What a client sees first. */
    HEAD = 1024,
    /* Read only when the client has taken the piece before: more than this is never held for it. */
    PIECE = 16 << 10,
    /* Each follower holds a connection; somebody else must still get in. */
    SESSION_LIMIT = 256,
    /* Together they get about this much in this time, so that sending to a crowd leaves the loop to others.
     */
    WINDOW_BYTES = 1 << 20,
    WINDOW_USEC = 20 * 1000,
};

/* A log file, or a log in the journal. */
typedef struct Source {
    ssize_t (*read)(void *follower, char *buffer, size_t size);
    void (*pause)(void *follower, uint64_t usec);
    void (*free)(void *follower);
} Source;

typedef struct Session {
    HttpStream *stream;
    const Source *source;
    void *follower;
    Instance *instance; /* NULL: the daemon's own log */
    unsigned watch;
    gint64 window_end;
    size_t window_bytes; /* sent since that window began */
} Session;

static unsigned session_count;

static ssize_t file_read(void *follower, char *buffer, size_t size)
{
    return follower_read(follower, buffer, size);
}

static void file_pause(void *follower, uint64_t usec)
{
    follower_pause(follower, usec);
}

static void file_free(void *follower)
{
    follower_free(follower);
}

static ssize_t journal_read(void *follower, char *buffer, size_t size)
{
    return journal_follower_read(follower, buffer, size);
}

static void journal_pause(void *follower, uint64_t usec)
{
    journal_follower_pause(follower, usec);
}

static void journal_free(void *follower)
{
    journal_follower_free(follower);
}

static const Source file_source = {file_read, file_pause, file_free};
static const Source journal_source = {journal_read, journal_pause, journal_free};

static void session_free(Session *session)
{
    session_count--;
    if (session->instance)
        instance_unwatch(session->instance, session->watch);
    session->source->free(session->follower);
    g_free(session);
}

static void end(Session *session)
{
    http_stream_end(session->stream);
    session_free(session);
}

/* Whether it has had its share. A crowd has long windows and at least one piece each. */
static bool is_sated(Session *session)
{
    gint64 now = g_get_monotonic_time();
    size_t share = WINDOW_BYTES / session_count;

    if (now >= session->window_end) {
        session->window_end = now + WINDOW_USEC * MAX(1, (gint64)PIECE * session_count / WINDOW_BYTES);
        session->window_bytes = 0;
    }
    if (session->window_bytes < MAX(share, PIECE))
        return false;
    session->source->pause(session->follower, (uint64_t)(session->window_end - now));
    return true;
}

static void send_more(Session *session)
{
    char piece[PIECE];

    if (is_sated(session))
        return;
    ssize_t n = session->source->read(session->follower, piece, sizeof piece);
    if (n < 0 || (n > 0 && http_stream_append(session->stream, piece, (size_t)n) < 0))
        end(session);
    else
        session->window_bytes += (size_t)n;
}

static void on_drained(HttpStream *stream, void *userdata)
{
    send_more(userdata);
}

static void on_wake(Follower *follower, void *userdata)
{
    send_more(userdata);
}

static void on_journal_wake(JournalFollower *follower, void *userdata)
{
    send_more(userdata);
}

static void on_abandoned(void *userdata)
{
    session_free(userdata);
}

static void on_instance_changed(Instance *instance, void *userdata)
{
    /* Its log goes on after it has stopped, as in the oracle: it may be started again. */
}

static void on_instance_gone(Instance *instance, void *userdata)
{
    Session *session = userdata;

    session->instance = NULL;
    end(session);
}

static unsigned status_of(int error)
{
    return error == -ENOENT || error == -ENOTDIR ? 404 : 500;
}

static const HttpStreamCallbacks callbacks = {.drained = on_drained, .abandoned = on_abandoned};

static void begin(HttpRequest *request, Session *session, Instance *instance, time_t modified)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(modified);
    g_autofree char *text = date ? g_date_time_format(date, "%a, %d %b %Y %H:%M:%S GMT") : NULL;
    /* Keeps nginx in front of us from collecting before it passes on. */
    const HttpHeader headers[] = {
        {"Last-Modified", text ? text : ""}, {instance ? "X-Accel-Buffering" : NULL, "no"}, {NULL, NULL}};

    session_count++;
    session->stream =
        http_request_stream(request, 200, "text/plain;charset=utf-8", headers, &callbacks, session);
    if (!session->stream) {
        session_free(session);
        return;
    }
    session->instance = instance;
    if (instance)
        session->watch = instance_watch(instance, on_instance_changed, on_instance_gone, session);
}

static bool is_crowded(HttpRequest *request)
{
    if (session_count < SESSION_LIMIT)
        return false;
    http_request_reply_error(request, 503);
    return true;
}

static void follow_file(Manager *manager, HttpRequest *request, const char *path, Instance *instance)
{
    Follower *follower = NULL;

    if (is_crowded(request))
        return;
    Session *session = g_new0(Session, 1);
    int r = path ? follower_open(manager_event(manager), path, HEAD, on_wake, session, &follower) : -ENOENT;
    if (r < 0) {
        g_free(session);
        http_request_reply_error(request, status_of(r));
        return;
    }
    session->source = &file_source;
    session->follower = follower;
    begin(request, session, instance, follower_modified(follower));
}

static void follow_journal(Manager *manager, HttpRequest *request, Instance *instance, Stream stream)
{
    JournalFollower *follower = NULL;

    if (is_crowded(request))
        return;
    Session *session = g_new0(Session, 1);
    int r = journal_follower_open(manager_event(manager), instance_journal_log(instance, stream), HEAD,
                                  on_journal_wake, session, &follower);
    if (r < 0) {
        g_free(session);
        http_request_reply_error(request, status_of(r));
        return;
    }
    session->source = &journal_source;
    session->follower = follower;
    begin(request, session, instance, time(NULL));
}

/* "/logtail/NAME[/CHANNEL]" in the oracle's reading: "/logtailANYTHING/NAME" will do; without a second slash
 * it stumbles. Returns false for the latter. */
static bool split_path(const char *path, char **ret_name, const char **ret_channel)
{
    const char *name = strchr(path + strspn(path, "/"), '/');

    if (!name)
        return false;
    const char *channel = strchr(++name, '/');
    *ret_name = channel ? g_strndup(name, (gsize)(channel - name)) : g_strdup(name);
    *ret_channel = channel ? channel + 1 : "stdout";
    return true;
}

static const struct {
    const char *name;
    Stream stream;
} channels[] = {{"stdout", STREAM_STDOUT}, {"stderr", STREAM_STDERR}};

static void follow_process(Manager *manager, HttpRequest *request, Instance *instance, const char *channel)
{
    for (size_t i = 0; i < G_N_ELEMENTS(channels); i++) {
        if (strcmp(channels[i].name, channel) != 0)
            continue;
        if (instance_logs_to_journal(instance, channels[i].stream))
            follow_journal(manager, request, instance, channels[i].stream);
        else
            follow_file(manager, request, instance_logfile(instance, channels[i].stream), instance);
        return;
    }
    http_request_reply_error(request, 404);
}

static bool is_get(HttpRequest *request)
{
    bool get = strcmp(http_request_method(request), "GET") == 0;

    if (!get)
        http_request_reply_error(request, 400);
    return get;
}

void logtail_handle_process(Manager *manager, HttpRequest *request)
{
    g_autofree char *name = NULL;
    const char *channel;
    Instance *instance = NULL;

    if (!is_get(request))
        return;
    if (!split_path(http_request_path(request), &name, &channel))
        http_request_reply_error(request, 500);
    else if (rpc_target_find_process(manager, name, &instance) != 0)
        http_request_reply_error(request, 404);
    else
        follow_process(manager, request, instance, channel);
}

void logtail_handle_main(Manager *manager, HttpRequest *request)
{
    if (is_get(request))
        follow_file(manager, request, main_log_path(manager_log(manager)), NULL);
}
