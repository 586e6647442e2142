#include "bridge/listener.h"

#include <string.h>

#include "translator/text.h"

#define READY_TOKEN  "READY\n"
#define RESULT_TOKEN "RESULT "
#define GOOD_RESULT  "OK"

/* Beyond these the oracle keeps collecting; Python refuses longer numbers. */
enum { RESULT_LINE_MAX = 64 * 1024, RESULT_LINE_TOLD = 512, DIGITS_MAX = 4300 };

struct Listener {
    char *name;
    MainLog *log;
    ListenerProcess process;
    void *process_data;
    ListenerPool pool;
    void *pool_data;

    ListenerState state;
    GByteArray *buffer;              /* what has been written and not understood yet */
    int64_t result_size;             /* of the result that is being read; -1: its line has not come yet */
    int64_t result_taken;            /* so much of it has come … */
    char result[sizeof GOOD_RESULT]; /* … of which only the beginning matters */
    PoolEvent *event;                /* in hand */
};

static const char *const state_names[] = {
    [LISTENER_ACKNOWLEDGED] = "ACKNOWLEDGED",
    [LISTENER_READY] = "READY",
    [LISTENER_BUSY] = "BUSY",
    [LISTENER_UNKNOWN] = "UNKNOWN",
};

Listener *listener_new(const char *name, MainLog *log, const ListenerProcess *process, void *userdata)
{
    Listener *listener = g_new0(Listener, 1);

    listener->name = g_strdup(name);
    listener->log = log;
    listener->process = *process;
    listener->process_data = userdata;
    listener->buffer = g_byte_array_new();
    listener->result_size = -1;
    return listener;
}

void listener_free(Listener *listener)
{
    if (!listener)
        return;
    pool_event_unref(listener->event);
    g_byte_array_unref(listener->buffer);
    g_free(listener->name);
    g_free(listener);
}

void listener_set_pool(Listener *listener, const ListenerPool *pool, void *userdata)
{
    listener->pool = pool ? *pool : (ListenerPool){0};
    listener->pool_data = userdata;
}

const char *listener_name(const Listener *listener)
{
    return listener->name;
}

ListenerState listener_state(const Listener *listener)
{
    return listener->state;
}

bool listener_is_available(const Listener *listener)
{
    return listener->state == LISTENER_READY && listener->process.is_running(listener->process_data);
}

static void tell_available(Listener *listener)
{
    if (listener->pool.available && listener_is_available(listener))
        listener->pool.available(listener, listener->pool_data);
}

static void change_state(Listener *listener, ListenerState state)
{
    main_log_write(listener->log, LOG_LEVEL_DEBUG, "%s: %s -> %s", listener->name,
                   state_names[listener->state], state_names[state]);
    listener->state = state;
    if (state == LISTENER_UNKNOWN)
        main_log_write(listener->log, LOG_LEVEL_WARN,
                       "%s: has entered the UNKNOWN state and will no longer receive events, this usually "
                       "indicates the process violated the eventlistener protocol",
                       listener->name);
}

static void clear_buffer(Listener *listener)
{
    g_byte_array_set_size(listener->buffer, 0);
}

static void reject(Listener *listener)
{
    g_autoptr(PoolEvent) event = g_steal_pointer(&listener->event);

    if (event && listener->pool.rejected)
        listener->pool.rejected(listener, event, listener->pool_data);
}

/* Each of these deals with what one state makes of the buffer. False: it needs more, or wants no more.
 * ---------------------------------------------------------------------------------------------------- */

static bool digest_unknown(Listener *listener)
{
    clear_buffer(listener);
    return false;
}

static bool digest_acknowledged(Listener *listener)
{
    size_t length = strlen(READY_TOKEN);

    if (listener->buffer->len < length)
        return false;
    if (memcmp(listener->buffer->data, READY_TOKEN, length) == 0) {
        change_state(listener, LISTENER_READY);
        g_byte_array_remove_range(listener->buffer, 0, (guint)length);
        tell_available(listener);
    } else {
        change_state(listener, LISTENER_UNKNOWN);
        clear_buffer(listener);
    }
    return true;
}

/* It was not asked for anything. */
static bool digest_ready(Listener *listener)
{
    change_state(listener, LISTENER_UNKNOWN);
    clear_buffer(listener);
    return false;
}

/* Python's int() of bytes: white space around it, a sign, single underscores between digits. */
static bool parse_number(const char *text, size_t size, int64_t *ret)
{
    size_t digits = 0, i = 0;
    bool negative = false, after_digit = false;
    int64_t value = 0;

    while (size > 0 && strchr(" \t\n\v\f\r", text[size - 1]) && text[size - 1])
        size--;
    while (i < size && text[i] && strchr(" \t\n\v\f\r", text[i]))
        i++;
    if (i < size && (text[i] == '+' || text[i] == '-'))
        negative = text[i++] == '-';
    for (; i < size; i++) {
        if (text[i] == '_' && after_digit && i + 1 < size) {
            after_digit = false;
            continue;
        }
        if (!g_ascii_isdigit(text[i]) || ++digits > DIGITS_MAX)
            return false;
        after_digit = true;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text[i] - '0', &value))
            value = INT64_MAX;
    }
    if (!after_digit)
        return false;
    *ret = negative ? -value : value;
    return true;
}

