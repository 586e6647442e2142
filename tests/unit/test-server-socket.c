/* Whose a listening socket is: by the file that it was bound to, and by its address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridge/server_socket.h"

typedef struct Place {
    char *directory;
    char *path;
} Place;

static int make_place(void **state)
{
    Place *place = g_new0(Place, 1);

    place->directory = g_dir_make_tmp("server-socket-XXXXXX", NULL);
    place->path = g_build_filename(place->directory, "socket", NULL);
    *state = place;
    return place->directory ? 0 : -1;
}

static int remove_place(void **state)
{
    Place *place = *state;

    (void)g_unlink(place->path);
    (void)g_rmdir(place->directory);
    g_free(place->path);
    g_free(place->directory);
    g_free(place);
    return 0;
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_return_code(listen(fd, 5), 0);
    return fd;
}

/* As Supervisor does it: another name first, which does not stay. */
static int listen_as_supervisor(const char *path)
{
    g_autofree char *temporary = g_strconcat(path, ".4711", NULL);
    int fd = listen_at(temporary);

    assert_return_code(link(temporary, path), 0);
    assert_return_code(unlink(temporary), 0);
    return fd;
}

static void test_unix(void **state)
{
    const Place *place = *state;
    ServerConfig server = {.is_unix = true, .file = place->path};

    int fd = listen_at(place->path);
    assert_true(server_socket_is_at(fd, &server));
    assert_return_code(unlink(place->path), 0);
    assert_false(server_socket_is_at(fd, &server));
    /* Somebody else's in its place, of the same name. */
    int other = listen_at(place->path);
    assert_false(server_socket_is_at(fd, &server));
    assert_true(server_socket_is_at(other, &server));
    close(other);
    close(fd);
}

static void test_unix_of_supervisor(void **state)
{
    const Place *place = *state;
    g_autofree char *elsewhere = g_strconcat(place->path, "-elsewhere", NULL);
    g_autofree char *roundabout = g_strconcat(place->directory, "/../", NULL);
    g_autofree char *base = g_path_get_basename(place->directory);
    g_autofree char *same = g_strconcat(roundabout, base, "/socket", NULL);

    int fd = listen_as_supervisor(place->path);
    assert_true(server_socket_is_at(fd, &(ServerConfig){.is_unix = true, .file = place->path}));
    assert_true(server_socket_is_at(fd, &(ServerConfig){.is_unix = true, .file = same}));
    assert_false(server_socket_is_at(fd, &(ServerConfig){.is_unix = true, .file = elsewhere}));
    assert_false(server_socket_is_at(fd, &(ServerConfig){.host = "", .port = 1}));
    assert_return_code(unlink(place->path), 0);
    int other = listen_as_supervisor(place->path);
    assert_false(server_socket_is_at(fd, &(ServerConfig){.is_unix = true, .file = place->path}));
    close(other);
    close(fd);
}

static void test_inet(void **state)
{
    static const struct {
        const char *bound;
        const char *host;
        bool same;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1", true}, {"127.0.0.1", "localhost", true},
        {"127.0.0.1", "", false},         {"0.0.0.0", "", true},
        {"0.0.0.0", "127.0.0.1", false},  {"127.0.0.2", "127.0.0.1", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct sockaddr_in address = {.sin_family = AF_INET};
        socklen_t size = sizeof address;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(inet_pton(AF_INET, cases[i].bound, &address.sin_addr), 1);
        assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
        assert_return_code(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        ServerConfig server = {.host = cases[i].host, .port = ntohs(address.sin_port)};
        /* It does not listen yet. */
        assert_false(server_socket_is_at(fd, &server));
        assert_return_code(listen(fd, 5), 0);
        assert_int_equal(server_socket_is_at(fd, &server), cases[i].same);
        server.port ^= 1;
        assert_false(server_socket_is_at(fd, &server));
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_unix, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_unix_of_supervisor, make_place, remove_place),
        cmocka_unit_test(test_inet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
