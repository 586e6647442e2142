#include "bridge/http_peer.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { RECHECK_USEC = 100 * 1000, RECHECK_ACCURACY = 50 * 1000 };

struct HttpPeer {
    int fd;
    HttpRequest *request;
    bool has_ended; /* nothing more comes from there */
    sd_event_source *hangup;
    sd_event_source *recheck;
};

static bool has_unread(const HttpPeer *peer)
{
    int count = 0;

    return ioctl(peer->fd, FIONREAD, &count) == 0 && count > 0;
}

/* It has ended. What came before the end is still answered; after that, or when it is only half a request,
 * the connection is closed, which libmicrohttpd does notice. */
static void settle(HttpPeer *peer)
{
    if (peer->request && peer->request->suspended)
        http_request_hang_up(peer->request);
    else if (peer->request && peer->request->dispatched)
        return;
    else if (has_unread(peer))
        http_peer_look_again(peer);
    else
        (void)shutdown(peer->fd, SHUT_RDWR);
}

static int on_recheck(sd_event_source *source, uint64_t usec, void *userdata)
{
    settle(userdata);
    return 0;
}

static int on_hangup(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    HttpPeer *peer = userdata;

    peer->has_ended = true;
    /* It would be reported in every turn of the loop. */
    sd_event_source_set_enabled(peer->hangup, SD_EVENT_OFF);
    if (peer->request && peer->request->suspended)
        settle(peer);
    else
        http_peer_look_again(peer);
    return 0;
}

HttpPeer *http_peer_new(HttpServer *server, int fd)
{
    HttpPeer *peer = g_new0(HttpPeer, 1);
    sd_event *event = server->http->event;

    peer->fd = fd;
    if (sd_event_add_io(event, &peer->hangup, fd, EPOLLRDHUP, on_hangup, peer) < 0 ||
        sd_event_add_time(event, &peer->recheck, CLOCK_MONOTONIC, 0, RECHECK_ACCURACY, on_recheck, peer) <
            0 ||
        sd_event_source_set_enabled(peer->recheck, SD_EVENT_OFF) < 0)
        g_clear_pointer(&peer, http_peer_free);
    return peer;
}

void http_peer_free(HttpPeer *peer)
{
    if (!peer)
        return;
    sd_event_source_disable_unref(peer->hangup);
    sd_event_source_disable_unref(peer->recheck);
    g_free(peer);
}

void http_peer_set_request(HttpPeer *peer, HttpRequest *request)
{
    if (!peer)
        return;
    peer->request = request;
    http_peer_look_again(peer);
}

/* Later, since libmicrohttpd may hold a whole request that it has read but not looked at. */
void http_peer_look_again(HttpPeer *peer)
{
    if (!peer || !peer->has_ended)
        return;
    sd_event_source_set_time_relative(peer->recheck, RECHECK_USEC);
    sd_event_source_set_enabled(peer->recheck, SD_EVENT_ONESHOT);
}
