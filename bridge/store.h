/* What the bridge knows and systemd does not, kept where a killed bridge leaves it: RUNTIME_DIRECTORY/state.
 *
 * An append-only file of one line per fact, the last one about a thing wins. The directory is on a tmpfs, so
 * a write that has returned survives the death of the bridge, and a reboot clears everything, as it should. A
 * line cut short by a kill is skipped. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/process_state.h"
#include "translator/config.h"

typedef struct Store Store;

typedef struct StoreRecord {
    ProcessState state;
    double laststart;
    double laststop;
    int exitstatus;
    unsigned backoff;
    bool pending;         /* STARTING, and systemd has not answered yet */
    const char *spawnerr; /* "" when there is none */
} StoreRecord;

/* Opens or makes the file and reads what is there. Returns 0 or negative errno. */
int store_open(const char *path, Store **ret);
void store_free(Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_free)

/* Whether an earlier bridge left anything: then this is a restart, not a first start. */
bool store_is_restart(const Store *store);

/* NULL when nothing is known. Valid until the next put for the same process. */
const StoreRecord *store_process(const Store *store, const char *namespec);
/* 0 or negative errno. */
int store_put_process(Store *store, const char *namespec, const StoreRecord *record);

/* The AUTO log file of a stream. */
const char *store_autolog(const Store *store, const char *namespec, Stream stream);
int store_put_autolog(Store *store, const char *namespec, Stream stream, const char *path);

/* Groups that were taken out with removeProcessGroup although the configuration still has them. */
bool store_group_removed(const Store *store, const char *group);
int store_put_group_removed(Store *store, const char *group, bool removed);

/* A process that was taken over from an old supervisord and runs in a scope. */
typedef struct StoreAdopted {
    pid_t pid;      /* 0: none (any more) */
    uint64_t start; /* in ticks since boot: a pid alone comes back */
} StoreAdopted;

StoreAdopted store_adopted(const Store *store, const char *namespec);
int store_put_adopted(Store *store, const char *namespec, StoreAdopted adopted);

/* Forgets a process and its logs. */
int store_forget_process(Store *store, const char *namespec);
