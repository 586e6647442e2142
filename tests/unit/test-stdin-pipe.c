#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "bridge/stdin_pipe.h"

typedef struct Scene {
    char *directory;
    char *path;
    sd_event *event;
    StdinPipe *pipe;
} Scene;

static int set_up(void **state)
{
    Scene *scene = g_new0(Scene, 1);

    signal(SIGPIPE, SIG_IGN);
    scene->directory = g_dir_make_tmp("supersede-stdin-XXXXXX", NULL);
    scene->path = g_build_filename(scene->directory, "stdin", NULL);
    if (mkfifo(scene->path, 0600) < 0 || sd_event_new(&scene->event) < 0)
        return -1;
    scene->pipe = stdin_pipe_new(scene->event, scene->path);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    Scene *scene = *state;

    stdin_pipe_free(scene->pipe);
    sd_event_unref(scene->event);
    g_unlink(scene->path);
    g_rmdir(scene->directory);
    g_free(scene->path);
    g_free(scene->directory);
    g_free(scene);
    return 0;
}

/* As the launcher opens it for a program. */
static int open_as_program(const Scene *scene)
{
    int fd = open(scene->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void without_a_reader_it_is_closed(void **state)
{
    Scene *scene = *state;

    assert_int_equal(stdin_pipe_write(scene->pipe, "x", 1), -EPIPE);
    g_unlink(scene->path);
    assert_int_equal(stdin_pipe_write(scene->pipe, "x", 1), -EPIPE);
}

static void small_writes_arrive_at_once(void **state)
{
    Scene *scene = *state;
    char buffer[16];

    int fd = open_as_program(scene);
    assert_int_equal(stdin_pipe_write(scene->pipe, "a\0b", 3), 0);
    assert_int_equal(stdin_pipe_write(scene->pipe, "", 0), 0);
    assert_int_equal(read(fd, buffer, sizeof buffer), 3);
    assert_memory_equal(buffer, "a\0b", 3);
    close(fd);
}

static void what_does_not_fit_follows(void **state)
{
    Scene *scene = *state;
    const size_t size = 1 << 20;
    g_autofree char *sent = g_malloc(size);
    g_autofree char *received = g_malloc(size);
    size_t got = 0;

    for (size_t i = 0; i < size; i++)
        sent[i] = (char)(i * 31 + i / 251);
    int fd = open_as_program(scene);
    assert_int_equal(stdin_pipe_write(scene->pipe, sent, size / 2), 0);
    assert_int_equal(stdin_pipe_write(scene->pipe, sent + size / 2, size / 2), 0);
    for (unsigned i = 0; got < size && i < 100000; i++) {
        ssize_t n = read(fd, received + got, size - got);
        if (n > 0)
            got += (size_t)n;
        assert_true(sd_event_run(scene->event, 0) >= 0);
    }
    assert_int_equal(got, size);
    assert_memory_equal(sent, received, size);
    close(fd);
}

static void the_next_program_gets_nothing_of_it(void **state)
{
    Scene *scene = *state;
    g_autofree char *much = g_malloc0(1 << 20);
    char buffer[16];

    int fd = open_as_program(scene);
    assert_int_equal(stdin_pipe_write(scene->pipe, much, 1 << 20), 0);
    close(fd);
    stdin_pipe_reset(scene->pipe);
    fd = open_as_program(scene);
    assert_int_equal(read(fd, buffer, sizeof buffer), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(stdin_pipe_write(scene->pipe, "new", 3), 0);
    assert_int_equal(read(fd, buffer, sizeof buffer), 3);
    close(fd);
}

static void unread_input_is_bounded(void **state)
{
    Scene *scene = *state;
    g_autofree char *much = g_malloc0(1 << 20);
    int r = 0;
    unsigned megabytes = 0;

    int fd = open_as_program(scene);
    while (r == 0 && megabytes < 64) {
        r = stdin_pipe_write(scene->pipe, much, 1 << 20);
        megabytes += r == 0;
    }
    assert_int_equal(r, -ENOBUFS);
    assert_true(megabytes >= 15 && megabytes <= 17);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_reader_it_is_closed), TEST(small_writes_arrive_at_once),
        TEST(what_does_not_fit_follows),     TEST(the_next_program_gets_nothing_of_it),
        TEST(unread_input_is_bounded),
    };
    return cmocka_run_group_tests_name("stdin-pipe", tests, NULL, NULL);
}
