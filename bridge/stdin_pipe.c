#include "bridge/stdin_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MAXIMUM_PENDING = 16 << 20 };

struct StdinPipe {
    sd_event *event;
    char *path;
    int fd; /* open only while there is something to write: a FIFO that nobody holds forgets what is in it */
    sd_event_source *source;
    GByteArray *pending;
};

StdinPipe *stdin_pipe_new(sd_event *event, const char *path)
{
    StdinPipe *pipe = g_new0(StdinPipe, 1);

    pipe->event = sd_event_ref(event);
    pipe->path = g_strdup(path);
    pipe->fd = -1;
    pipe->pending = g_byte_array_new();
    return pipe;
}

void stdin_pipe_reset(StdinPipe *pipe)
{
    pipe->source = sd_event_source_disable_unref(pipe->source);
    if (pipe->fd >= 0)
        close(pipe->fd);
    pipe->fd = -1;
    g_byte_array_set_size(pipe->pending, 0);
}

void stdin_pipe_free(StdinPipe *pipe)
{
    if (!pipe)
        return;
    stdin_pipe_reset(pipe);
    g_byte_array_unref(pipe->pending);
    sd_event_unref(pipe->event);
    g_free(pipe->path);
    g_free(pipe);
}

/* Returns 1 when everything is written, 0 when the FIFO is full. */
static int flush(StdinPipe *pipe)
{
    while (pipe->pending->len > 0) {
        ssize_t written = write(pipe->fd, pipe->pending->data, pipe->pending->len);
        if (written < 0 && errno == EAGAIN)
            return 0;
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0)
            g_byte_array_remove_range(pipe->pending, 0, (guint)written);
    }
    return 1;
}

static int on_writable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    StdinPipe *pipe = userdata;

    if (flush(pipe) != 0)
        stdin_pipe_reset(pipe);
    return 0;
}

static int open_pipe(StdinPipe *pipe)
{
    if (pipe->fd >= 0)
        return 0;
    pipe->fd = open(pipe->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (pipe->fd >= 0)
        return 0;
    /* No reader: the program has closed it. No FIFO: it was never started. */
    return errno == ENXIO || errno == ENOENT ? -EPIPE : -errno;
}

int stdin_pipe_write(StdinPipe *pipe, const char *data, size_t size)
{
    if (size > MAXIMUM_PENDING - pipe->pending->len)
        return -ENOBUFS;
    int r = open_pipe(pipe);
    if (r < 0)
        return r;
    g_byte_array_append(pipe->pending, (const guint8 *)data, (guint)size);
    if (pipe->source)
        return 0;
    r = flush(pipe);
    if (r == 0) {
        r = sd_event_add_io(pipe->event, &pipe->source, pipe->fd, EPOLLOUT, on_writable, pipe);
        if (r >= 0)
            return 0;
    }
    stdin_pipe_reset(pipe);
    return r < 0 ? r : 0;
}
