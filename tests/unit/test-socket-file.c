/* Owner and mode of sockets, and of what somebody has put in their place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "bridge/socket_file.h"

typedef struct Scene {
    char *directory;
    char *socket;
    char *other; /* a file that is nobody's business */
    char *link;
} Scene;

static int set_up(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    Scene *scene = g_new0(Scene, 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    scene->directory = g_dir_make_tmp("socket-file-XXXXXX", NULL);
    scene->socket = g_build_filename(scene->directory, "s", NULL);
    scene->other = g_build_filename(scene->directory, "other", NULL);
    scene->link = g_build_filename(scene->directory, "link", NULL);
    g_strlcpy(address.sun_path, scene->socket, sizeof address.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_true(g_file_set_contents(scene->other, "x", 1, NULL));
    assert_int_equal(chmod(scene->other, 0600), 0);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    Scene *scene = *state;

    (void)g_unlink(scene->link);
    (void)g_unlink(scene->other);
    (void)g_unlink(scene->socket);
    (void)g_rmdir(scene->directory);
    g_free(scene->link);
    g_free(scene->other);
    g_free(scene->socket);
    g_free(scene->directory);
    g_free(scene);
    return 0;
}

static void assert_mode(const char *path, mode_t mode)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, mode);
}

static void a_socket_is_changed(void **state)
{
    Scene *scene = *state;
    struct stat status;

    assert_int_equal(socket_file_set_mode(scene->socket, 0712), 0);
    assert_mode(scene->socket, 0712);
    assert_int_equal(socket_file_set_owner(scene->socket, geteuid(), getegid()), 0);
    if (geteuid() == 0) {
        assert_int_equal(socket_file_set_owner(scene->socket, 7, 8), 0);
        assert_int_equal(stat(scene->socket, &status), 0);
        assert_int_equal(status.st_uid, 7);
        assert_int_equal(status.st_gid, 8);
    }
}

static void nothing_else_is(void **state)
{
    Scene *scene = *state;
    const char *const targets[] = {scene->other, scene->socket};

    assert_int_equal(socket_file_set_mode(scene->other, 0666), -ENOTSOCK);
    assert_int_equal(socket_file_set_owner(scene->other, geteuid(), getegid()), -ENOTSOCK);
    assert_mode(scene->other, 0600);
    for (size_t i = 0; i < G_N_ELEMENTS(targets); i++) {
        assert_int_equal(symlink(targets[i], scene->link), 0);
        assert_int_equal(socket_file_set_mode(scene->link, 0666), -ENOTSOCK);
        assert_int_equal(socket_file_set_owner(scene->link, geteuid(), getegid()), -ENOTSOCK);
        assert_int_equal(unlink(scene->link), 0);
    }
    assert_mode(scene->other, 0600);
    assert_int_equal(socket_file_set_mode(scene->link, 0666), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_socket_is_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_else_is, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
