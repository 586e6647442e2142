#include "bridge/journal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What sd_journal_send() asks for as well: with the default an entry of 200 KB does not fit. */
#define SEND_BUFFER_BYTES (8 * 1024 * 1024)
/* Longer entries go as files: large datagrams need large pieces of kernel memory, and the default buffer
 * refuses them at 200 KB. */
#define DATAGRAM_BYTES_MAX ((size_t)128 * 1024)
/* How often to look for a journald that is not there. */
#define RETRY_USEC ((uint64_t)250 * 1000)

struct Journal {
    sd_event *event;
    sd_event_source *output; /* waits for room */
    sd_event_source *retry;  /* waits for journald */
    JournalWritable writable;
    void *userdata;
    char *path;
    int fd;
    bool blocked;
    bool may_name_others; /* we are allowed to send under another pid */
};

static void journal_disconnect(Journal *journal)
{
    journal->output = sd_event_source_disable_unref(journal->output);
    if (journal->fd >= 0)
        close(journal->fd);
    journal->fd = -1;
}

static void journal_unblock(Journal *journal)
{
    journal->blocked = false;
    journal->writable(journal->userdata);
}

static int on_writable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    Journal *journal = userdata;

    (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
    journal_unblock(journal);
    return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    journal_unblock(userdata);
    return 0;
}

int journal_new(sd_event *event, const char *path, JournalWritable writable, void *userdata, Journal **ret)
{
    g_autoptr(Journal) journal = g_new0(Journal, 1);
    int r;

    journal->fd = -1;
    journal->event = sd_event_ref(event);
    journal->path = g_strdup(path);
    journal->writable = writable;
    journal->userdata = userdata;
    journal->may_name_others = geteuid() == 0;
    r = sd_event_add_time_relative(event, &journal->retry, CLOCK_MONOTONIC, 0, 0, on_retry, journal);
    if (r < 0)
        return r;
    r = sd_event_source_set_enabled(journal->retry, SD_EVENT_OFF);
    if (r < 0)
        return r;
    *ret = g_steal_pointer(&journal);
    return 0;
}

void journal_free(Journal *journal)
{
    if (!journal)
        return;
    journal_disconnect(journal);
    sd_event_source_disable_unref(journal->retry);
    sd_event_unref(journal->event);
    g_free(journal->path);
    g_free(journal);
}

