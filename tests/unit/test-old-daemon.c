/* A process that stands for an old supervisord, with a program of its own, is looked at, stopped, robbed and
 * killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bridge/old_daemon.h"
#include "bridge/process_facts.h"

typedef struct Scene {
    pid_t daemon;
    pid_t program;
    pid_t helper; /* of the program; its parent has ended */
    bool redirected;
    bool everything_to_stderr;
    OldDaemon *old;
} Scene;

/* Answers every line with the same line, on both streams. */
static void be_program(void)
{
    char line[128];
    ssize_t size;

    while ((size = read(0, line, sizeof line)) > 0) {
        if (write(1, line, (size_t)size) < 0 || write(2, "!", 1) < 0)
            _exit(1);
    }
    _exit(0);
}

static void open_file_instead_of_stdout(void)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)dup2(fd, 1);
}

/* Nobody stays behind when a test fails. */
static pid_t fork_for_a_while(void)
{
    pid_t pid = fork();
    if (pid == 0)
        (void)alarm(30);
    return pid;
}

static void tell(int report, pid_t pid)
{
    if (write(report, &pid, sizeof pid) != sizeof pid)
        _exit(1);
}

/* A helper in the program's process group whose own parent ends at once. */
static pid_t make_helper(int report)
{
    pid_t between = fork();
    if (between == 0) {
        pid_t helper = fork_for_a_while();
        if (helper == 0) {
            close(report);
            for (;;)
                pause();
        }
        tell(report, helper);
        _exit(0);
    }
    (void)waitpid(between, NULL, 0);
    return between;
}

static void be_daemon(int report, bool redirected, bool everything_to_stderr)
{
    int in[2], out[2], error[2];
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX}; /* bound to a name of the kernel's choice */

    if (bind(listening, (struct sockaddr *)&address, sizeof address.sun_family) < 0 ||
        listen(listening, 5) < 0)
        _exit(1);
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(error, O_CLOEXEC) < 0)
        _exit(1);
    pid_t program = fork_for_a_while();
    if (program == 0) {
        (void)setpgid(0, 0);
        (void)dup2(in[0], 0);
        (void)dup2(everything_to_stderr ? error[1] : out[1], 1);
        (void)dup2(redirected ? out[1] : error[1], 2);
        int fds[] = {in[0], in[1], out[0], out[1], error[0], error[1], listening};
        for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
            close(fds[i]);
        (void)make_helper(report);
        close(report);
        if (redirected)
            open_file_instead_of_stdout();
        be_program();
    }
    close(in[0]);
    close(out[1]);
    close(error[1]);
    tell(report, program);
    close(report);
    for (;;)
        (void)poll(NULL, 0, -1);
}

static void begin(Scene *scene, bool redirected)
{
    int report[2];
    ProcessStat facts;
    pid_t pids[2];

    scene->redirected = redirected;
    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    scene->daemon = fork_for_a_while();
    if (scene->daemon == 0)
        be_daemon(report[1], redirected, scene->everything_to_stderr);
    close(report[1]);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(read(report[0], &pids[i], sizeof pids[i]), sizeof pids[i]);
    /* Until everybody has closed it: the program is what it is to be. */
    char rest;
    while (read(report[0], &rest, 1) > 0)
        ;
    close(report[0]);
    assert_int_equal(process_stat_read(pids[0], &facts), 0);
    bool program_first = facts.parent == scene->daemon;
    scene->program = pids[program_first ? 0 : 1];
    scene->helper = pids[program_first ? 1 : 0];
    assert_int_equal(process_stat_read(scene->daemon, &facts), 0);
    assert_int_equal(old_daemon_open(scene->daemon, facts.start, &scene->old), 0);
}

static void end(Scene *scene)
{
    old_daemon_free(scene->old);
    (void)kill(-scene->program, SIGKILL);
    (void)kill(scene->daemon, SIGKILL);
    (void)waitpid(scene->daemon, NULL, 0);
}

static bool contains(const GArray *pids, pid_t pid)
{
    for (unsigned i = 0; i < pids->len; i++) {
        if (g_array_index(pids, pid_t, i) == pid)
            return true;
    }
    return false;
}

static void another_process_of_that_pid_is_not_taken_for_it(void **state)
{
    Scene scene = {0};
    OldDaemon *other = NULL;
    ProcessStat facts;

    begin(&scene, false);
    assert_int_equal(process_stat_read(scene.daemon, &facts), 0);
    assert_int_equal(old_daemon_open(scene.daemon, facts.start + 1, &other), -ESRCH);
    assert_null(other);
    end(&scene);
}

static void those_of_a_lost_parent_belong_to_the_tree(void **state)
{
    Scene scene = {0};

    begin(&scene, false);
    g_autoptr(GArray) children = process_facts_children(scene.daemon);
    g_autoptr(GArray) tree = process_facts_tree(scene.program);
    assert_int_equal(children->len, 1);
    assert_int_equal(g_array_index(children, pid_t, 0), scene.program);
    assert_int_equal(tree->len, 2);
    assert_true(contains(tree, scene.program));
    assert_true(contains(tree, scene.helper));
    end(&scene);
}

