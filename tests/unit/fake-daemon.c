#include "tests/unit/fake-daemon.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_SIZE_MAX (1 << 20)

typedef struct Answer {
    GString *bytes;
    size_t flood;
    bool close;
} Answer;

struct FakeDaemon {
    char *directory;
    char *path;
    char *url;
    int listener;
    int connection; /* -1: none */
    bool stopping;
    GThread *thread;
    GMutex lock;
    GHashTable *answers;
    GString *calls;
};

static void answer_free(void *data)
{
    Answer *answer = data;

    g_string_free(answer->bytes, TRUE);
    g_free(answer);
}

static bool send_all(int connection, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(connection, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool send_flood(int connection, size_t size)
{
    static char block[65536];

    memset(block, 'x', sizeof(block));
    for (; size > 0; size -= MIN(size, sizeof(block)))
        if (!send_all(connection, block, MIN(size, sizeof(block))))
            return false;
    return true;
}

/* A whole request; its body behind `ret_body`. */
static bool receive(int connection, GString *request, const char **ret_body)
{
    char buffer[4096];

    for (;;) {
        const char *end = strstr(request->str, "\r\n\r\n"),
                   *length = strcasestr(request->str, "\r\nContent-Length:");
        ssize_t size;

        if (end && length && strlen(end + 4) >= strtoul(length + strlen("\r\nContent-Length:"), NULL, 10)) {
            *ret_body = end + 4;
            return true;
        }
        size = recv(connection, buffer, sizeof(buffer), 0);
        if (size <= 0 || request->len > REQUEST_SIZE_MAX)
            return false;
        g_string_append_len(request, buffer, size);
    }
}

/* What stands between a tag and the next one, from `*at` on. */
static char *take_text(const char **at, const char *tag)
{
    const char *start = strstr(*at, tag);

    if (!start)
        return NULL;
    start += strlen(tag);
    *at = start;
    return g_strndup(start, strcspn(start, "<"));
}

static char *note_call(FakeDaemon *daemon, const char *body)
{
    char *method = take_text(&body, "<methodName>supervisor."), *text;
    const char *separator = "";

    g_string_append_printf(daemon->calls, "%s%s(", daemon->calls->len ? " " : "", method ? method : "?");
    while ((text = take_text(&body, "<string>")) != NULL) {
        g_string_append_printf(daemon->calls, "%s%s", separator, text);
        separator = ",";
        g_free(text);
    }
    g_string_append_c(daemon->calls, ')');
    return method;
}

/* Returns whether the connection goes on. */
static bool serve_one(FakeDaemon *daemon, int connection)
{
    g_autoptr(GString) request = g_string_new(NULL), bytes = NULL;
    const char *body = NULL;
    g_autofree char *method = NULL;
    size_t flood = 0;
    bool goes_on = false;
    Answer *answer;

    if (!receive(connection, request, &body))
        return false;
    g_mutex_lock(&daemon->lock);
    method = note_call(daemon, body);
    answer = g_hash_table_lookup(daemon->answers, method ? method : "");
    if (answer) {
        bytes = g_string_new_len(answer->bytes->str, (gssize)answer->bytes->len);
        flood = answer->flood;
        goes_on = !answer->close;
    }
    g_mutex_unlock(&daemon->lock);
    return bytes && send_all(connection, bytes->str, bytes->len) && send_flood(connection, flood) && goes_on;
}

static void *serve(void *data)
{
    FakeDaemon *daemon = data;

    for (;;) {
        int connection = accept(daemon->listener, NULL, NULL);

        if (connection < 0)
            return NULL;
        g_mutex_lock(&daemon->lock);
        daemon->connection = connection;
        if (daemon->stopping)
            shutdown(connection, SHUT_RDWR);
        g_mutex_unlock(&daemon->lock);
        while (serve_one(daemon, connection)) {
        }
        g_mutex_lock(&daemon->lock);
        daemon->connection = -1;
        g_mutex_unlock(&daemon->lock);
        close(connection);
    }
}

FakeDaemon *fake_daemon_new(void)
{
    FakeDaemon *daemon = g_new0(FakeDaemon, 1);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    g_mutex_init(&daemon->lock);
    daemon->connection = -1;
    daemon->calls = g_string_new(NULL);
    daemon->answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, answer_free);
    daemon->directory = g_dir_make_tmp("ctl-XXXXXX", NULL);
    daemon->path = g_build_filename(daemon->directory, "s.sock", NULL);
    daemon->url = g_strconcat("unix://", daemon->path, NULL);
    g_strlcpy(address.sun_path, daemon->path, sizeof(address.sun_path));
    daemon->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (daemon->listener < 0 || bind(daemon->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(daemon->listener, 8) < 0)
        g_error("the fake daemon cannot listen");
    daemon->thread = g_thread_new("fake-daemon", serve, daemon);
    return daemon;
}

void fake_daemon_free(FakeDaemon *daemon)
{
    if (!daemon)
        return;
    g_mutex_lock(&daemon->lock);
    daemon->stopping = true;
    if (daemon->connection >= 0)
        shutdown(daemon->connection, SHUT_RDWR);
    g_mutex_unlock(&daemon->lock);
    shutdown(daemon->listener, SHUT_RDWR);
    g_thread_join(daemon->thread);
    close(daemon->listener);
    unlink(daemon->path);
    rmdir(daemon->directory);
    g_hash_table_destroy(daemon->answers);
    g_string_free(daemon->calls, TRUE);
    g_mutex_clear(&daemon->lock);
    g_free(daemon->directory);
    g_free(daemon->path);
    g_free(daemon->url);
    g_free(daemon);
}

const char *fake_daemon_url(const FakeDaemon *daemon)
{
    return daemon->url;
}

static void set_answer(FakeDaemon *daemon, const char *method, GString *bytes, size_t flood, bool close)
{
    Answer *answer = g_new0(Answer, 1);

    *answer = (Answer){.bytes = bytes, .flood = flood, .close = close};
    g_mutex_lock(&daemon->lock);
    g_hash_table_replace(daemon->answers, g_strdup(method), answer);
    g_mutex_unlock(&daemon->lock);
}

void fake_daemon_body(FakeDaemon *daemon, const char *method, const char *body, size_t size)
{
    GString *bytes = g_string_new(NULL);

    g_string_printf(bytes, "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %zu\r\n\r\n", size);
    g_string_append_len(bytes, body, (gssize)size);
    set_answer(daemon, method, bytes, 0, false);
}

void fake_daemon_value(FakeDaemon *daemon, const char *method, const char *value)
{
    g_autofree char *body = g_strdup_printf(
        "<?xml "
        "version='1.0'?>\n<methodResponse><params><param><value>%s</value></param></params></methodResponse>",
        value);

    fake_daemon_body(daemon, method, body, strlen(body));
}

void fake_daemon_fault(FakeDaemon *daemon, const char *method, int code, const char *text)
{
    g_autofree char *body = g_strdup_printf("<?xml "
                                            "version='1.0'?>\n<methodResponse><fault><value><struct><member><"
                                            "name>faultCode</name><value><int>%d</int></value>"
                                            "</member><member><name>faultString</name><value><string>%s</"
                                            "string></value></member></struct></value></fault>"
                                            "</methodResponse>",
                                            code, text);

    fake_daemon_body(daemon, method, body, strlen(body));
}

void fake_daemon_raw(FakeDaemon *daemon, const char *method, const char *bytes, size_t size)
{
    set_answer(daemon, method, g_string_new_len(bytes, (gssize)size), 0, true);
}

void fake_daemon_flood(FakeDaemon *daemon, const char *method, const char *prefix, size_t size)
{
    set_answer(daemon, method, g_string_new(prefix), size, true);
}

char *fake_daemon_take_calls(FakeDaemon *daemon)
{
    char *calls;

    g_mutex_lock(&daemon->lock);
    calls = g_strdup(daemon->calls->str);
    g_string_truncate(daemon->calls, 0);
    g_mutex_unlock(&daemon->lock);
    return calls;
}
