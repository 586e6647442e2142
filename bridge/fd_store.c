#include "bridge/fd_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* A message is a list of entries: a mark, a name, a NUL. Its descriptors belong to the entries marked as
 * kept, in the same order. The last entry of a name wins. */
#define ENTRY_KEPT    '+'
#define ENTRY_DROPPED '-'

#define QUEUE_NAME "supersede-descriptors-"
/* The kernel takes at most 253 (SCM_MAX_FD); so many more than what is kept are open while a queue is written
 * anew. */
#define MESSAGE_FDS   64
#define MESSAGE_BYTES ((size_t)32 * 1024)
/* Some 700 bytes are counted for a message with one descriptor. */
#define QUEUE_BYTES (16 << 20)
/* The queue is written anew when so many of its entries, and most of them, are of no use any more. */
#define STALE_ENTRIES 256
/* systemd answers at once or is not there. */
#define BARRIER_USEC ((uint64_t)10 * 1000 * 1000)

typedef struct Entry {
    uint64_t position; /* in the queue, counted in entries */
    int fd;            /* left by an earlier bridge and not taken yet; else -1 */
} Entry;

struct FdStore {
    GHashTable *entries; /* name → Entry */
    bool kept;
    uint64_t generation; /* of the queue that systemd has; 0: none */
    int reader;          /* … which is this end of it */
    int writer;
    uint64_t positions; /* entries in the queue */
};

/* One message, being written or as it was read. */
typedef struct Message {
    GString *text;
    int fds[MESSAGE_FDS];
    unsigned fd_count;
} Message;

static void entry_free(void *data)
{
    Entry *entry = data;

    if (entry->fd >= 0)
        close(entry->fd);
    g_free(entry);
}

/* Messages
 * ------------------------------------------------------------------------------------------------------- */

static void message_clear(Message *message)
{
    g_string_free(message->text, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Message, message_clear)

static void message_close_fds(Message *message)
{
    for (unsigned i = 0; i < message->fd_count; i++)
        close(message->fds[i]);
    message->fd_count = 0;
}

static void message_add(Message *message, char mark, const char *name, int fd)
{
    g_string_append_c(message->text, mark);
    g_string_append_len(message->text, name, (gssize)strlen(name) + 1);
    if (fd >= 0)
        message->fds[message->fd_count++] = fd;
}

static bool message_is_full(const Message *message)
{
    return message->fd_count == MESSAGE_FDS || message->text->len + FD_STORE_NAME_MAX + 2 > MESSAGE_BYTES;
}

static int message_send(const Message *message, int socket)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * MESSAGE_FDS)];
    } control = {0};
    struct iovec part = {.iov_base = message->text->str, .iov_len = message->text->len};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

    if (message->fd_count > 0) {
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(sizeof(int) * message->fd_count);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int) * message->fd_count);
        memcpy(CMSG_DATA(&control.header), message->fds, sizeof(int) * message->fd_count);
    }
    ssize_t sent = TEMP_FAILURE_RETRY(sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL));
    return sent < 0 ? -errno : 0;
}

static void message_take_fds(Message *message, struct msghdr *header)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        message->fd_count = (unsigned)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(message->fds, CMSG_DATA(part), sizeof(int) * message->fd_count);
    }
}

/* The next message; it stays in the queue (SO_PEEK_OFF moves on). Returns 1, 0 behind the last one, or
 * negative errno. */
