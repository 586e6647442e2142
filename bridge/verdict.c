#include "bridge/verdict.h"

/* The gate measures from the kernel's clock of the process, in ticks of 10 ms; systemd's timestamps are its
 * own. Nearer to startsecs than this, in seconds, the two may differ. */
#define DOUBTFUL 0.1

Verdict verdict_reach(const VerdictEvidence *evidence)
{
    if (evidence->spawn_error || evidence->fatal || evidence->failures > evidence->known_failures)
        return VERDICT_FAILED;
    if (evidence->startsecs <= 0)
        return VERDICT_PASSED;
    if (evidence->lifetime < (double)evidence->startsecs - DOUBTFUL)
        return VERDICT_FAILED;
    return evidence->gate_is_there ? VERDICT_OPEN : VERDICT_PASSED;
}
