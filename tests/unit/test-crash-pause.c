/* Starts in quick succession are slowed down, all others are not. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "bridge/crash_pause.h"

#define SECOND ((uint64_t)G_USEC_PER_SEC)

static int make_directory(void **state)
{
    *state = g_dir_make_tmp("crash-pause-XXXXXX", NULL);
    return *state ? 0 : -1;
}

static int remove_directory(void **state)
{
    crash_pause_forget(*state);
    int r = g_rmdir(*state);
    g_free(*state);
    return r;
}

/* Returns what the start number `count` of those that crash after `lifetime` has to wait. */
static uint64_t crash(const char *directory, unsigned count, uint64_t lifetime)
{
    uint64_t now = 1000 * SECOND, pause = 0;

    for (unsigned i = 0; i < count; i++) {
        pause = crash_pause_count(directory, now);
        now += pause + lifetime;
    }
    return pause;
}

static void a_few_crashes_cost_nothing(void **state)
{
    assert_int_equal(crash(*state, 10, SECOND / 100), 0);
}

static void a_daemon_that_crashes_at_once_waits_longer_and_longer(void **state)
{
    assert_int_equal(crash(*state, 11, SECOND / 100), SECOND / 10);
    crash_pause_forget(*state);
    assert_int_equal(crash(*state, 13, SECOND / 100), 3 * SECOND / 10);
    crash_pause_forget(*state);
    assert_int_equal(crash(*state, 1000, SECOND / 100), SECOND);
}

static void one_that_lives_is_not_slowed_down(void **state)
{
    assert_int_equal(crash(*state, 1000, 2 * SECOND), 0);
}

static void an_orderly_end_is_forgotten(void **state)
{
    assert_true(crash(*state, 50, SECOND / 100) > 0);
    crash_pause_forget(*state);
    assert_int_equal(crash_pause_count(*state, 1000 * SECOND), 0);
}

static void rubbish_in_the_file_is_no_count(void **state)
{
    g_autofree char *path = g_build_filename(*state, "quick-starts", NULL);

    assert_true(g_file_set_contents(path, "99999999999999999999999 x\n", -1, NULL));
    assert_int_equal(crash_pause_count(*state, 1000 * SECOND), 0);
}

static void a_signal_to_end_cuts_it_short_and_stays(void **state)
{
    sigset_t signals, before;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &signals, &before), 0);
    assert_int_equal(raise(SIGTERM), 0);
    int64_t begin = g_get_monotonic_time();
    crash_pause_wait(60 * SECOND);
    assert_true(g_get_monotonic_time() - begin < 30 * G_USEC_PER_SEC);
    assert_int_equal(sigpending(&signals), 0);
    assert_int_equal(sigismember(&signals, SIGTERM), 1);
    /* Taken away, or it would end the test. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    assert_int_equal(sigwaitinfo(&signals, NULL), SIGTERM);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        TEST(a_few_crashes_cost_nothing),        TEST(a_daemon_that_crashes_at_once_waits_longer_and_longer),
        TEST(one_that_lives_is_not_slowed_down), TEST(an_orderly_end_is_forgotten),
        TEST(rubbish_in_the_file_is_no_count),   TEST(a_signal_to_end_cuts_it_short_and_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
