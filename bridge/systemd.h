/* The link to systemd's manager. Asks for jobs and hands up
 * what units do.
 *
 * Works over the manager's private socket, as systemctl does: on the system bus PID 1 would be cut off at 512
 * match rules (design.md section 4). Every call is asynchronous; answers and signals arrive from the event
 * loop. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "bridge/unit_snapshot.h"
#include "translator/property.h"

typedef struct Systemd Systemd;

typedef struct SystemdCallbacks {
    /* A watched unit has changed; the snapshot is whole. */
    void (*unit_changed)(const char *unit, const UnitSnapshot *snapshot, void *userdata);
    /* A watched unit is not loaded any more (never while systemd reloads itself). */
    void (*unit_removed)(const char *unit, void *userdata);
    /* Signals may have been missed (daemon-reload, daemon-reexec, a new connection): look at every unit
     * again. */
    void (*resynchronise)(void *userdata);
} SystemdCallbacks;

/* `user_manager`: systemd --user instead of PID 1. The first connection is made before this returns, which
 * may block: call it at start-up only. Later ones are made from the loop. Returns 0 or negative errno:
 * -ENOENT when there is no systemd there. */
int systemd_new(sd_event *event, bool user_manager, const SystemdCallbacks *callbacks, void *userdata,
                Systemd **ret);
void systemd_free(Systemd *systemd);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Systemd, systemd_free)

/* The variables that systemd gives to every unit, NULL-terminated; NULL as long as it has not said. */
char *const *systemd_environment(const Systemd *systemd);

/* Signals of other units are dropped early. A unit may be watched before it exists. */
void systemd_watch(Systemd *systemd, const char *unit);
void systemd_unwatch(Systemd *systemd, const char *unit);

/* How a call ended: 0 or a negative errno, and systemd's words for the failure (NULL on success).
 *   -EEXIST  a unit of that name is loaded       -ENOENT  no such unit       -ESRCH  it has no such process
 *   -ENOTCONN  the connection broke before the answer */
typedef void (*SystemdDone)(const char *unit, int result, const char *message, void *userdata);

/* All return 0 when the call is on its way (`done`, which may be NULL, will be called exactly once) or
 * negative errno when it is not (`done` will not be called). */
int systemd_start_transient(Systemd *systemd, const char *unit, const PropertyList *properties,
                            SystemdDone done, void *userdata);
/* `auxiliary` is made together with it, and not started. */
int systemd_start_transient_pair(Systemd *systemd, const char *unit, const PropertyList *properties,
                                 const char *auxiliary, const PropertyList *auxiliary_properties,
                                 SystemdDone done, void *userdata);
/* A unit that is loaded. */
int systemd_start(Systemd *systemd, const char *unit, SystemdDone done, void *userdata);
int systemd_stop(Systemd *systemd, const char *unit, SystemdDone done, void *userdata);
int systemd_reset_failed(Systemd *systemd, const char *unit, SystemdDone done, void *userdata);
/* To the main process only. */
int systemd_kill(Systemd *systemd, const char *unit, int signal, SystemdDone done, void *userdata);
/* To every process of the unit. */
int systemd_kill_all(Systemd *systemd, const char *unit, int signal, SystemdDone done, void *userdata);

/* Makes systemd look at what is in its directories of units now. A transient scope gets the drop-ins only
 * that were there at the last such look, which anything else loaded brings about but not the scope itself
 * (252). */
int systemd_notice_dropins(Systemd *systemd, const char *scope);

/* daemon-reload; the unit that `done` is told is "". */
int systemd_reload(Systemd *systemd, SystemdDone done, void *userdata);
/* `systemctl enable`, which does not start it. */
int systemd_enable(Systemd *systemd, const char *unit, SystemdDone done, void *userdata);
/* `systemctl disable`, which does not stop it. */
int systemd_disable(Systemd *systemd, const char *unit, SystemdDone done, void *userdata);

/* A look at a unit as it is now. `snapshot` is NULL when it is not loaded (result -ENOENT) or the call
 * failed. */
typedef void (*SystemdLooked)(const char *unit, int result, const UnitSnapshot *snapshot, void *userdata);
int systemd_look(Systemd *systemd, const char *unit, SystemdLooked looked, void *userdata);

/* The type of a unit's pending or running job ("stop", "restart", …); NULL when it has none. A negative
 * `result`: that is not known, -ENOTCONN because the connection broke. */
typedef void (*SystemdJob)(int result, const char *type, void *userdata);
int systemd_ask_job(Systemd *systemd, const char *unit, SystemdJob told, void *userdata);

/* Names of the loaded units that match a shell pattern, NULL-terminated; NULL when the call failed. */
typedef void (*SystemdListed)(int result, char **units, void *userdata);
int systemd_list(Systemd *systemd, const char *pattern, SystemdListed listed, void *userdata);

/* Whether every call has been answered. */
bool systemd_is_idle(const Systemd *systemd);

/* Nothing of what was asked with this userdata calls back any more. */
void systemd_forget(Systemd *systemd, void *userdata);
