#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bridge/verdict.h"

static void verdicts(void **state)
{
    static const struct {
        VerdictEvidence evidence;
        Verdict verdict;
    } rows[] = {
        /* certainly too early, whatever the gate has got to */
        {{.startsecs = 1, .lifetime = 0.002, .gate_is_there = true}, VERDICT_FAILED},
        {{.startsecs = 1, .lifetime = 0.5, .gate_is_there = false}, VERDICT_FAILED},
        /* near startsecs the gate's word counts */
        {{.startsecs = 1, .lifetime = 1.001, .gate_is_there = true}, VERDICT_OPEN},
        {{.startsecs = 1, .lifetime = 0.999, .gate_is_there = false}, VERDICT_PASSED},
        {{.startsecs = 1, .lifetime = 0.999, .gate_is_there = true, .failures = 1}, VERDICT_FAILED},
        {{.startsecs = 1, .lifetime = 0.999, .gate_is_there = true, .failures = 2, .known_failures = 2},
         VERDICT_OPEN},
        {{.startsecs = 1, .lifetime = 0.999, .fatal = true, .known_failures = 3}, VERDICT_FAILED},
        /* startsecs=0: only a program that never was is a failed start */
        {{.startsecs = 0, .lifetime = 0.001, .gate_is_there = true}, VERDICT_PASSED},
        {{.startsecs = 0, .lifetime = 0.001, .gate_is_there = true, .spawn_error = true}, VERDICT_FAILED},
        {{.startsecs = -1, .lifetime = 0}, VERDICT_PASSED},
        {{.startsecs = 10, .lifetime = 60, .spawn_error = true}, VERDICT_FAILED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(verdict_reach(&rows[i].evidence), rows[i].verdict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(verdicts)};
    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
