#include "bridge/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MOVE_BYTES ((size_t)1024 * 1024)

struct Relay {
    int from;
    int to;
    sd_event_source *input;
    sd_event_source *output; /* `to` is full: waits for room */
};

void relay_free(Relay *relay)
{
    if (!relay)
        return;
    sd_event_source_disable_unref(relay->input);
    sd_event_source_disable_unref(relay->output);
    close(relay->from);
    close(relay->to);
    g_free(relay);
}

/* Bytes moved; 0 when there is nothing or no room; negative errno at the end of either side. */
static ssize_t move(Relay *relay)
{
    ssize_t count = TEMP_FAILURE_RETRY(
        splice(relay->from, NULL, relay->to, NULL, MOVE_BYTES, SPLICE_F_NONBLOCK | SPLICE_F_MOVE));

    if (count == 0)
        return -EPIPE;
    return count > 0 ? count : errno == EAGAIN ? 0 : -errno;
}

/* EAGAIN does not tell which of the two sides it was. */
static bool is_held_up(const Relay *relay)
{
    int waiting = 0;

    return ioctl(relay->from, FIONREAD, &waiting) == 0 && waiting > 0;
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    Relay *relay = userdata;
    ssize_t count = move(relay);
    bool held_up = count == 0 && is_held_up(relay);

    /* A pipe without writers would be ready for ever. */
    if (count < 0 || held_up)
        (void)sd_event_source_set_enabled(relay->input, SD_EVENT_OFF);
    if (held_up)
        (void)sd_event_source_set_enabled(relay->output, SD_EVENT_ONESHOT);
    return 0;
}

static int on_room(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    Relay *relay = userdata;

    (void)sd_event_source_set_enabled(relay->input, SD_EVENT_ON);
    return 0;
}

int relay_new(sd_event *event, int from, int to, Relay **ret)
{
    g_autoptr(Relay) relay = g_new0(Relay, 1);

    relay->from = from;
    relay->to = to;
    if (fcntl(from, F_SETFL, O_NONBLOCK) < 0 || fcntl(to, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    int r = sd_event_add_io(event, &relay->input, from, EPOLLIN, on_input, relay);
    if (r >= 0)
        r = sd_event_add_io(event, &relay->output, to, EPOLLOUT, on_room, relay);
    if (r >= 0)
        r = sd_event_source_set_enabled(relay->output, SD_EVENT_OFF);
    if (r < 0)
        return r;
    *ret = g_steal_pointer(&relay);
    return 0;
}

size_t relay_move(Relay *relay)
{
    ssize_t count = move(relay);

    return count > 0 ? (size_t)count : 0;
}
