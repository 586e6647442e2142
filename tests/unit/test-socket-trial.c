#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "bridge/socket_trial.h"

static int listen_somewhere(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* A process with this descriptor as its standard input. */
static pid_t hold(int fd)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (dup2(fd, STDIN_FILENO) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    for (;;) {
        g_autofree char *path = g_strdup_printf("/proc/%d/fd/0", (int)pid);
        g_autofree char *target = g_file_read_link(path, NULL);
        if (target && g_str_has_prefix(target, "socket:"))
            return pid;
        g_usleep(1000);
    }
}

static void end(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_a_free_address(void **state)
{
    g_auto(SocketTrial) trial = {0};
    g_autofree char *message = NULL, *expected = NULL;
    SocketConfig config = {.url = "tcp://localhost:0", .host = "localhost"};

    close(listen_somewhere(&config.port));
    assert_int_equal(socket_trial_run(&config, 0, &trial, &message), 0);
    expected = g_strdup_printf("127.0.0.1:%u", config.port);
    assert_string_equal(trial.address, expected);
    assert_false(trial.shared);
}

/* Whatever the resolver of this machine does, nobody waits long for it. */
static void test_a_name_without_an_address(void **state)
{
    g_auto(SocketTrial) trial = {0};
    g_autofree char *message = NULL;
    const SocketConfig config = {.url = "tcp://x", .host = "no-such-host.invalid", .port = 1};
    int64_t begin = g_get_monotonic_time();

    assert_int_equal(socket_trial_run(&config, 0, &trial, &message), -EADDRNOTAVAIL);
    assert_true(g_str_has_prefix(message, "[Errno -"));
    assert_null(trial.address);
    assert_true(g_get_monotonic_time() - begin < 5 * G_USEC_PER_SEC);
}

static void test_an_address_in_use(void **state)
{
    g_auto(SocketTrial) trial = {0};
    g_autofree char *message = NULL;
    SocketConfig config = {.url = "tcp://localhost:0", .host = "127.0.0.1"};
    int fd = listen_somewhere(&config.port);

    assert_int_equal(socket_trial_run(&config, 0, &trial, &message), -EADDRINUSE);
    assert_string_equal(message, "[Errno 98] Address already in use");
    assert_null(trial.address);
    close(fd);
}

/* Processes of an old supervisord have it: both sockets can be there. */
static void test_an_address_that_is_shared(void **state)
{
    g_auto(SocketTrial) trial = {0};
    g_autofree char *message = NULL;
    SocketConfig config = {.url = "tcp://localhost:0", .host = "127.0.0.1"};
    int fd = listen_somewhere(&config.port);
    pid_t holder = hold(fd);

    close(fd);
    assert_int_equal(socket_trial_run(&config, holder, &trial, &message), 0);
    assert_true(trial.shared);
    end(holder);
}

static void test_a_holder_of_something_else(void **state)
{
    g_auto(SocketTrial) trial = {0};
    g_autofree char *message = NULL;
    SocketConfig config = {.url = "tcp://localhost:0", .host = "127.0.0.1"};
    uint16_t other_port;
    int fd = listen_somewhere(&config.port), other = listen_somewhere(&other_port);
    pid_t holder = hold(other);

    assert_int_equal(socket_trial_run(&config, holder, &trial, &message), -EADDRINUSE);
    assert_false(trial.shared);
    end(holder);
    close(other);
    close(fd);
}

static void bind_file(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static void test_a_file(void **state)
{
    g_autofree char *directory = g_dir_make_tmp("supersede-trial-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "socket", NULL);
    g_autofree char *other = g_build_filename(directory, "other", NULL);
    g_auto(SocketTrial) trial = {0};
    g_autofree char *message = NULL;
    SocketConfig config = {.is_unix = true, .path = path, .has_mode = true, .mode = 01640};
    struct stat status;

    bind_file(path); /* a stale one gives way */
    assert_int_equal(socket_trial_run(&config, 0, &trial, &message), 0);
    assert_string_equal(trial.address, path);
    assert_int_equal(trial.mode, 01640);
    /* What systemd makes of it gets the same. */
    assert_int_equal(unlink(path), 0);
    bind_file(path);
    assert_int_equal(socket_trial_apply(&trial, path), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 01640);
    /* No link is followed, nothing but a socket is touched. */
    assert_int_equal(symlink(path, other), 0);
    assert_int_equal(socket_trial_apply(&trial, other), -ENOTSOCK);
    assert_int_equal(unlink(other), 0);
    assert_true(g_file_set_contents(other, "precious", -1, NULL));
    assert_int_equal(socket_trial_apply(&trial, other), -ENOTSOCK);
    config.path = other;
    assert_int_equal(socket_trial_run(&config, 0, &trial, &message), -EEXIST);
    assert_int_equal(access(other, F_OK), 0);
    unlink(other);
    unlink(path);
    rmdir(directory);
}

static void test_names_that_systemd_would_lose(void **state)
{
    static const char *const paths[] = {"/tmp/a\"b",     "/tmp/a'b",  "/tmp/a\\b",
                                        "/tmp/\xc3\xbc", "/tmp/a\nb", "/tmp/a "};

    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_auto(SocketTrial) trial = {0};
        g_autofree char *message = NULL;
        SocketConfig config = {.is_unix = true, .path = paths[i]};
        assert_int_equal(socket_trial_run(&config, 0, &trial, &message), -EINVAL);
        assert_non_null(strstr(message, "systemd would lose"));
        assert_int_equal(access(paths[i], F_OK), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_free_address),
        cmocka_unit_test(test_a_name_without_an_address),
        cmocka_unit_test(test_an_address_in_use),
        cmocka_unit_test(test_an_address_that_is_shared),
        cmocka_unit_test(test_a_holder_of_something_else),
        cmocka_unit_test(test_a_file),
        cmocka_unit_test(test_names_that_systemd_would_lose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
