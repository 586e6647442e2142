#include "tests/unit/fake-journald.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define DATAGRAM_MAX (1024 * 1024)

struct FakeJournald {
    int fd;
    GPtrArray *entries;
};

static void entry_free(FakeEntry *entry)
{
    g_hash_table_unref(entry->fields);
    g_free(entry);
}

FakeJournald *fake_journald_new(const char *path)
{
    FakeJournald *journald = g_new0(FakeJournald, 1);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int on = 1;

    (void)unlink(path);
    assert_true(g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) < sizeof(address.sun_path));
    journald->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(journald->fd >= 0);
    assert_int_equal(bind(journald->fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(setsockopt(journald->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
    journald->entries = g_ptr_array_new_with_free_func((GDestroyNotify)entry_free);
    return journald;
}

void fake_journald_free(FakeJournald *journald)
{
    if (!journald)
        return;
    close(journald->fd);
    g_ptr_array_unref(journald->entries);
    g_free(journald);
}

/* One field of the protocol: "NAME=value\n", or "NAME\n", length in 64 bits, value, "\n". Returns where the
 * next one begins. */
static const char *parse_field(const char *data, const char *end, GHashTable *fields)
{
    const char *newline = memchr(data, '\n', (size_t)(end - data));
    const char *equals;
    uint64_t length;

    assert_non_null(newline);
    equals = memchr(data, '=', (size_t)(newline - data));
    if (equals) {
        g_hash_table_insert(fields, g_strndup(data, (gsize)(equals - data)),
                            g_bytes_new(equals + 1, (gsize)(newline - equals - 1)));
        return newline + 1;
    }
    assert_true(end - newline > (ptrdiff_t)sizeof(length));
    memcpy(&length, newline + 1, sizeof(length));
    length = le64toh(length);
    assert_true(length < (uint64_t)(end - newline) - sizeof(length));
    g_hash_table_insert(fields, g_strndup(data, (gsize)(newline - data)),
                        g_bytes_new(newline + 1 + sizeof(length), (gsize)length));
    data = newline + 1 + sizeof(length) + length;
    assert_true(data < end);
    assert_int_equal(*data, '\n');
    return data + 1;
}

static void parse_entry(FakeJournald *journald, const char *data, size_t size, pid_t pid)
{
    FakeEntry *entry = g_new0(FakeEntry, 1);
    const char *end = data + size;

    entry->pid = pid;
    entry->fields = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
    g_ptr_array_add(journald->entries, entry);
    while (data < end)
        data = parse_field(data, end, entry->fields);
}

/* journald takes only files that can no longer change. */
static void parse_file(FakeJournald *journald, int fd, pid_t pid)
{
    struct stat status;
    g_autofree char *data = NULL;

    assert_int_equal(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    assert_int_equal(fstat(fd, &status), 0);
    data = g_malloc((gsize)status.st_size);
    assert_int_equal(pread(fd, data, (size_t)status.st_size, 0), status.st_size);
    parse_entry(journald, data, (size_t)status.st_size, pid);
    close(fd);
}

static void parse_message(FakeJournald *journald, struct msghdr *message, size_t size)
{
    pid_t pid = 0;
    int fd = -1;

    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
        struct ucred credentials;

        if (header->cmsg_type == SCM_CREDENTIALS) {
            memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
            pid = credentials.pid;
        } else if (header->cmsg_type == SCM_RIGHTS) {
            memcpy(&fd, CMSG_DATA(header), sizeof(fd));
        }
    }
    assert_int_not_equal(pid, 0);
    if (fd >= 0)
        parse_file(journald, fd, pid);
    else
        parse_entry(journald, message->msg_iov->iov_base, size, pid);
}

guint fake_journald_receive(FakeJournald *journald)
{
    g_autofree char *buffer = g_malloc(DATAGRAM_MAX);

    for (;;) {
        char control[256] __attribute__((aligned(16)));
        struct iovec part = {.iov_base = buffer, .iov_len = DATAGRAM_MAX};
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
        ssize_t size = recvmsg(journald->fd, &message, MSG_CMSG_CLOEXEC);

        if (size < 0) {
            assert_int_equal(errno, EAGAIN);
            return journald->entries->len;
        }
        assert_false(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
        parse_message(journald, &message, (size_t)size);
    }
}

const FakeEntry *fake_journald_entry(const FakeJournald *journald, guint index)
{
    assert_true(index < journald->entries->len);
    return journald->entries->pdata[index];
}

void fake_journald_forget(FakeJournald *journald)
{
    g_ptr_array_set_size(journald->entries, 0);
}

const char *fake_entry_string(const FakeEntry *entry, const char *name)
{
    GBytes *value = g_hash_table_lookup(entry->fields, name);
    static char text[4096];
    gsize size;
    gconstpointer data;

    assert_non_null(value);
    data = g_bytes_get_data(value, &size);
    assert_true(size < sizeof(text));
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

GByteArray *fake_journald_cat(FakeJournald *journald)
{
    GByteArray *text = g_byte_array_new();

    for (guint i = 0; i < journald->entries->len; i++) {
        GBytes *value = g_hash_table_lookup(fake_journald_entry(journald, i)->fields, "MESSAGE");
        gsize size;
        gconstpointer data;

        assert_non_null(value);
        data = g_bytes_get_data(value, &size);
        g_byte_array_append(text, data, (guint)size);
        g_byte_array_append(text, (const guint8 *)"\n", 1);
    }
    return text;
}
