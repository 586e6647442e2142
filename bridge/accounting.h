/* What systemd's accounting says about the memory and the CPU time of units.
 *
 * Read from the files of the unit's cgroup, which is where systemd itself reads MemoryCurrent and
 * CPUUsageNSec: asking PID 1 for them costs two calls for each unit, which it answers one after the other. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

typedef struct Accounting Accounting;

typedef struct AccountingUsage {
    bool has_memory;
    bool has_cpu;
    uint64_t memory;   /* bytes, the page cache that is charged to it included; where systemd accounts no
                          memory the resident pages of its processes */
    uint64_t cpu_usec; /* of all processes that its unit has had since it was started */
} AccountingUsage;

/* A unit and its main process. */
typedef struct AccountingUnit {
    const char *name;
    pid_t pid; /* 0: it does not run */
} AccountingUnit;

/* `proc` and `cgroups` are where those file systems are; NULL: in their places. */
Accounting *accounting_new(sd_event *event, const char *proc, const char *cgroups);
/* Those who wait are not called any more. */
void accounting_free(Accounting *accounting);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Accounting, accounting_free)

/* Brings the figures of these units up to date and forgets all others. Reads for a millisecond, then lets the
 * event loop go on; `done` is called when it is through, before this returns when what is known is less than
 * ACCOUNTING_FRESH_USEC old and nothing has been started since. While a reading is under way others wait for
 * the same one. */
enum { ACCOUNTING_FRESH_USEC = 500 * 1000 };
typedef void (*AccountingDone)(void *userdata);
void accounting_refresh(Accounting *accounting, const AccountingUnit *units, size_t count,
                        AccountingDone done, void *userdata);
/* Who asked with this userdata is not called any more. */
void accounting_forget(Accounting *accounting, void *userdata);

/* When the last reading ended: microseconds of the monotonic clock. */
int64_t accounting_time(const Accounting *accounting);
/* As last read; nothing is known of what does not run. */
AccountingUsage accounting_usage(const Accounting *accounting, const AccountingUnit *unit);
