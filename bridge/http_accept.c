#include "bridge/http_accept.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/cleanup.h"

enum {
    BATCH = 64,              /* connections in a row, before other event sources get their turn */
    RETRY_USEC = 200 * 1000, /* when the machine or the process has no descriptor or memory left */
    RETRY_ACCURACY = 50 * 1000,
};

struct HttpAcceptor {
    int fd;
    unsigned limit;
    unsigned count;
    unsigned handed_over; /* since the last http_acceptor_settle() */
    HttpAccepted accepted;
    void *userdata;
    sd_event_source *io;
    sd_event_source *retry;
    bool resting; /* until the timer */
};

static bool has_room(const HttpAcceptor *acceptor)
{
    return acceptor->count + acceptor->handed_over < acceptor->limit;
}

/* A socket that nobody looks at costs nothing, however many wait behind it. */
static void look_or_not(HttpAcceptor *acceptor)
{
    bool wanted = !acceptor->resting && has_room(acceptor);

    sd_event_source_set_enabled(acceptor->io, wanted ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void rest(HttpAcceptor *acceptor)
{
    acceptor->resting = true;
    sd_event_source_set_time_relative(acceptor->retry, RETRY_USEC);
    sd_event_source_set_enabled(acceptor->retry, SD_EVENT_ONESHOT);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    HttpAcceptor *acceptor = userdata;

    acceptor->resting = false;
    look_or_not(acceptor);
    return 0;
}

/* Errors of one connection that broke before it was taken; accept(2) reports them here. Others are for later.
 */
static bool is_of_one_connection(int error)
{
    static const int errors[] = {EINTR,  ECONNABORTED, EPROTO,     ENETDOWN,    ENOPROTOOPT, EHOSTDOWN,
                                 ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, ETIMEDOUT};

    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
        if (errors[i] == error)
            return true;
    }
    return false;
}

/* Returns whether there may be more. */
static bool take_one(HttpAcceptor *acceptor)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    int fd = accept4(acceptor->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        acceptor->handed_over++;
        acceptor->accepted(fd, (struct sockaddr *)&address, size, acceptor->userdata);
        return true;
    }
    if (errno == EAGAIN)
        return false;
    if (is_of_one_connection(errno))
        return true;
    rest(acceptor);
    return false;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    HttpAcceptor *acceptor = userdata;

    for (int i = 0; i < BATCH && has_room(acceptor); i++) {
        if (!take_one(acceptor))
            break;
    }
    look_or_not(acceptor);
    return 0;
}

int http_acceptor_new(sd_event *event, int fd, unsigned limit, HttpAccepted accepted, void *userdata,
                      HttpAcceptor **ret)
{
    g_autoptr(HttpAcceptor) acceptor = g_new0(HttpAcceptor, 1);

    acceptor->fd = -1;
    acceptor->limit = limit;
    acceptor->accepted = accepted;
    acceptor->userdata = userdata;
    int r = sd_event_add_io(event, &acceptor->io, fd, EPOLLIN, on_io, acceptor);
    if (r >= 0)
        r = sd_event_add_time(event, &acceptor->retry, CLOCK_MONOTONIC, 0, RETRY_ACCURACY, on_retry,
                              acceptor);
    if (r >= 0)
        r = sd_event_source_set_enabled(acceptor->retry, SD_EVENT_OFF);
    if (r < 0)
        return r;
    acceptor->fd = fd;
    *ret = g_steal_pointer(&acceptor);
    return 0;
}

void http_acceptor_free(HttpAcceptor *acceptor)
{
    if (!acceptor)
        return;
    sd_event_source_disable_unref(acceptor->io);
    sd_event_source_disable_unref(acceptor->retry);
    cleanup_close(&acceptor->fd);
    g_free(acceptor);
}

void http_acceptor_count(HttpAcceptor *acceptor)
{
    acceptor->count++;
}

void http_acceptor_discount(HttpAcceptor *acceptor)
{
    acceptor->count--;
    look_or_not(acceptor);
}

void http_acceptor_settle(HttpAcceptor *acceptor)
{
    if (acceptor->handed_over == 0)
        return;
    acceptor->handed_over = 0;
    look_or_not(acceptor);
}
