/* What an old daemon says of its processes is believed only where it can be true. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bridge/adoption_record.h"

static const ProcessConfig never = {.autorestart = AUTORESTART_NEVER},
                           always = {.autorestart = AUTORESTART_ALWAYS};

static StoreRecord record_of(int state, pid_t pid, bool renewed, const ProcessConfig *config)
{
    const LegacyProcess legacy = {.state = (ProcessState)state, .pid = pid, .exitstatus = 3};
    const PlannedProcess planned = {.config = config};

    return adoption_record_make(
        &(AdoptionMember){.legacy = &legacy, .planned = &planned, .pid = pid, .renewed = renewed});
}

static void test_states(void **state)
{
    static const struct {
        int told;
        pid_t pid;
        bool renewed;
        const ProcessConfig *config;
        ProcessState state;
        bool pending;
    } cases[] = {
        {PROCESS_RUNNING, 7, false, &always, PROCESS_RUNNING, false},
        {PROCESS_STOPPING, 7, false, &always, PROCESS_STOPPING, false},
        {PROCESS_STOPPING, 0, false, &always, PROCESS_STOPPED, false},
        {PROCESS_RUNNING, 7, true, &always, PROCESS_STARTING, false},
        {PROCESS_RUNNING, 0, false, &always, PROCESS_STARTING, true},
        {PROCESS_RUNNING, 0, false, &never, PROCESS_EXITED, false},
        {PROCESS_BACKOFF, 0, false, &always, PROCESS_STARTING, true},
        {PROCESS_FATAL, 0, false, &always, PROCESS_FATAL, false},
        {PROCESS_EXITED, 0, false, &always, PROCESS_EXITED, false},
        {4711, 0, false, &always, PROCESS_STOPPED, false},
        {-1, 0, false, &always, PROCESS_STOPPED, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        StoreRecord record = record_of(cases[i].told, cases[i].pid, cases[i].renewed, cases[i].config);
        assert_int_equal(record.state, cases[i].state);
        assert_int_equal(record.pending, cases[i].pending);
    }
}

static void test_autologs(void **state)
{
    static const struct {
        const char *path;
        bool good;
    } cases[] = {
        {"/tmp/web-stdout---supervisor-x1_y2z.log", true},
        {"/tmp/../tmp/web-stdout---supervisor-x1_y2z.log", true},
        {"/etc/web-stdout---supervisor-x1_y2z.log", false},
        {"/tmp/web-stderr---supervisor-x1_y2z.log", false},
        {"/tmp/other-stdout---supervisor-x1_y2z.log", false},
        {"/etc/shadow", false},
        {"/tmp/web-stdout---x/../../etc/shadow", false},
        {"web-stdout---supervisor-x1_y2z.log", false},
        {"", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        LegacyProcess process = {.name = (char *)"web",
                                 .logfiles = {[STREAM_STDOUT] = (char *)cases[i].path}};
        assert_int_equal(adoption_record_is_autolog(&process, STREAM_STDOUT, "/tmp"), cases[i].good);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_autologs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
