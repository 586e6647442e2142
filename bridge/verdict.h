/* What an end before RUNNING was: a failed start (BACKOFF), or the end of a program that had stayed up long
 * enough and was just not seen RUNNING (the gate and the program may end within one millisecond of each
 * other).
 *
 * The gate has decided, and what it decided is what systemd acts on. This finds out what that was. */
#pragma once

#include <stdbool.h>

typedef enum Verdict {
    VERDICT_FAILED,
    VERDICT_PASSED,
    VERDICT_OPEN, /* the gate is still about to decide: ask again when it has gone or has written its mark */
} Verdict;

typedef struct VerdictEvidence {
    long long startsecs;
    double lifetime;         /* of the process, in seconds, as systemd saw it */
    bool gate_is_there;      /* the unit has a control process */
    bool spawn_error;        /* the launcher left its mark: there never was a program */
    bool fatal;              /* the gate left its mark: it has given up */
    unsigned failures;       /* the gate's count of failed starts now */
    unsigned known_failures; /* … and before this start */
} VerdictEvidence;

Verdict verdict_reach(const VerdictEvidence *evidence);