static void frozen_it_stands_still_and_thawed_it_goes_on(void **state)
{
    Scene scene = {0};
    ProcessStat facts;

    begin(&scene, false);
    assert_int_equal(old_daemon_freeze(scene.old), 0);
    assert_int_equal(process_stat_read(scene.daemon, &facts), 0);
    assert_int_equal(facts.state, 'T');
    assert_int_equal(old_daemon_thaw(scene.old), 0);
    do {
        assert_int_equal(process_stat_read(scene.daemon, &facts), 0);
    } while (facts.state == 'T');
    end(&scene);
}

static void expect_read(int fd, const char *expected)
{
    char text[128] = "";
    size_t size = strlen(expected);

    for (size_t got = 0; got < size;) {
        ssize_t count = read(fd, text + got, size - got);
        assert_true(count > 0);
        got += (size_t)count;
    }
    assert_string_equal(text, expected);
}

static void close_fds(int fds[OLD_DAEMON_STREAMS])
{
    for (size_t i = 0; i < OLD_DAEMON_STREAMS; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

static void the_pipes_work_on_when_the_daemon_is_dead(void **state)
{
    Scene scene = {0};
    int fds[OLD_DAEMON_STREAMS];

    begin(&scene, false);
    g_autoptr(GArray) tree = process_facts_tree(scene.program);
    assert_int_equal(old_daemon_freeze(scene.old), 0);
    assert_int_equal(old_daemon_take_pipes(scene.old, tree, scene.program, scene.redirected, fds), 0);
    assert_int_equal(write(fds[0], "before", 6), 6);
    expect_read(fds[1], "before");
    assert_int_equal(old_daemon_kill(scene.old), 0);
    assert_int_equal(old_daemon_kill(scene.old), 0);
    expect_read(fds[2], "!");
    close_fds(fds);
    end(&scene);
}

static void a_stream_that_the_program_replaced_is_found_at_its_helper(void **state)
{
    Scene scene = {0};
    int fds[OLD_DAEMON_STREAMS];

    begin(&scene, true);
    g_autoptr(GArray) tree = process_facts_tree(scene.program);
    assert_int_equal(old_daemon_take_pipes(scene.old, tree, scene.program, scene.redirected, fds), 0);
    assert_int_not_equal(fds[0], -1);
    assert_int_not_equal(fds[1], -1);
    /* Standard error goes the same way. */
    assert_int_equal(fds[2], -1);
    assert_int_equal(write(fds[0], "x", 1), 1);
    expect_read(fds[1], "!");
    close_fds(fds);
    end(&scene);
}

/* `command >&2`: what is left of the two is standard error. */
static void the_one_that_is_left_is_told_from_the_other(void **state)
{
    Scene scene = {.everything_to_stderr = true};
    int fds[OLD_DAEMON_STREAMS];

    begin(&scene, false);
    g_autoptr(GArray) tree = process_facts_tree(scene.program);
    assert_int_equal(old_daemon_take_pipes(scene.old, tree, scene.program, false, fds), 0);
    assert_int_equal(fds[1], -1);
    assert_int_equal(write(fds[0], "x", 1), 1);
    expect_read(fds[2], "x!");
    close_fds(fds);
    end(&scene);
}

static void only_listening_sockets_are_taken(void **state)
{
    Scene scene = {0};
    GArray *fds = NULL;

    begin(&scene, false);
    assert_int_equal(old_daemon_take_sockets(scene.old, old_daemon_is_listening, &fds), 0);
    assert_int_equal(fds->len, 1);
    struct sockaddr_un address;
    socklen_t size = sizeof address;
    int listening = g_array_index(fds, int, 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(old_daemon_kill(scene.old), 0);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, size), 0);
    close(client);
    close(listening);
    g_array_unref(fds);
    end(&scene);
}

static void a_control_group_has_a_name(void **state)
{
    g_autofree char *mine = process_facts_cgroup(getpid());
    g_autofree char *nobodys = process_facts_cgroup(0);

    if (mine)
        assert_int_equal(mine[0], '/');
    assert_null(nobodys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_process_of_that_pid_is_not_taken_for_it),
        cmocka_unit_test(those_of_a_lost_parent_belong_to_the_tree),
        cmocka_unit_test(frozen_it_stands_still_and_thawed_it_goes_on),
        cmocka_unit_test(the_pipes_work_on_when_the_daemon_is_dead),
        cmocka_unit_test(a_stream_that_the_program_replaced_is_found_at_its_helper),
        cmocka_unit_test(the_one_that_is_left_is_told_from_the_other),
        cmocka_unit_test(only_listening_sockets_are_taken),
        cmocka_unit_test(a_control_group_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
