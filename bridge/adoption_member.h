/* The programs of an old supervisord: what it said of each, held against the configuration and against the
 * processes that are there. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "translator/legacy.h"
#include "translator/plan.h"

typedef struct AdoptionMember {
    const LegacyProcess *legacy;
    const PlannedProcess *planned; /* NULL: not in the configuration (any more), and without a process */
    pid_t pid;                     /* 0: none */
    uint64_t start;                /* of the process, in ticks since boot */
    bool renewed;                  /* the old daemon has started it since it was asked */
    bool ended;     /* it waits for the old daemon, which stands still, to be reaped: what it wrote
                       last nobody has read */
    bool connected; /* its pipes are taken */
    char *scope;    /* NULL: has none yet */
} AdoptionMember;

/* An array of AdoptionMember, one for each process that the old daemon has. `legacy` and `plan` must outlive
 * it. Returns 0, or -ENOENT with `ret_message` newly allocated when something runs that the configuration
 * does not know. */
int adoption_members_new(const LegacyDaemon *legacy, const Plan *plan, GPtrArray **ret, char **ret_message);

/* Looks again, at processes: the old daemon stands still now, but may have started and lost some since it was
 * asked. Returns 0, or -EUNATCH with `ret_message` when it has a child that is no program of its
 * configuration. */
int adoption_members_see(GPtrArray *members, pid_t old_daemon, char **ret_message);

/* It is a child of the daemon, and not taken over but started anew. */
bool adoption_member_is_listener(const AdoptionMember *member);
/* There is a process, and it is to be ours: alive, or at least to be read to its end. */
bool adoption_member_is_taken(const AdoptionMember *member);