static void refuse_line(Listener *listener, const char *line, size_t size)
{
    g_autofree char *text =
        g_utf8_validate(line, (gssize)size, NULL) ? g_strndup(line, size) : text_repr_bytes(line, size);
    const char *mark = g_utf8_validate(line, (gssize)size, NULL) ? "" : "Undecodable: ";

    main_log_write(listener->log, LOG_LEVEL_WARN, "%s: bad result line: '%s%s'", listener->name, mark, text);
    change_state(listener, LISTENER_UNKNOWN);
    clear_buffer(listener);
    reject(listener);
}

/* "RESULT n"; the oracle looks at what stands behind the first seven characters, whatever they are. */
static bool digest_line(Listener *listener)
{
    const char *data = (const char *)listener->buffer->data;
    const char *end = memchr(data, '\n', listener->buffer->len);
    size_t prefix = strlen(RESULT_TOKEN);
    int64_t size;

    if (!end && listener->buffer->len > RESULT_LINE_MAX) {
        refuse_line(listener, data, RESULT_LINE_TOLD);
        return false;
    }
    if (!end)
        return false;
    size_t length = (size_t)(end - data);
    /* With a negative number the oracle never gets to an end. */
    if (length < prefix || !parse_number(data + prefix, length - prefix, &size) || size < 0) {
        refuse_line(listener, data, length);
        return false;
    }
    listener->result_size = size;
    g_byte_array_remove_range(listener->buffer, 0, (guint)(length + 1));
    return true;
}

static void judge(Listener *listener)
{
    bool good = listener->result_size == (int64_t)strlen(GOOD_RESULT) &&
                memcmp(listener->result, GOOD_RESULT, strlen(GOOD_RESULT)) == 0;

    listener->result_size = -1;
    listener->result_taken = 0;
    if (good)
        main_log_write(listener->log, LOG_LEVEL_DEBUG, "%s: event was processed", listener->name);
    else
        main_log_write(listener->log, LOG_LEVEL_WARN, "%s: event was rejected", listener->name);
    change_state(listener, LISTENER_ACKNOWLEDGED);
    if (good)
        g_clear_pointer(&listener->event, pool_event_unref);
    else
        reject(listener);
}

static bool digest_result(Listener *listener)
{
    int64_t needed = listener->result_size - listener->result_taken;
    size_t count = (size_t)MIN(needed, (int64_t)listener->buffer->len);
    size_t kept = (size_t)MIN(listener->result_taken, (int64_t)sizeof listener->result);

    memcpy(listener->result + kept, listener->buffer->data, MIN(count, sizeof listener->result - kept));
    listener->result_taken += (int64_t)count;
    g_byte_array_remove_range(listener->buffer, 0, (guint)count);
    if (listener->result_taken == listener->result_size)
        judge(listener);
    return true;
}

static bool digest_busy(Listener *listener)
{
    return listener->result_size < 0 ? digest_line(listener) : digest_result(listener);
}

static bool (*const digest[])(Listener *listener) = {
    [LISTENER_ACKNOWLEDGED] = digest_acknowledged,
    [LISTENER_READY] = digest_ready,
    [LISTENER_BUSY] = digest_busy,
    [LISTENER_UNKNOWN] = digest_unknown,
};

static void tell_output(const Listener *listener, const char *data, size_t size)
{
    if (!main_log_wants(listener->log, LOG_LEVEL_DEBUG))
        return;
    g_autofree char *name = text_repr(listener->name);
    g_autofree char *text = text_repr_bytes(data, size);
    main_log_write(listener->log, LOG_LEVEL_DEBUG, "%s stdout output:\n%s", name, text);
}

void listener_feed(Listener *listener, const char *data, size_t size)
{
    if (size == 0)
        return;
    tell_output(listener, data, size);
    g_byte_array_append(listener->buffer, (const guint8 *)data, (guint)size);
    while (listener->buffer->len > 0 && digest[listener->state](listener))
        ;
}

/* Life
 * ---------------------------------------------------------------------------------------------------- */

void listener_end(Listener *listener)
{
    reject(listener);
}

void listener_begin(Listener *listener)
{
    reject(listener);
    clear_buffer(listener);
    listener->state = LISTENER_ACKNOWLEDGED;
    listener->result_size = -1;
    listener->result_taken = 0;
}

void listener_wake(Listener *listener)
{
    tell_available(listener);
}

int listener_give(Listener *listener, PoolEvent *event, const GString *envelope)
{
    int r = listener->process.write(envelope->str, envelope->len, listener->process_data);

    if (r < 0)
        return r;
    listener->state = LISTENER_BUSY;
    listener->event = pool_event_ref(event);
    return 0;
}
