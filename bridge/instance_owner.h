/* The owner's side of an instance: making, restoring, ending it, and handing it what systemd says. For
 * group.c and manager.c; the RPC handlers have bridge/instance.h. */
#pragma once

#include "bridge/event.h"
#include "bridge/fcgi_socket.h"
#include "bridge/fd_store.h"
#include "bridge/instance.h"
#include "bridge/launch.h"
#include "bridge/listener.h"
#include "bridge/main_log.h"
#include "bridge/pump.h"
#include "bridge/store.h"
#include "bridge/systemd.h"
#include "translator/mapping.h"
#include "translator/plan.h"

/* What every instance works with: one per bridge, owned by the manager, outlives all instances. */
typedef struct InstanceContext {
    sd_event *event;
    Systemd *systemd;
    Pump *pump;
    MainLog *log;
    Store *store;
    FdStore *fd_store;
    EventBus *events;
    MappingContext mapping;
    LaunchContext launch;
    const char *identifier;
    const char *childlogdir;
    bool strip_ansi;
    void (*state_changed)(Instance *instance, ProcessState old, void *userdata);
    /* The unit has come to rest, whether or not the state changed. */
    void (*settled)(Instance *instance, void *userdata);
    void *userdata;
} InstanceContext;

/* Of a process that was taken over from an old supervisord: the name in the descriptor store of the old
 * daemon's end of its descriptor 0, 1 or 2. Newly allocated. */
char *instance_adopted_fd_name(const char *namespec, int fd);
/* The scope's name, as long as there is an instance, if its process was such a one; NULL otherwise. */
const char *instance_scope(const Instance *instance);
/* The unit that it has when it is run as configured. */
const char *instance_planned_unit(const Instance *instance);

/* `planned` must outlive the instance (its group holds the plan). Makes the AUTO log files, unless the store
 * knows them from before a restart of the bridge. */
Instance *instance_new(const PlannedProcess *planned, Group *group, const InstanceContext *context);
/* What the processes of a FastCGI group share: it is opened before the first one starts. Outlives the
 * instance's last start. */
void instance_set_socket(Instance *instance, FcgiSocket *socket);
/* Ends every watch with `gone`; calls to systemd still under way are forgotten. The unit is left as it is. */
void instance_detach(Instance *instance);
/* The same, and frees it. */
void instance_free(Instance *instance);

/* After a restart of the bridge: takes up what systemd shows (NULL: no such unit) and the store remembers.
 * Silent: no event, no "spawned" line for what was running already. Returns whether there was anything to
 * take up. */
bool instance_restore(Instance *instance, const UnitSnapshot *snapshot);

/* The same process in a newer plan: nothing about it has changed, so its unit, state and output stay.
 * `planned` must outlive it. */
void instance_rebase(Instance *instance, const PlannedProcess *planned);

/* Its process was taken over from an old supervisord and is alive. */
bool instance_is_adopted(const Instance *instance);

/* It was never started and wants to be: what autostart= asks for. */
bool instance_wants_autostart(const Instance *instance);

/* The unit has changed, or is not loaded any more. */
void instance_unit_changed(Instance *instance, const UnitSnapshot *snapshot);
void instance_unit_removed(Instance *instance);
/* Asks systemd how the unit is and goes on from there. */
void instance_look(Instance *instance);

/* The daemon is ending: what has ended or failed to start is kept from starting again. */
void instance_unit_hold(Instance *instance);

/* At shutdown a process in BACKOFF is given up instead of stopped, as in the oracle. */
void instance_stop_for_shutdown(Instance *instance);

/* The unit has come to rest: nothing of this process is alive or about to start. */
bool instance_at_rest(const Instance *instance);

/* Its side of the protocol; NULL when it is no event listener. */
Listener *instance_listener(const Instance *instance);

/* Its group is taken out: what is left of the unit is stopped, its files are removed, watchers are told
 * `gone`. Only instance_free() may follow; that may be later, since this can be called from inside one of its
 * callbacks. */
void instance_abolish(Instance *instance);
