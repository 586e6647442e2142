#include "bridge/logtail.h"

#include <errno.h>
#include <string.h>

#include "bridge/follower.h"
#include "bridge/http_stream.h"
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

typedef struct Session {
    HttpStream *stream;
    Follower *follower;
    Instance *instance; /* NULL: the daemon's own log */
    unsigned watch;
    gint64 window_end;
    size_t window_bytes; /* sent since that window began */
} Session;

static unsigned session_count;

static void session_free(Session *session)
{
    session_count--;
    if (session->instance)
        instance_unwatch(session->instance, session->watch);
    follower_free(session->follower);
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
    follower_pause(session->follower, (uint64_t)(session->window_end - now));
    return true;
}

static void send_more(Session *session)
{
    char piece[PIECE];

    if (is_sated(session))
        return;
    ssize_t n = follower_read(session->follower, piece, sizeof piece);
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

static void begin(HttpRequest *request, Session *session, Instance *instance)
{
    time_t modified = follower_modified(session->follower);
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

static void follow(Manager *manager, HttpRequest *request, const char *path, Instance *instance)
{
    if (session_count >= SESSION_LIMIT) {
        http_request_reply_error(request, 503);
        return;
    }
    Session *session = g_new0(Session, 1);
    int r = path ? follower_open(manager_event(manager), path, HEAD, on_wake, session, &session->follower)
                 : -ENOENT;
    if (r >= 0) {
        begin(request, session, instance);
        return;
    }
    g_free(session);
    http_request_reply_error(request, status_of(r));
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

static const char *find_logfile(const Instance *instance, const char *channel)
{
    for (size_t i = 0; i < G_N_ELEMENTS(channels); i++) {
        if (strcmp(channels[i].name, channel) == 0)
            return instance_logfile(instance, channels[i].stream);
    }
    return NULL;
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
        follow(manager, request, find_logfile(instance, channel), instance);
}

void logtail_handle_main(Manager *manager, HttpRequest *request)
{
    if (is_get(request))
        follow(manager, request, main_log_path(manager_log(manager)), NULL);
}
