/* The store against a fake systemd: a notification socket on which descriptors are stored and removed, and
 * LISTEN_FDS at the next start. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "bridge/fd_store.h"

enum { FIRST_FD = 3, INHERITED_MAX = 8, KEPT_FD = 100 };

typedef struct Kept {
    char *name;
    int fd;
} Kept;

typedef struct Scene {
    char *directory;
    char *path;
    int notify;
    GArray *kept; /* of Kept: systemd's file descriptor store of the service */
} Scene;

static void fill_inherited(void)
{
    int null = open("/dev/null", O_RDWR);

    assert_true(null >= 0);
    for (int fd = FIRST_FD; fd < FIRST_FD + INHERITED_MAX; fd++) {
        if (fd != null)
            assert_int_equal(dup2(null, fd), fd);
    }
    if (null >= FIRST_FD + INHERITED_MAX)
        close(null);
}

static int set_up(void **state)
{
    Scene *scene = g_new0(Scene, 1);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    /* So that nothing else of this test gets these numbers. */
    fill_inherited();
    scene->directory = g_dir_make_tmp("supersede-fd-store-XXXXXX", NULL);
    scene->path = g_build_filename(scene->directory, "notify", NULL);
    scene->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_strlcpy(address.sun_path, scene->path, sizeof address.sun_path);
    if (scene->notify < 0 || bind(scene->notify, (struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    scene->kept = g_array_new(FALSE, FALSE, sizeof(Kept));
    g_setenv("NOTIFY_SOCKET", scene->path, TRUE);
    *state = scene;
    return 0;
}

static void kept_remove(Scene *scene, const char *name)
{
    for (unsigned i = scene->kept->len; i-- > 0;) {
        Kept *kept = &g_array_index(scene->kept, Kept, i);
        if (strcmp(kept->name, name) == 0) {
            close(kept->fd);
            g_free(kept->name);
            g_array_remove_index(scene->kept, i);
        }
    }
}

static int tear_down(void **state)
{
    Scene *scene = *state;

    while (scene->kept->len > 0)
        kept_remove(scene, g_array_index(scene->kept, Kept, 0).name);
    g_array_unref(scene->kept);
    close(scene->notify);
    g_unlink(scene->path);
    g_rmdir(scene->directory);
    g_free(scene->path);
    g_free(scene->directory);
    g_free(scene);
    for (int fd = FIRST_FD; fd < FIRST_FD + INHERITED_MAX; fd++)
        close(fd);
    for (const char *const *name = (const char *const[]){"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", NULL};
         *name; name++)
        g_unsetenv(*name);
    return 0;
}

/* What systemd does with one notification. */
static void handle(Scene *scene, const char *text, int fd)
{
    const char *name = strstr(text, "FDNAME=");

    assert_non_null(name);
    if (strstr(text, "FDSTOREREMOVE=1")) {
        kept_remove(scene, name + strlen("FDNAME="));
        assert_int_equal(fd, -1);
        return;
    }
    assert_non_null(strstr(text, "FDSTORE=1"));
    assert_non_null(strstr(text, "FDPOLL=0"));
    assert_true(fd >= 0);
    Kept kept = {.name = g_strdup(name + strlen("FDNAME=")), .fd = fcntl(fd, F_DUPFD_CLOEXEC, KEPT_FD)};
    close(fd);
    g_array_append_val(scene->kept, kept);
    assert_true(scene->kept->len < INHERITED_MAX);
}

static void handle_all(Scene *scene)
{
    for (;;) {
        char text[1024];
        union {
            struct cmsghdr header;
            char space[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec part = {.iov_base = text, .iov_len = sizeof text - 1};
        struct msghdr header = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        int fd = -1;

        ssize_t size = recvmsg(scene->notify, &header, MSG_CMSG_CLOEXEC);
        if (size < 0)
            return;
        text[size] = '\0';
        if (CMSG_FIRSTHDR(&header))
            memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof fd);
        handle(scene, text, fd);
    }
}

/* As for a process that systemd starts: descriptors from 3 on, and the environment that explains them. */
static void hand_over(Scene *scene)
{
    g_autoptr(GString) names = g_string_new("http");
    g_autofree char *pid = g_strdup_printf("%d", (int)getpid());
    g_autofree char *count = NULL;

    fill_inherited();
    /* The first one is somebody else's. */
    for (unsigned i = 0; i < scene->kept->len; i++) {
        const Kept *kept = &g_array_index(scene->kept, Kept, i);
        assert_int_equal(dup2(kept->fd, FIRST_FD + 1 + (int)i), FIRST_FD + 1 + (int)i);
        g_string_append_printf(names, ":%s", kept->name);
    }
    count = g_strdup_printf("%u", scene->kept->len + 1);
    g_setenv("LISTEN_PID", pid, TRUE);
    g_setenv("LISTEN_FDS", count, TRUE);
    g_setenv("LISTEN_FDNAMES", names->str, TRUE);
}

static FdStore *start_bridge(Scene *scene)
{
    int problem;

    hand_over(scene);
    FdStore *store = fd_store_open(-1, &problem);
    assert_int_equal(problem, 0);
    handle_all(scene);
    return store;
}

static void end_bridge(Scene *scene, FdStore *store)
{
    fd_store_free(store);
    handle_all(scene);
    fill_inherited();
}

/* A descriptor that says who it is. */
static int make_fd(uint64_t number)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_true(fd >= 0 && write(fd, &number, sizeof number) == sizeof number);
    return fd;
}

/* 0 when it is not there. */
static uint64_t take_number(FdStore *store, const char *name)
{
    uint64_t number = 0;
    int fd = fd_store_take(store, name);

    if (fd == -ENOENT)
        return 0;
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(pread(fd, &number, sizeof number, 0), sizeof number);
    close(fd);
    return number;
}

static void put_number(FdStore *store, const char *name, uint64_t number)
{
    int fd = make_fd(number);
    assert_int_equal(fd_store_put(store, name, fd), 0);
    close(fd);
}

static unsigned count_open(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 4096; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void the_next_bridge_has_it(void **state)
{
    Scene *scene = *state;
    g_autofree char *long_name = g_strnfill(3000, 'x');

    FdStore *store = start_bridge(scene);
    assert_true(fd_store_is_kept(store));
    assert_int_equal(take_number(store, "a"), 0);
    put_number(store, "a", 1);
    put_number(store, "group:name with spaces:stdout", 2);
    put_number(store, long_name, 3);
    assert_int_equal(take_number(store, "a"), 0);
    end_bridge(scene, store);
    for (unsigned round = 0; round < 3; round++) {
        store = start_bridge(scene);
        assert_int_equal(scene->kept->len, 1);
        assert_int_equal(take_number(store, "a"), 1);
        assert_int_equal(take_number(store, "a"), 0);
        assert_int_equal(take_number(store, "group:name with spaces:stdout"), 2);
        assert_int_equal(take_number(store, long_name), 3);
        end_bridge(scene, store);
    }
}

static void what_was_dropped_stays_away(void **state)
{
    Scene *scene = *state;

    FdStore *store = start_bridge(scene);
    put_number(store, "a", 1);
    put_number(store, "b", 2);
    put_number(store, "c", 3);
    put_number(store, "b", 4);
    assert_int_equal(fd_store_drop(store, "a"), 0);
    assert_int_equal(fd_store_drop(store, "never"), 0);
    end_bridge(scene, store);
    store = start_bridge(scene);
    assert_int_equal(take_number(store, "a"), 0);
    assert_int_equal(take_number(store, "b"), 4);
    fd_store_drop_untaken(store);
    end_bridge(scene, store);
    store = start_bridge(scene);
    assert_int_equal(take_number(store, "b"), 4);
    assert_int_equal(take_number(store, "c"), 0);
    fd_store_clear(store);
    end_bridge(scene, store);
    assert_int_equal(scene->kept->len, 0);
}

static void many_fit_and_none_leaks(void **state)
{
    enum { MANY = 1500, ROUNDS = 4 };
    Scene *scene = *state;
    unsigned open_before = count_open();

    for (unsigned round = 0; round < ROUNDS; round++) {
        FdStore *store = start_bridge(scene);
        for (unsigned i = 0; i < MANY; i++) {
            g_autofree char *name = g_strdup_printf("process/%u", i);
            assert_int_equal(take_number(store, name), round ? i + round : 0);
            put_number(store, name, i + round + 1);
            if (i % 100 == 0)
                handle_all(scene);
        }
        end_bridge(scene, store);
    }
    kept_remove(scene, g_array_index(scene->kept, Kept, 0).name);
    assert_int_equal(scene->kept->len, 0);
    assert_int_equal(count_open(), open_before);
}

/* The bridge that died was allowed more than this one is as long as it begins. */
static void a_low_limit_keeps_nothing_away(void **state)
{
    enum { MANY = 400, LOW = 200 };
    Scene *scene = *state;
    struct rlimit before;

    FdStore *store = start_bridge(scene);
    for (unsigned i = 0; i < MANY; i++) {
        g_autofree char *name = g_strdup_printf("process/%u", i);
        put_number(store, name, i + 1);
    }
    end_bridge(scene, store);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit low = {.rlim_cur = LOW, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    store = start_bridge(scene);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(take_number(store, "process/0"), 1);
    assert_int_equal(take_number(store, "process/399"), MANY);
    end_bridge(scene, store);
}

/* A death between the two halves of an exchange of queues leaves both. */
static void the_younger_queue_counts(void **state)
{
    Scene *scene = *state;

    FdStore *store = start_bridge(scene);
    put_number(store, "a", 1);
    end_bridge(scene, store);
    Kept old = g_array_index(scene->kept, Kept, 0);
    old.name = g_strdup(old.name);
    old.fd = fcntl(old.fd, F_DUPFD_CLOEXEC, KEPT_FD);
    store = start_bridge(scene);
    put_number(store, "a", 2);
    end_bridge(scene, store);
    g_array_append_val(scene->kept, old);
    assert_int_equal(scene->kept->len, 2);
    store = start_bridge(scene);
    assert_int_equal(scene->kept->len, 1);
    assert_int_equal(take_number(store, "a"), 2);
    end_bridge(scene, store);
}

static void without_systemd_it_is_memory(void **state)
{
    int problem;

    g_unsetenv("NOTIFY_SOCKET");
    FdStore *store = fd_store_open(-1, &problem);
    assert_int_equal(problem, 0);
    assert_false(fd_store_is_kept(store));
    put_number(store, "a", 1);
    assert_int_equal(fd_store_take(store, "a"), -ENOENT);
    assert_int_equal(fd_store_drop(store, "a"), 0);
    fd_store_drop_untaken(store);
    fd_store_clear(store);
    fd_store_free(store);
}

/* Killed at any moment
 * ----------------------------------------------------------------------------------------- */

enum { NAMES = 16, VICTIMS = 60, ENOUGH = 3000 };

/* What a victim has done, kept up to the instruction at which it is killed. */
typedef struct Ledger {
    uint64_t number[NAMES]; /* 0: dropped */
    uint64_t next[NAMES];   /* what an operation that is not over is about to make of it */
    uint64_t last;
} Ledger;

static void victim(Ledger *ledger)
{
    g_autofree char *pid = g_strdup_printf("%d", (int)getpid());
    int problem;

    g_setenv("LISTEN_PID", pid, TRUE);
    FdStore *store = fd_store_open(-1, &problem);
    if (problem < 0)
        _exit(1);
    srand((unsigned)getpid());
    for (;;) {
        unsigned index = (unsigned)rand() % NAMES;
        const char name[] = {(char)('a' + index), '\0'};
        bool drop = rand() % 4 == 0;
        int fd = drop ? -1 : make_fd(++ledger->last);
        volatile uint64_t *next = &ledger->next[index], *number = &ledger->number[index];

        *next = drop ? 0 : ledger->last;
        if ((drop ? fd_store_drop(store, name) : fd_store_put(store, name, fd)) < 0)
            _exit(1);
        *number = *next;
        if (fd >= 0)
            close(fd);
    }
}

static void watch_and_kill(Scene *scene, pid_t pid, int64_t usec)
{
    int64_t end = g_get_monotonic_time() + usec;
    struct pollfd poll_fd = {.fd = scene->notify, .events = POLLIN};
    int status;

    while (g_get_monotonic_time() < end) {
        (void)poll(&poll_fd, 1, 1);
        handle_all(scene);
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    handle_all(scene);
}

static void compare_with_ledger(Scene *scene, Ledger *ledger)
{
    FdStore *store = start_bridge(scene);

    for (unsigned i = 0; i < NAMES; i++) {
        const char name[] = {(char)('a' + i), '\0'};
        uint64_t number = take_number(store, name);
        assert_true(number == ledger->number[i] || number == ledger->next[i]);
        ledger->number[i] = ledger->next[i] = number;
    }
    end_bridge(scene, store);
}

static void a_kill_at_any_moment_loses_nothing(void **state)
{
    Scene *scene = *state;
    Ledger *ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(ledger, MAP_FAILED);
    /* Enough for queues to be exchanged while it happens, however slow the machine is. */
    for (unsigned i = 0; i < VICTIMS || ledger->last <= ENOUGH; i++) {
        hand_over(scene);
        pid_t pid = fork();
        if (pid == 0)
            victim(ledger);
        watch_and_kill(scene, pid, 200 + 311 * (int64_t)(i % VICTIMS));
        fill_inherited();
        compare_with_ledger(scene, ledger);
    }
    munmap(ledger, sizeof *ledger);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_next_bridge_has_it),         TEST(what_was_dropped_stays_away),
        TEST(many_fit_and_none_leaks),        TEST(the_younger_queue_counts),
        TEST(without_systemd_it_is_memory),   TEST(a_kill_at_any_moment_loses_nothing),
        TEST(a_low_limit_keeps_nothing_away),
    };
    return cmocka_run_group_tests_name("fd-store", tests, NULL, NULL);
}