static int message_peek(Message *message, int socket)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * MESSAGE_FDS)];
    } control;
    struct iovec part = {.iov_base = message->text->str, .iov_len = MESSAGE_BYTES};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};

    message->fd_count = 0;
    ssize_t size = TEMP_FAILURE_RETRY(recvmsg(socket, &header, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
    if (size < 0)
        return errno == EAGAIN ? 0 : -errno;
    if (size == 0)
        return 0;
    message_take_fds(message, &header);
    message->text->len = (gsize)size;
    /* What is cut off is out of descriptors (EMFILE leaves no other trace), or none of ours. */
    if (header.msg_flags & (MSG_CTRUNC | MSG_TRUNC) || message->text->str[size - 1] != '\0') {
        message_close_fds(message);
        return header.msg_flags & MSG_CTRUNC ? -EMFILE : -EBADMSG;
    }
    return 1;
}

/* Calls `take` for every entry of the queue; what it returns is whether it has taken the descriptor. */
typedef bool (*EntryTaker)(char mark, const char *name, int fd, uint64_t position, void *userdata);

static void message_hand_out(Message *message, uint64_t *position, EntryTaker take, void *userdata)
{
    unsigned used = 0;
    const char *end = message->text->str + message->text->len;

    for (const char *at = message->text->str; at < end; at += strlen(at) + 1) {
        int fd = -1;
        if (*at == ENTRY_KEPT && used < message->fd_count)
            fd = message->fds[used++];
        if (!take(*at, at + (*at != '\0'), fd, (*position)++, userdata) && fd >= 0)
            close(fd);
    }
    for (; used < message->fd_count; used++)
        close(message->fds[used]);
    message->fd_count = 0;
}

static int queue_read(int reader, EntryTaker take, void *userdata)
{
    g_auto(Message) message = {.text = g_string_sized_new(MESSAGE_BYTES)};
    uint64_t position = 0;
    int start = 0;
    int r;

    if (setsockopt(reader, SOL_SOCKET, SO_PEEK_OFF, &start, sizeof start) < 0)
        return -errno;
    while ((r = message_peek(&message, reader)) > 0)
        message_hand_out(&message, &position, take, userdata);
    return r;
}

/* The queue
 * ------------------------------------------------------------------------------------------------------ */

static int make_queue(int ends[2])
{
    int size = QUEUE_BYTES;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return -errno;
    /* Without privileges the host's maximum has to do. */
    if (setsockopt(ends[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
        (void)setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return 0;
}

/* The kernel counts a user's descriptors that are inside of sockets and compares them with the soft limit of
 * whoever sends one more; root is exempt. While a queue is written anew they are there twice. */
static void raise_limit(struct rlimit *ret_before)
{
    *ret_before = (struct rlimit){.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    if (getrlimit(RLIMIT_NOFILE, ret_before) < 0)
        return;
    const struct rlimit raised = {.rlim_cur = ret_before->rlim_max, .rlim_max = ret_before->rlim_max};
    (void)setrlimit(RLIMIT_NOFILE, &raised);
}

static void restore_limit(const struct rlimit *before)
{
    (void)setrlimit(RLIMIT_NOFILE, before);
}

typedef struct Rewriting {
    FdStore *store;
    int writer;
    Message message;
    GPtrArray *names; /* in the order of the new queue */
    int result;
} Rewriting;

static void rewriting_flush(Rewriting *rewriting)
{
    if (rewriting->result >= 0 && rewriting->message.fd_count > 0)
        rewriting->result = message_send(&rewriting->message, rewriting->writer);
    message_close_fds(&rewriting->message);
    g_string_truncate(rewriting->message.text, 0);
}

/* Only what is still valid goes over into the new queue. */
static bool rewrite_entry(char mark, const char *name, int fd, uint64_t position, void *userdata)
{
    Rewriting *rewriting = userdata;
    const Entry *entry = g_hash_table_lookup(rewriting->store->entries, name);

    if (fd < 0 || !entry || entry->position != position)
        return false;
    message_add(&rewriting->message, ENTRY_KEPT, name, fd);
    g_ptr_array_add(rewriting->names, g_strdup(name));
    if (message_is_full(&rewriting->message))
        rewriting_flush(rewriting);
    return true;
}

static int fill_queue(FdStore *store, int writer, GPtrArray *names)
{
    Rewriting rewriting = {.store = store, .writer = writer, .names = names};

    rewriting.message.text = g_string_sized_new(MESSAGE_BYTES);
    int r = store->reader >= 0 ? queue_read(store->reader, rewrite_entry, &rewriting) : 0;
    rewriting_flush(&rewriting);
    message_clear(&rewriting.message);
    return r < 0 ? r : rewriting.result;
}

/* systemd keeps the reading end; nobody needs to write to a queue that belongs to a dead bridge. */
static int hand_to_systemd(uint64_t generation, int reader)
{
    g_autofree char *text = g_strdup_printf("FDSTORE=1\nFDPOLL=0\nFDNAME=" QUEUE_NAME "%" PRIu64, generation);
    int r = sd_pid_notify_with_fds(0, false, text, &reader, 1);
    return r < 0 ? r : 0;
}

static void take_from_systemd(uint64_t generation)
{
    if (generation != 0)
        (void)sd_notifyf(false, "FDSTOREREMOVE=1\nFDNAME=" QUEUE_NAME "%" PRIu64, generation);
}

static void store_close_queue(FdStore *store)
{
    if (store->reader >= 0)
        close(store->reader);
    if (store->writer >= 0)
        close(store->writer);
    store->reader = store->writer = -1;
}

static void store_adopt_queue(FdStore *store, const int ends[2], GPtrArray *names)
{
    store_close_queue(store);
    store->reader = ends[0];
    store->writer = ends[1];
    store->generation++;
    for (unsigned i = 0; i < names->len; i++) {
        Entry *entry = g_hash_table_lookup(store->entries, g_ptr_array_index(names, i));
        entry->position = i;
    }
    store->positions = names->len;
}

/* A new queue takes the place of the old one: it is complete before systemd gets it, and systemd has it
 * before the old one goes. In between there are two, and the younger one counts. */
static int store_rewrite(FdStore *store)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    uint64_t old = store->generation;
    int ends[2];

    int r = make_queue(ends);
    if (r < 0)
        return r;
    r = fill_queue(store, ends[1], names);
    if (r >= 0)
        r = hand_to_systemd(old + 1, ends[0]);
    if (r < 0) {
        close(ends[0]);
        close(ends[1]);
        return r;
    }
    take_from_systemd(old);
    store_adopt_queue(store, ends, names);
    return 0;
}

static bool store_is_stale(const FdStore *store)
{
    uint64_t live = g_hash_table_size(store->entries);
    return store->positions > live + MAX(STALE_ENTRIES, live);
}

static int store_append_within(FdStore *store, char mark, const char *name, int fd)
{
    g_auto(Message) message = {.text = g_string_new(NULL)};
    int r = store_is_stale(store) ? store_rewrite(store) : 0;

    if (r < 0)
        return r;
    message_add(&message, mark, name, fd);
    r = message_send(&message, store->writer);
    if (r == -EAGAIN) {
        /* Many small messages fill a queue that few large ones would not. */
        r = store_rewrite(store);
        if (r >= 0)
            r = message_send(&message, store->writer);
    }
    if (r >= 0)
        store->positions++;
    return r;
}

static int store_append(FdStore *store, char mark, const char *name, int fd)
{
    struct rlimit before;

    raise_limit(&before);
    int r = store_append_within(store, mark, name, fd);
    restore_limit(&before);
    return r;
}

/* What an earlier bridge left
 * ------------------------------------------------------------------------------------ */

static bool load_entry(char mark, const char *name, int fd, uint64_t position, void *userdata)
{
    FdStore *store = userdata;

    if (mark == ENTRY_DROPPED)
        g_hash_table_remove(store->entries, name);
    if (mark != ENTRY_KEPT || fd < 0)
        return false;
    Entry *entry = g_new0(Entry, 1);
    entry->fd = fd;
    entry->position = position;
    g_hash_table_replace(store->entries, g_strdup(name), entry);
    return true;
}

/* The environment also says LISTEN_FDS when this process has executed itself anew and has something else at
 * that number. */
static bool is_queue(int fd)
{
    return sd_is_socket(fd, AF_UNIX, SOCK_SEQPACKET, 0) > 0;
}

static bool queue_generation(const char *name, int fd, uint64_t *ret)
{
    return g_str_has_prefix(name, QUEUE_NAME) && is_queue(fd) &&
           g_ascii_string_to_unsigned(name + strlen(QUEUE_NAME), 10, 1, UINT64_MAX - 2, ret, NULL);
}

/* The youngest queue is taken; others are what a death in the middle of store_rewrite() has left. */
static void find_queues(FdStore *store, char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        int fd = SD_LISTEN_FDS_START + i;
        uint64_t generation;

        if (!queue_generation(names[i], fd, &generation))
            continue;
        bool younger = generation > store->generation;
        take_from_systemd(younger ? store->generation : generation);
        if (younger) {
            if (store->reader >= 0)
                close(store->reader);
            store->reader = fd;
            store->generation = generation;
        } else {
            close(fd);
        }
    }
}

static void find_earlier(FdStore *store)
{
    char **names = NULL;
    int count = sd_listen_fds_with_names(false, &names);

    if (count > 0)
        find_queues(store, names, count);
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

/* The surface
 * ---------------------------------------------------------------------------------------------------- */

bool fd_store_is_queue(int fd)
{
    char mark = 0;

    return is_queue(fd) && TEMP_FAILURE_RETRY(recv(fd, &mark, 1, MSG_PEEK | MSG_DONTWAIT)) == 1 &&
           (mark == ENTRY_KEPT || mark == ENTRY_DROPPED);
}

/* The generation that an inherited queue gets: the same question has the same answer in fd_store_open(). */
static uint64_t youngest_generation(void)
{
    uint64_t youngest = 0;
    char **names = NULL;
    int count = sd_listen_fds_with_names(false, &names);

    for (int i = 0; i < count; i++) {
        uint64_t generation;
        if (queue_generation(names[i], SD_LISTEN_FDS_START + i, &generation))
            youngest = MAX(youngest, generation);
        free(names[i]);
    }
    free(names);
    return youngest;
}

int fd_store_secure(int queue)
{
    int r = hand_to_systemd(youngest_generation() + 1, queue);

    if (r >= 0)
        r = sd_notify_barrier(0, BARRIER_USEC);
    return r < 0 ? r : 0;
}

static void take_inherited(FdStore *store, int queue)
{
    take_from_systemd(store->generation);
    if (store->reader >= 0)
        close(store->reader);
    store->reader = queue;
    store->generation++;
}

FdStore *fd_store_open(int inherited, int *ret_problem)
{
    FdStore *store = g_new0(FdStore, 1);
    struct rlimit before;
    int r = 0;

    store->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
    store->reader = store->writer = -1;
    store->kept = g_getenv("NOTIFY_SOCKET") != NULL;
    if (store->kept)
        find_earlier(store);
    if (inherited >= 0)
        take_inherited(store, inherited);
    raise_limit(&before);
    if (store->reader >= 0)
        r = queue_read(store->reader, load_entry, store);
    if (r >= 0 && store->kept)
        r = store_rewrite(store);
    restore_limit(&before);
    if (r < 0)
        store->kept = false;
    *ret_problem = r;
    return store;
}

void fd_store_free(FdStore *store)
{
    if (!store)
        return;
    store_close_queue(store);
    g_hash_table_unref(store->entries);
    g_free(store);
}

bool fd_store_is_kept(const FdStore *store)
{
    return store->kept;
}

int fd_store_put(FdStore *store, const char *name, int fd)
{
    if (!store->kept)
        return 0;
    if (strlen(name) > FD_STORE_NAME_MAX)
        return -ENAMETOOLONG;
    int r = store_append(store, ENTRY_KEPT, name, fd);
    if (r < 0)
        return r;
    Entry *entry = g_new0(Entry, 1);
    entry->fd = -1;
    entry->position = store->positions - 1;
    g_hash_table_replace(store->entries, g_strdup(name), entry);
    return 0;
}

int fd_store_leave(FdStore *store, const char *name, int fd)
{
    int r = fd_store_put(store, name, fd);
    Entry *entry = r >= 0 ? g_hash_table_lookup(store->entries, name) : NULL;

    if (entry)
        entry->fd = fd;
    else
        close(fd);
    return r;
}

int fd_store_take(FdStore *store, const char *name)
{
    Entry *entry = g_hash_table_lookup(store->entries, name);

    if (!entry || entry->fd < 0)
        return -ENOENT;
    int fd = entry->fd;
    entry->fd = -1;
    return fd;
}

bool fd_store_has(const FdStore *store, const char *name)
{
    return store->kept && g_hash_table_contains(store->entries, name);
}

int fd_store_drop(FdStore *store, const char *name)
{
    int r = 0;

    if (!g_hash_table_contains(store->entries, name))
        return 0;
    if (store->kept)
        r = store_append(store, ENTRY_DROPPED, name, -1);
    if (r >= 0)
        g_hash_table_remove(store->entries, name);
    return r;
}

void fd_store_drop_untaken(FdStore *store)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iterator;
    void *name, *entry;

    g_hash_table_iter_init(&iterator, store->entries);
    while (g_hash_table_iter_next(&iterator, &name, &entry)) {
        if (((Entry *)entry)->fd >= 0)
            g_ptr_array_add(names, g_strdup(name));
    }
    for (unsigned i = 0; i < names->len; i++)
        (void)fd_store_drop(store, g_ptr_array_index(names, i));
}

void fd_store_clear(FdStore *store)
{
    take_from_systemd(store->generation);
    store->generation = 0;
    store->kept = false;
    store_close_queue(store);
    g_hash_table_remove_all(store->entries);
}
