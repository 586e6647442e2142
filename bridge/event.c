#include "bridge/event.h"

typedef struct Subscription {
    unsigned identifier;
    EventType type;
    EventHandler handler;
    void *userdata;
} Subscription;

struct EventBus {
    GArray *subscriptions; /* of Subscription */
    unsigned last;
    int64_t next_serial;
    int64_t serial; /* of the event that is being handed out; -1: nobody has asked yet */
    EventInterestChanged interest_changed;
    void *interest_userdata;
};

EventBus *event_bus_new(void)
{
    EventBus *bus = g_new0(EventBus, 1);
    bus->subscriptions = g_array_new(FALSE, FALSE, sizeof(Subscription));
    return bus;
}

void event_bus_free(EventBus *bus)
{
    if (!bus)
        return;
    g_array_unref(bus->subscriptions);
    g_free(bus);
}

void event_bus_watch_interest(EventBus *bus, EventInterestChanged changed, void *userdata)
{
    bus->interest_changed = changed;
    bus->interest_userdata = userdata;
}

static void tell_interest(EventBus *bus)
{
    if (bus->interest_changed)
        bus->interest_changed(bus->interest_userdata);
}

unsigned event_bus_subscribe(EventBus *bus, EventType type, EventHandler handler, void *userdata)
{
    Subscription subscription = {
        .identifier = ++bus->last, .type = type, .handler = handler, .userdata = userdata};
    g_array_append_val(bus->subscriptions, subscription);
    tell_interest(bus);
    return subscription.identifier;
}

void event_bus_unsubscribe(EventBus *bus, unsigned identifier)
{
    for (unsigned i = 0; i < bus->subscriptions->len; i++) {
        if (g_array_index(bus->subscriptions, Subscription, i).identifier == identifier) {
            g_array_remove_index(bus->subscriptions, i);
            tell_interest(bus);
            return;
        }
    }
}

bool event_bus_wants(const EventBus *bus, EventType type)
{
    for (unsigned i = 0; i < bus->subscriptions->len; i++) {
        if (event_type_covers(g_array_index(bus->subscriptions, Subscription, i).type, type))
            return true;
    }
    return false;
}

void event_bus_publish(EventBus *bus, EventType type, const char *payload, size_t size)
{
    /* A handler may subscribe and unsubscribe: everybody who is there now hears it, and only those. */
    g_autoptr(GArray) present = g_array_copy(bus->subscriptions);
    int64_t outer = bus->serial; /* a handler may publish */

    bus->serial = -1;
    for (unsigned i = 0; i < present->len; i++) {
        const Subscription *subscription = &g_array_index(present, Subscription, i);
        if (event_type_covers(subscription->type, type))
            subscription->handler(type, payload, size, subscription->userdata);
    }
    bus->serial = outer;
}

int64_t event_bus_serial(EventBus *bus)
{
    if (bus->serial < 0)
        bus->serial = bus->next_serial++;
    return bus->serial;
}
