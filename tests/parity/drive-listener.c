/* Drives one event listener's side of the protocol from standard input and logs at level debug to the file
 * that is named: listeners.py holds that against the oracle's dispatcher. A record is its size (32 bits, this
 * machine's order) and then: 'F' and bytes that the listener writes, 'G' for an event that is on offer, 'D'
 * for its death. */
#include <errno.h>
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "bridge/listener.h"

enum { RECORD_MAX = 1 << 20 };

static bool is_running(void *userdata)
{
    return true;
}

static int take(const char *data, size_t size, void *userdata)
{
    return 0;
}

static void on_rejected(Listener *listener, PoolEvent *event, void *userdata)
{
    main_log_write(userdata, LOG_LEVEL_INFO, "rejected %" G_GINT64_FORMAT, event->serial);
}

static void act(Listener *listener, const char *record, size_t size)
{
    static int64_t serial;

    if (record[0] == 'F') {
        listener_feed(listener, record + 1, size - 1);
    } else if (record[0] == 'G' && listener_is_available(listener)) {
        g_autoptr(PoolEvent) event = pool_event_new(EVENT_TICK_5, serial, serial, "", 0);
        g_autoptr(GString) envelope = pool_event_envelope(event, "x", "x");
        serial++;
        (void)listener_give(listener, event, envelope);
    } else if (record[0] == 'D') {
        listener_end(listener);
        listener_begin(listener);
    }
}

int main(int argc, char **argv)
{
    static const ListenerProcess process = {.is_running = is_running, .write = take};
    static const ListenerPool pool = {.rejected = on_rejected};
    static char record[RECORD_MAX];
    g_autoptr(MainLog) log = NULL;
    uint32_t size;

    if (argc != 2 || main_log_open(&(MainLogConfig){.path = argv[1], .level = LOG_LEVEL_DEBUG}, &log) < 0)
        return 2;
    g_autoptr(Listener) listener = listener_new("name", log, &process, NULL);
    listener_set_pool(listener, &pool, log);
    while (fread(&size, sizeof size, 1, stdin) == 1) {
        if (size == 0 || size > sizeof record || fread(record, 1, size, stdin) != size)
            return 2;
        act(listener, record, size);
    }
    return 0;
}
