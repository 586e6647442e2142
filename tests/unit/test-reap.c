/* Children that end now, later, or after the loop. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <glib.h>

#include "bridge/reap.h"

static pid_t make_child(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    while (pid == 0)
        (void)pause();
    return pid;
}

/* Neither alive nor a zombie. */
static bool is_gone(pid_t pid)
{
    return kill(pid, 0) < 0 && errno == ESRCH;
}

static void a_child_is_reaped_when_it_ends(void **state)
{
    sd_event *event = NULL;
    pid_t pid = make_child();

    assert_true(sd_event_new(&event) >= 0);
    reap_later(event, pid);
    assert_int_equal(sd_event_run(event, 0), 0);
    assert_false(is_gone(pid));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_true(sd_event_run(event, 10 * G_USEC_PER_SEC) > 0);
    assert_true(is_gone(pid));
    assert_int_equal(sd_event_run(event, 0), 0);
    sd_event_unref(event);
}

static void a_zombie_is_reaped_at_once(void **state)
{
    sd_event *event = NULL;
    siginfo_t info;
    pid_t pid = make_child();

    assert_true(sd_event_new(&event) >= 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    reap_later(event, pid);
    assert_true(is_gone(pid));
    sd_event_unref(event);
}

static void the_loop_may_end_first(void **state)
{
    sd_event *event = NULL;
    pid_t pid = make_child();

    assert_true(sd_event_new(&event) >= 0);
    reap_later(event, pid);
    sd_event_unref(event);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_is_reaped_when_it_ends),
        cmocka_unit_test(a_zombie_is_reaped_at_once),
        cmocka_unit_test(the_loop_may_end_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
