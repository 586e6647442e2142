/* The inside of the manager, shared by manager.c (groups and configuration), manager_life.c (start and end),
 * manager_dismissal.c, manager_look.c, manager_servers.c, manager_signal.c and manager_succession.c. Nobody
 * else includes this. */
#pragma once

#include "bridge/adoption_end.h"
#include "bridge/fd_store.h"
#include "bridge/group_owner.h"
#include "bridge/http.h"
#include "bridge/manager_owner.h"
#include "bridge/pump.h"
#include "bridge/rpc.h"
#include "bridge/server_socket.h"
#include "bridge/stop_target.h"
#include "bridge/store.h"
#include "bridge/systemd.h"
#include "bridge/web.h"
#include "bridge/tick.h"

struct Manager {
    sd_event *event;
    const CommandLine *line;
    const Settings *settings;
    MainLog *log; /* the caller's */
    Systemd *systemd;
    Pump *pump;
    Store *store;
    FdStore *fd_store;
    ServerSockets *sockets;
    int niceness;              /* before the adoption */
    bool adopted;              /* an old supervisord's place was taken just now */
    AdoptionEnd *adoption_end; /* NULL: nothing was adopted */
    char *former_unit;         /* of the supervisord whose place this service has taken; NULL: none */
    char *own_unit;            /* the service that this process is the main process of; NULL: none */
    EventBus *events;
    Tick *tick;
    Http *http;
    RpcServer *rpc;
    Web *web;
    InstanceContext context;
    FcgiSocketContext socket_context;
    char *runtime_directory;
    char *working_directory;
    char *libexecdir;
    int lock;
    int inherited; /* the queue of descriptors of former_unit's, until the store has it; -1: none */

    Config *config; /* as last read */
    Plan *plan;
    GPtrArray *groups;         /* in the order in which they became active */
    GHashTable *by_name;       /* group name → Group */
    GHashTable *by_unit;       /* unit name → Instance */
    GHashTable *by_socket;     /* unit name → FcgiSocket, owned; of groups that are gone, too */
    GHashTable *dismissed;     /* set of names: units that are to stop and be forgotten */
    GPtrArray *dead_instances; /* of groups that live on; freed together with */
    GPtrArray *graveyard; /* removed groups: freed from the loop, since a caller may still be inside one */

    DaemonState state;
    bool ready;            /* everything was looked at, servers are open */
    bool term_unexplained; /* SIGTERM has come while systemd could not be asked what it is for */
    bool pidfile_written;
    unsigned looks;      /* units still to be looked at before that */
    GHashTable *looked;  /* set of Instance: those whose units were */
    bool look_broke;     /* the connection did, meanwhile */
    int64_t look_until;  /* monotonic; what breaks later is not tried again */
    GPtrArray *stopping; /* groups still to be stopped, the next one last */
    sd_event_source *bury;
    sd_event_source *shutdown_report;
    sd_event_source *advance; /* the shutdown goes on from the loop */
    int failure;              /* why the loop ended early */
    char *failure_message;
};

/* Groups in the order in which they became active; the array is the caller's. */
GPtrArray *manager_copy_groups(const Manager *manager);
/* Ascending priority; for g_ptr_array_sort(). */
int manager_compare_groups(const void *a, const void *b);
/* What the processes of this group share; NULL when they share none. */
FcgiSocket *manager_socket(Manager *manager, const PlannedGroup *planned);
/* Makes the group active, and tells listeners so, without starting anything. */
Group *manager_activate(Manager *manager, const PlannedGroup *planned);

/* Tells systemd the order in which it stops programs when the host goes down: after each reading of the
 * configuration. */
void manager_order_stops(Manager *manager);

/* manager_life.c */

/* Everything was looked at: the servers are opened, and what is to start starts. */
void manager_become_ready(Manager *manager);
/* Ends the loop. */
void manager_fail(Manager *manager, int failure, const char *message);

/* manager_dismissal.c */

/* Stops a unit that is no program's, and lets systemd forget it even if it ends badly. */
void manager_dismiss(Manager *manager, const char *unit);
/* What systemd says of units that are neither an instance's nor a socket's. */
void manager_dismissed_changed(Manager *manager, const char *unit, const UnitSnapshot *snapshot);
void manager_dismissed_removed(Manager *manager, const char *unit);

/* manager_look.c */

/* Looks at all units that are there; goes on from the loop, to manager_become_ready(). 0 or negative errno.
 */
int manager_look(Manager *manager);
/* There is a connection to systemd again: goes on with the look that broke off, if one did. */
void manager_look_again(Manager *manager);

/* manager_servers.c */

/* What the servers serve, before there are any. 0 or negative errno. */
int manager_make_http(Manager *manager);
/* Opens all servers. 0, or negative errno with `ret_message` newly allocated. */
int manager_open_servers(Manager *manager, char **ret_message);
/* Stops the socket units that were passed: at the end those that a server used, so that a client does not
 * start everything again; at the start the others. */
void manager_stop_sockets(Manager *manager, bool used);

/* manager_succession.c */

/* The service that this process is the main process of, newly allocated; NULL: none. */
char *manager_find_own_unit(void);
/* Locks the runtime directory; where a supervisord for the time being stands in the way, takes its place. 0
 * or negative errno, -EBUSY when another one is there. */
int manager_lock_directory(Manager *manager);
/* The unit of that one stays stopped. */
void manager_end_former(Manager *manager);
/* Returns 1 when an old supervisord's place was taken just now, 0 when there is nothing (more) to take, or
 * negative errno with `ret_message` newly allocated. */
int manager_adopt(Manager *manager, char **ret_message);
/* Everything is at work: what is left of the adoption is done from the loop. */
void manager_end_adoption(Manager *manager);

/* manager_signal.c */
int manager_watch_signals(Manager *manager);
/* There is a connection to systemd again: what was its last SIGTERM about? */
void manager_explain_term(Manager *manager);
