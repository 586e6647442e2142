#include "bridge/syslog_sender.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define JOURNALD_SYSLOG_SOCKET "/run/systemd/journal/dev-log"
/* user.info, what Python's syslog.syslog(message) sends. */
#define PRIORITY 14
/* Longer lines are cut: receivers take some kilobytes, and an unbounded datagram would be refused as a whole.
 */
#define LINE_MAX_BYTES ((size_t)64 * 1024)

struct SyslogSender {
    const char *path;
    int fd;
};

SyslogSender *syslog_sender_new(const char *path)
{
    SyslogSender *sender = g_new(SyslogSender, 1);

    *sender = (SyslogSender){.path = path, .fd = -1};
    return sender;
}

static void syslog_sender_disconnect(SyslogSender *sender)
{
    if (sender->fd >= 0)
        close(sender->fd);
    sender->fd = -1;
}

void syslog_sender_free(SyslogSender *sender)
{
    if (!sender)
        return;
    syslog_sender_disconnect(sender);
    g_free(sender);
}

static int syslog_sender_connect(SyslogSender *sender)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (sender->fd >= 0)
        return 0;
    if (g_strlcpy(address.sun_path, sender->path, sizeof(address.sun_path)) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    sender->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (sender->fd < 0)
        return -errno;
    if (connect(sender->fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        int r = -errno;

        syslog_sender_disconnect(sender);
        return r;
    }
    return 0;
}

static int syslog_sender_try(SyslogSender *sender, const struct msghdr *message)
{
    int r = syslog_sender_connect(sender);

    if (r < 0)
        return r;
    if (TEMP_FAILURE_RETRY(sendmsg(sender->fd, message, MSG_NOSIGNAL)) >= 0)
        return 0;
    r = -errno;
    if (r != -EAGAIN)
        syslog_sender_disconnect(sender);
    return r;
}

int syslog_sender_send(SyslogSender *sender, const char *prefix, const char *line, size_t size)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm local;
    g_autofree char *header = NULL;
    struct iovec parts[2];
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    int r;

    localtime_r(&now, &local);
    header = g_strdup_printf("<%d>%s %2d %02d:%02d:%02d supervisord: %s%s", PRIORITY, months[local.tm_mon],
                             local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, prefix ? prefix : "",
                             prefix ? " " : "");
    parts[0] = (struct iovec){.iov_base = header, .iov_len = strlen(header)};
    parts[1] = (struct iovec){.iov_base = (void *)line, .iov_len = MIN(size, LINE_MAX_BYTES)};
    r = syslog_sender_try(sender, &message);
    /* syslog was restarted: its new socket has the same name. */
    if (r < 0 && r != -EAGAIN)
        r = syslog_sender_try(sender, &message);
    return r;
}

bool syslog_sender_is_journald(const SyslogSender *sender)
{
    g_autofree char *target = realpath(sender->path, NULL);

    return g_strcmp0(target, JOURNALD_SYSLOG_SOCKET) == 0;
}
