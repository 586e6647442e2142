/* The child that looks into the journal; what it finds there test_unbroken.py knows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bridge/journal_lookup.h"

#define PATIENCE_SECONDS 60
/* Nobody has ever sent these. */
#define ONE     "SUPERVISOR_ID=test-journal-lookup:one"
#define ANOTHER "SUPERVISOR_ID=test-journal-lookup:another"

static int set_up(void **state)
{
    sd_event *event = NULL;

    if (sd_event_new(&event) < 0)
        return -1;
    *state = event;
    return 0;
}

static int tear_down(void **state)
{
    sd_event_unref(*state);
    /* A child that is just ending outlives the loop that would have reaped it. */
    while (waitpid(-1, NULL, 0) > 0)
        ;
    return 0;
}

static int ask_until_known(sd_event *event, JournalLookup *lookup, const char *match)
{
    time_t end = time(NULL) + PATIENCE_SECONDS;
    int r;

    while ((r = journal_lookup_ask(match, 1, lookup)) == -EINPROGRESS && time(NULL) < end)
        assert_true(sd_event_run(event, 2000) >= 0);
    return r;
}

static void answers_in_its_own_time(void **state)
{
    g_autoptr(JournalLookup) lookup = journal_lookup_new(*state);

    assert_int_equal(journal_lookup_ask(ONE, 1, lookup), -EINPROGRESS);
    assert_int_equal(ask_until_known(*state, lookup, ONE), 0);
    /* And once more, from the beginning. */
    assert_int_equal(journal_lookup_ask(ONE, 1, lookup), -EINPROGRESS);
    assert_int_equal(ask_until_known(*state, lookup, ONE), 0);
}

static void who_has_gone_keeps_nobody_waiting(void **state)
{
    g_autoptr(JournalLookup) lookup = journal_lookup_new(*state);

    assert_int_equal(journal_lookup_ask(ONE, 1, lookup), -EINPROGRESS);
    assert_int_equal(ask_until_known(*state, lookup, ANOTHER), 0);
}

static unsigned count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    unsigned count = 0;

    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

/* Running ones and those that nobody has reaped. */
static bool has_children(void)
{
    siginfo_t found;

    return waitid(P_ALL, 0, &found, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void leaves_nothing_behind(void **state)
{
    time_t end = time(NULL) + PATIENCE_SECONDS;
    unsigned before = count_descriptors();
    JournalLookup *lookup = journal_lookup_new(*state);

    assert_int_equal(journal_lookup_ask(ONE, 1, lookup), -EINPROGRESS);
    journal_lookup_free(lookup);
    while (has_children() && time(NULL) < end)
        assert_true(sd_event_run(*state, 2000) >= 0);
    assert_false(has_children());
    while (sd_event_run(*state, 0) > 0)
        ;
    assert_int_equal(count_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_in_its_own_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_has_gone_keeps_nobody_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_nothing_behind, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