/* Connected, because only then poll() looks at the room in journald's queue. */
static int journal_connect(Journal *journal)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int size = SEND_BUFFER_BYTES;
    int r;

    if (journal->fd >= 0)
        return 0;
    if (g_strlcpy(address.sun_path, journal->path, sizeof(address.sun_path)) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    journal->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (journal->fd < 0)
        return -errno;
    if (setsockopt(journal->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
        (void)setsockopt(journal->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    r = connect(journal->fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    if (r == 0)
        r = sd_event_add_io(journal->event, &journal->output, journal->fd, EPOLLOUT, on_writable, journal);
    if (r >= 0)
        r = sd_event_source_set_enabled(journal->output, SD_EVENT_OFF);
    if (r < 0)
        journal_disconnect(journal);
    return r;
}

/* Room for the credentials and one descriptor; aligned as cmsg wants it. */
typedef union Control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
} Control;

static void add_control(struct msghdr *message, Control *control, int type, const void *data, size_t size)
{
    struct cmsghdr *header;

    message->msg_control = control->bytes;
    header = (struct cmsghdr *)(control->bytes + message->msg_controllen);
    message->msg_controllen += CMSG_SPACE(size);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(header), data, size);
}

/* One datagram: the parts, or a descriptor in place of them; pid 0: our own, which the kernel fills in. */
static int send_datagram(const Journal *journal, pid_t pid, const struct iovec *parts, size_t count, int fd)
{
    struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = fd < 0 ? count : 0};
    Control control = {0};

    if (pid > 0) {
        /* Our own uid: journalctl -u believes OBJECT_SYSTEMD_UNIT= only from root, and that is what is left
         * to it when the program is gone by the time journald looks at its pid: in other words for the last
         * words of a program. */
        const struct ucred credentials = {.pid = pid, .uid = geteuid(), .gid = getegid()};

        add_control(&message, &control, SCM_CREDENTIALS, &credentials, sizeof(credentials));
    }
    if (fd >= 0)
        add_control(&message, &control, SCM_RIGHTS, &fd, sizeof(fd));
    return TEMP_FAILURE_RETRY(sendmsg(journal->fd, &message, MSG_NOSIGNAL)) < 0 ? -errno : 0;
}

static int send_as_somebody(Journal *journal, pid_t pid, const struct iovec *parts, size_t count, int fd)
{
    int r;

    if (!journal->may_name_others)
        pid = 0;
    r = send_datagram(journal, pid, parts, count, fd);
    if (pid <= 0)
        return r;
    if (r == -EPERM)
        journal->may_name_others = false;
    if (r == -EPERM || r == -ESRCH)
        r = send_datagram(journal, 0, parts, count, fd);
    return r;
}

static int write_all(int fd, const struct iovec *part)
{
    const char *data = part->iov_base;
    size_t left = part->iov_len;

    while (left > 0) {
        ssize_t count = TEMP_FAILURE_RETRY(write(fd, data, left));

        if (count < 0)
            return -errno;
        data += count;
        left -= (size_t)count;
    }
    return 0;
}

/* What is too long for a datagram goes as a sealed file in memory. */
static int send_as_file(Journal *journal, pid_t pid, const struct iovec *parts, size_t count)
{
    int fd = memfd_create("journal-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int r = fd < 0 ? -errno : 0;

    for (size_t i = 0; i < count && r == 0; i++)
        r = write_all(fd, &parts[i]);
    if (r == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        r = -errno;
    if (r == 0)
        r = send_as_somebody(journal, pid, parts, 0, fd);
    if (fd >= 0)
        close(fd);
    return r;
}

static bool journald_is_away(int error)
{
    static const int errors[] = {ECONNREFUSED, ECONNRESET, ENOTCONN, ENOENT, EPIPE,
                                 ENOBUFS,      ENOMEM,     EMFILE,   ENFILE};

    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
        if (error == -errors[i])
            return true;
    }
    return false;
}

static int journal_wait_for_room(Journal *journal)
{
    int r = sd_event_source_set_enabled(journal->output, SD_EVENT_ON);

    if (r < 0)
        return r;
    journal->blocked = true;
    return -EAGAIN;
}

static int journal_wait_for_journald(Journal *journal)
{
    int r = sd_event_source_set_time_relative(journal->retry, RETRY_USEC);

    journal_disconnect(journal);
    if (r >= 0)
        r = sd_event_source_set_enabled(journal->retry, SD_EVENT_ONESHOT);
    if (r < 0)
        return r;
    journal->blocked = true;
    return -EAGAIN;
}

static int journal_try(Journal *journal, pid_t pid, const struct iovec *parts, size_t count)
{
    int r = journal_connect(journal);
    size_t size = 0;

    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        size += parts[i].iov_len;
    if (size <= DATAGRAM_BYTES_MAX)
        r = send_as_somebody(journal, pid, parts, count, -1);
    if (r == -EMSGSIZE || size > DATAGRAM_BYTES_MAX)
        r = send_as_file(journal, pid, parts, count);
    return r;
}

int journal_send(Journal *journal, pid_t pid, const struct iovec *parts, size_t count)
{
    int r;

    if (journal->blocked)
        return -EAGAIN;
    r = journal_try(journal, pid, parts, count);
    if (r == -ECONNREFUSED || r == -ENOTCONN || r == -ECONNRESET) {
        /* The socket was made anew under the same name. */
        journal_disconnect(journal);
        r = journal_try(journal, pid, parts, count);
    }
    if (r == -EAGAIN)
        return journal_wait_for_room(journal);
    if (journald_is_away(r))
        return journal_wait_for_journald(journal);
    return r;
}

void journal_append_field(GByteArray *entry, const char *name, const void *value, size_t size)
{
    const uint64_t length = htole64((uint64_t)size);
    const bool binary = memchr(value, '\n', size) != NULL;

    g_byte_array_append(entry, (const guint8 *)name, (guint)strlen(name));
    g_byte_array_append(entry, (const guint8 *)(binary ? "\n" : "="), 1);
    if (binary)
        g_byte_array_append(entry, (const guint8 *)&length, sizeof(length));
    g_byte_array_append(entry, value, (guint)size);
    g_byte_array_append(entry, (const guint8 *)"\n", 1);
}
