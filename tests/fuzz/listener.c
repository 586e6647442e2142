/* What an event listener writes, to two listeners: one gets it whole, the other in pieces whose size the
 * first byte says. Each is handed an event as soon as it may have one. Both must end up the same. */
#include <stdlib.h>
#include <string.h>

#include "bridge/listener.h"
#include "tests/fuzz/fuzz.h"

typedef struct Side {
    Listener *listener;
    PoolEvent *event;
    unsigned given;
    unsigned rejected;
} Side;

static bool is_running(void *userdata)
{
    return true;
}

static int take(const char *data, size_t size, void *userdata)
{
    ((Side *)userdata)->given++;
    return 0;
}

static void on_available(Listener *listener, void *userdata)
{
    Side *side = userdata;
    g_autoptr(GString) envelope = pool_event_envelope(side->event, "supervisor", "pool");

    if (listener_give(listener, side->event, envelope) < 0 || listener_state(listener) != LISTENER_BUSY)
        abort();
}

static void on_rejected(Listener *listener, PoolEvent *event, void *userdata)
{
    Side *side = userdata;

    if (event != side->event)
        abort();
    side->rejected++;
}

static void begin(Side *side)
{
    static const ListenerProcess process = {.is_running = is_running, .write = take};
    static const ListenerPool pool = {.available = on_available, .rejected = on_rejected};

    *side = (Side){.event = pool_event_new(EVENT_TICK_5, 1, 2, "when:5", 6)};
    side->listener = listener_new("listener", NULL, &process, side);
    listener_set_pool(side->listener, &pool, side);
    listener_begin(side->listener);
}

static void feed(Side *side, const uint8_t *data, size_t size, size_t piece)
{
    for (size_t at = 0; at < size; at += piece)
        listener_feed(side->listener, (const char *)data + at, MIN(piece, size - at));
}

static void end(Side *side)
{
    listener_end(side->listener);
    listener_free(side->listener);
    pool_event_unref(side->event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Side whole, cut;

    if (size == 0)
        return 0;
    begin(&whole);
    begin(&cut);
    feed(&whole, data + 1, size - 1, size);
    feed(&cut, data + 1, size - 1, 1 + data[0] % 16);
    if (listener_state(whole.listener) != listener_state(cut.listener) || whole.given != cut.given ||
        whole.rejected != cut.rejected || whole.rejected > whole.given)
        abort();
    end(&whole);
    end(&cut);
    return 0;
}
