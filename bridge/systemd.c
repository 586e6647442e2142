#include "bridge/systemd.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "bridge/systemd_bus.h"
#include "bridge/unit_properties.h"

/* systemd answers within milliseconds; while it reloads thousands of units it may take seconds, and being
 * stopped in a debugger is no reason to give up either. The library's default of 25 s would turn a slow host
 * into failed starts. */
#define CALL_TIMEOUT_USEC (10 * 60 * 1000000ULL)
/* What systemd says between two connections is lost, so the first tries come soon: one that executes itself
 * anew is back within some tens of milliseconds. */
#define RECONNECT_FIRST_USEC (5 * 1000ULL)
#define RECONNECT_LAST_USEC  (200 * 1000ULL)
/* One that executes itself anew just when we start: nobody listens at its socket for a moment. The bus would
 * do, but not for many programs. */
#define FIRST_CONNECTION_USEC (5 * G_USEC_PER_SEC)

struct Systemd {
    sd_event *event;
    sd_event_source *reconnect;
    uint64_t reconnect_usec; /* until the next try */
    sd_bus *bus;             /* NULL while there is no connection */
    bool user_manager;
    bool private; /* over the manager's own socket, not the bus */
    bool reloading;
    SystemdCallbacks callbacks;
    void *userdata;
    GHashTable *watched; /* unit name → UnitSnapshot, filled half when the Service part of a pair has come */
    GHashTable *calls;   /* set of Call: those under way */
    char **environment;  /* what every unit is given; NULL until systemd has said */
};

/* One method call that has not been answered. */
typedef struct Call {
    Systemd *systemd;
    char *unit;
    sd_bus_slot *slot;
    SystemdDone done;
    SystemdLooked looked;
    SystemdListed listed;
    SystemdJob told;
    void *userdata;
} Call;

static void call_free(void *data)
{
    Call *call = data;
    sd_bus_slot_unref(call->slot);
    g_free(call->unit);
    g_free(call);
}

/* Signals
 * -------------------------------------------------------------------------------------------------------- */

static char *unit_of_path(const char *path)
{
    char *unit = NULL;
    if (sd_bus_path_decode(path, UNIT_PATH, &unit) <= 0)
        return NULL;
    return unit;
}

/* A change is announced as a pair, the type's own interface first and Unit second; together they are a whole
 * snapshot. */
static int on_properties_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
    Systemd *systemd = userdata;
    const char *interface;

    g_autofree char *unit = unit_of_path(sd_bus_message_get_path(message));
    UnitSnapshot *snapshot = unit ? g_hash_table_lookup(systemd->watched, unit) : NULL;
    if (!snapshot)
        return 0;
    if (sd_bus_message_read(message, "s", &interface) < 0)
        return 0;
    if (g_strcmp0(interface, SERVICE_INTERFACE) == 0) {
        (void)unit_properties_read(message, snapshot);
    } else if (g_strcmp0(interface, UNIT_INTERFACE) == 0) {
        if (unit_properties_read(message, snapshot) < 0)
            return 0;
        UnitSnapshot whole = *snapshot; /* the callback may unwatch */
        systemd->callbacks.unit_changed(unit, &whole, systemd->userdata);
    }
    return 0;
}

static int on_unit_removed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
    Systemd *systemd = userdata;
    const char *unit;

    /* A reload unloads and loads everything; that is no news. */
    if (systemd->reloading || sd_bus_message_read(message, "so", &unit, NULL) < 0)
        return 0;
    UnitSnapshot *snapshot = g_hash_table_lookup(systemd->watched, unit);
    if (!snapshot)
        return 0;
    *snapshot = (UnitSnapshot){0};
    g_autofree char *name = g_strdup(unit);
    systemd->callbacks.unit_removed(name, systemd->userdata);
    return 0;
}

static int on_environment(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
    Systemd *systemd = userdata;
    char **environment = NULL;

    if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_enter_container(reply, 'v', "as") < 0 ||
        sd_bus_message_read_strv(reply, &environment) < 0)
        return 0;
    g_strfreev(systemd->environment);
    /* An empty list comes as NULL; glib frees what malloc() made. */
    systemd->environment = environment ?: g_new0(char *, 1);
    return 0;
}

/* Before anything else is asked, so that it is known when that is answered. */
static void ask_environment(Systemd *systemd)
{
    (void)sd_bus_call_method_async(systemd->bus, NULL, DESTINATION, MANAGER_PATH, PROPERTIES_INTERFACE, "Get",
                                   on_environment, systemd, "ss", MANAGER_INTERFACE, "Environment");
}

static int on_reloading(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
    Systemd *systemd = userdata;
    int active;

    if (sd_bus_message_read(message, "b", &active) < 0)
        return 0;
    systemd->reloading = active;
    if (active)
        return 0;
    ask_environment(systemd);
    systemd->callbacks.resynchronise(systemd->userdata);
    return 0;
}

char *const *systemd_environment(const Systemd *systemd)
{
    return systemd->environment;
}

/* Connection
 * ----------------------------------------------------------------------------------------------------- */

static int on_reconnect(sd_event_source *source, uint64_t usec, void *userdata);

static void schedule_reconnect(Systemd *systemd)
{
    uint64_t now = 0;

    (void)sd_event_now(systemd->event, CLOCK_MONOTONIC, &now);
    sd_event_source_disable_unref(systemd->reconnect);
    systemd->reconnect = NULL;
    (void)sd_event_add_time(systemd->event, &systemd->reconnect, CLOCK_MONOTONIC,
                            now + systemd->reconnect_usec, 0, on_reconnect, systemd);
    systemd->reconnect_usec = MIN(2 * systemd->reconnect_usec, RECONNECT_LAST_USEC);
}

static gboolean is_any(void *key, void *value, void *userdata)
{
    return TRUE;
}

/* Calls without an answer will have none: tell their askers, who may forget others meanwhile. */
static void fail_calls(Systemd *systemd)
{
    Call *call;

    while ((call = g_hash_table_find(systemd->calls, is_any, NULL))) {
        g_hash_table_steal(systemd->calls, call);
        if (call->done)
            call->done(call->unit, -ENOTCONN, "the connection to systemd broke", call->userdata);
        if (call->looked)
            call->looked(call->unit, -ENOTCONN, NULL, call->userdata);
        if (call->listed)
            call->listed(-ENOTCONN, NULL, call->userdata);
        if (call->told)
            call->told(-ENOTCONN, NULL, call->userdata);
        call_free(call);
    }
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
    Systemd *systemd = userdata;

    systemd->bus = sd_bus_close_unref(systemd->bus);
    systemd->reloading = false;
    schedule_reconnect(systemd);
    fail_calls(systemd);
    return 0;
}

static int add_matches(Systemd *systemd)
{
    static const struct {
        const char *rule;
        sd_bus_message_handler_t handler;
    } matches[] = {
        {"type='signal',interface='" PROPERTIES_INTERFACE
         "',member='PropertiesChanged',path_namespace='" UNIT_PATH "'",
         on_properties_changed},
        {"type='signal',interface='" MANAGER_INTERFACE "',member='UnitRemoved',path='" MANAGER_PATH "'",
         on_unit_removed},
        {"type='signal',interface='" MANAGER_INTERFACE "',member='Reloading',path='" MANAGER_PATH "'",
         on_reloading},
        {"type='signal',sender='org.freedesktop.DBus.Local',path='/org/freedesktop/DBus/Local',"
         "interface='org.freedesktop.DBus.Local',member='Disconnected'",
         on_disconnected},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(matches); i++) {
        int r =
            sd_bus_add_match_async(systemd->bus, NULL, matches[i].rule, matches[i].handler, NULL, systemd);
        if (r < 0)
            return r;
    }
    return 0;
}

static int connect_systemd(Systemd *systemd)
{
    bool private;

    /* What had a private socket once has it again soon: systemd is executing itself anew. */
    int r = systemd_bus_open(systemd->user_manager, systemd->private, &private, &systemd->bus);
    if (r < 0)
        return r;
    r = add_matches(systemd);
    if (r >= 0)
        r = sd_bus_set_method_call_timeout(systemd->bus, CALL_TIMEOUT_USEC);
    if (r >= 0)
        r = sd_bus_attach_event(systemd->bus, systemd->event, SD_EVENT_PRIORITY_NORMAL);
    if (r < 0)
        systemd->bus = sd_bus_close_unref(systemd->bus);
    else
        systemd->private = private;
    if (r >= 0)
        ask_environment(systemd);
    return r;
}

static int on_reconnect(sd_event_source *source, uint64_t usec, void *userdata)
{
    Systemd *systemd = userdata;

    if (connect_systemd(systemd) < 0) {
        schedule_reconnect(systemd);
        return 0;
    }
    systemd->reconnect_usec = RECONNECT_FIRST_USEC;
    systemd->callbacks.resynchronise(systemd->userdata);
    return 0;
}

static int connect_first(Systemd *systemd)
{
    gint64 end = g_get_monotonic_time() + FIRST_CONNECTION_USEC;

    while (systemd_bus_is_between(systemd->user_manager) && g_get_monotonic_time() < end)
        g_usleep(RECONNECT_FIRST_USEC);
    return connect_systemd(systemd);
}

int systemd_new(sd_event *event, bool user_manager, const SystemdCallbacks *callbacks, void *userdata,
                Systemd **ret)
{
    g_autoptr(Systemd) systemd = g_new0(Systemd, 1);

    systemd->event = sd_event_ref(event);
    systemd->user_manager = user_manager;
    systemd->callbacks = *callbacks;
    systemd->userdata = userdata;
    systemd->reconnect_usec = RECONNECT_FIRST_USEC;
    systemd->watched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    systemd->calls = g_hash_table_new_full(NULL, NULL, call_free, NULL);
    int r = connect_first(systemd);
    if (r < 0)
        return r;
    *ret = g_steal_pointer(&systemd);
    return 0;
}

void systemd_free(Systemd *systemd)
{
    if (!systemd)
        return;
    sd_event_source_disable_unref(systemd->reconnect);
    g_hash_table_unref(systemd->calls);
    g_hash_table_unref(systemd->watched);
    sd_bus_flush_close_unref(systemd->bus);
    sd_event_unref(systemd->event);
    g_strfreev(systemd->environment);
    g_free(systemd);
}

void systemd_watch(Systemd *systemd, const char *unit)
{
    if (!g_hash_table_contains(systemd->watched, unit))
        g_hash_table_insert(systemd->watched, g_strdup(unit), g_new0(UnitSnapshot, 1));
}

void systemd_unwatch(Systemd *systemd, const char *unit)
{
    g_hash_table_remove(systemd->watched, unit);
}

/* Calls
 * ----------------------------------------------------------------------------------------------------------
 */

static Call *call_new(Systemd *systemd, const char *unit, void *userdata)
{
    Call *call = g_new0(Call, 1);
    call->systemd = systemd;
    call->unit = g_strdup(unit);
    call->userdata = userdata;
    return call;
}

static int new_manager_call(Systemd *systemd, const char *method, sd_bus_message **ret)
{
    if (!systemd->bus)
        return -ENOTCONN;
    return sd_bus_message_new_method_call(systemd->bus, ret, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE,
                                          method);
}

/* Takes the call in any case. */
static int call_send(Call *call, sd_bus_message *message, sd_bus_message_handler_t handler)
{
    int r = sd_bus_call_async(call->systemd->bus, &call->slot, message, handler, call, CALL_TIMEOUT_USEC);
    if (r < 0) {
        call_free(call);
        return systemd_bus_lost(r);
    }
    g_hash_table_add(call->systemd->calls, call);
    return 0;
}

/* The call is answered: it is nobody's any more, but stays until the handler is through. */
static void call_take(Call *call)
{
    g_hash_table_steal(call->systemd->calls, call);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Call, call_free)

static int on_done(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
    g_autoptr(Call) call = userdata;
    const sd_bus_error *error = sd_bus_message_get_error(reply);

    call_take(call);
    if (call->done)
        call->done(call->unit, error ? systemd_bus_error(error) : 0, error ? error->message : NULL,
                   call->userdata);
    return 0;
}

static int append_auxiliary(sd_bus_message *message, const char *unit, const PropertyList *properties)
{
    int r = sd_bus_message_open_container(message, 'a', "(sa(sv))");
    if (r >= 0 && unit)
        r = sd_bus_message_open_container(message, 'r', "sa(sv)");
    if (r >= 0 && unit)
        r = sd_bus_message_append(message, "s", unit);
    if (r >= 0 && unit)
        r = unit_properties_append(message, properties);
    if (r >= 0 && unit)
        r = sd_bus_message_close_container(message);
    return r < 0 ? r : sd_bus_message_close_container(message);
}

int systemd_start_transient(Systemd *systemd, const char *unit, const PropertyList *properties,
                            SystemdDone done, void *userdata)
{
    return systemd_start_transient_pair(systemd, unit, properties, NULL, NULL, done, userdata);
}

int systemd_start_transient_pair(Systemd *systemd, const char *unit, const PropertyList *properties,
                                 const char *auxiliary, const PropertyList *auxiliary_properties,
                                 SystemdDone done, void *userdata)
{
    g_autoptr(sd_bus_message) message = NULL;

    int r = new_manager_call(systemd, "StartTransientUnit", &message);
    if (r < 0)
        return r;
    r = sd_bus_message_append(message, "ss", unit, "replace");
    if (r < 0)
        return r;
    r = unit_properties_append(message, properties);
    if (r >= 0)
        r = append_auxiliary(message, auxiliary, auxiliary_properties);
    if (r < 0)
        return r;
    Call *call = call_new(systemd, unit, userdata);
    call->done = done;
    return call_send(call, message, on_done);
}

static int send_unit_call(Systemd *systemd, sd_bus_message *message, const char *unit, SystemdDone done,
                          void *userdata)
{
    Call *call = call_new(systemd, unit, userdata);
    call->done = done;
    return call_send(call, message, on_done);
}

static int send_job_call(Systemd *systemd, const char *method, const char *unit, SystemdDone done,
                         void *userdata)
{
    g_autoptr(sd_bus_message) message = NULL;

    int r = new_manager_call(systemd, method, &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "ss", unit, "replace");
    if (r < 0)
        return r;
    return send_unit_call(systemd, message, unit, done, userdata);
}

int systemd_start(Systemd *systemd, const char *unit, SystemdDone done, void *userdata)
{
    return send_job_call(systemd, "StartUnit", unit, done, userdata);
}

int systemd_stop(Systemd *systemd, const char *unit, SystemdDone done, void *userdata)
{
    return send_job_call(systemd, "StopUnit", unit, done, userdata);
}

int systemd_reset_failed(Systemd *systemd, const char *unit, SystemdDone done, void *userdata)
{
    g_autoptr(sd_bus_message) message = NULL;

    int r = new_manager_call(systemd, "ResetFailedUnit", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "s", unit);
    if (r < 0)
        return r;
    return send_unit_call(systemd, message, unit, done, userdata);
}

int systemd_notice_dropins(Systemd *systemd, const char *scope)
{
    g_autoptr(sd_bus_message) message = NULL;
    const char *suffix = strrchr(scope, '.');
    g_autofree char *stem = g_strndup(scope, suffix ? (size_t)(suffix - scope) : strlen(scope));
    /* There is none of this name, so systemd looks for it and lets go of it again. */
    g_autofree char *service = g_strconcat(stem, ".service", NULL);

    int r = new_manager_call(systemd, "LoadUnit", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "s", service);
    return r < 0 ? r : send_unit_call(systemd, message, service, NULL, NULL);
}

static int send_kill(Systemd *systemd, const char *unit, const char *whom, int signal, SystemdDone done,
                     void *userdata)
{
    g_autoptr(sd_bus_message) message = NULL;

    int r = new_manager_call(systemd, "KillUnit", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "ssi", unit, whom, (int32_t)signal);
    if (r < 0)
        return r;
    return send_unit_call(systemd, message, unit, done, userdata);
}

int systemd_kill(Systemd *systemd, const char *unit, int signal, SystemdDone done, void *userdata)
{
    return send_kill(systemd, unit, "main", signal, done, userdata);
}

int systemd_kill_all(Systemd *systemd, const char *unit, int signal, SystemdDone done, void *userdata)
{
    return send_kill(systemd, unit, "all", signal, done, userdata);
}

int systemd_reload(Systemd *systemd, SystemdDone done, void *userdata)
{
    g_autoptr(sd_bus_message) message = NULL;

    int r = new_manager_call(systemd, "Reload", &message);
    return r < 0 ? r : send_unit_call(systemd, message, "", done, userdata);
}

int systemd_disable(Systemd *systemd, const char *unit, SystemdDone done, void *userdata)
{
    g_autoptr(sd_bus_message) message = NULL;

    int r = new_manager_call(systemd, "DisableUnitFiles", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "asb", 1, unit, false);
    return r < 0 ? r : send_unit_call(systemd, message, unit, done, userdata);
}

int systemd_enable(Systemd *systemd, const char *unit, SystemdDone done, void *userdata)
{
    g_autoptr(sd_bus_message) message = NULL;

    int r = new_manager_call(systemd, "EnableUnitFiles", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "asbb", 1, unit, false, false);
    return r < 0 ? r : send_unit_call(systemd, message, unit, done, userdata);
}

static int on_looked(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
    g_autoptr(Call) call = userdata;
    const sd_bus_error *error = sd_bus_message_get_error(reply);
    UnitSnapshot snapshot = {0};

    call_take(call);
    int r = error ? systemd_bus_error(error) : unit_properties_read(reply, &snapshot);
    call->looked(call->unit, r, r < 0 ? NULL : &snapshot, call->userdata);
    return 0;
}

int systemd_look(Systemd *systemd, const char *unit, SystemdLooked looked, void *userdata)
{
    g_autoptr(sd_bus_message) message = NULL;
    char *path = NULL;

    if (!systemd->bus)
        return -ENOTCONN;
    int r = sd_bus_path_encode(UNIT_PATH, unit, &path);
    if (r < 0)
        return r;
    g_autofree char *owned = path;
    r = sd_bus_message_new_method_call(systemd->bus, &message, DESTINATION, owned, PROPERTIES_INTERFACE,
                                       "GetAll");
    if (r < 0)
        return r;
    /* An empty interface name asks for the properties of all of them at once. */
    r = sd_bus_message_append(message, "s", "");
    if (r < 0)
        return r;
    Call *call = call_new(systemd, unit, userdata);
    call->looked = looked;
    return call_send(call, message, on_looked);
}

static int on_job_type(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
    g_autoptr(Call) call = userdata;
    const sd_bus_error *error = sd_bus_message_get_error(reply);
    const char *type = NULL;

    call_take(call);
    int r = error ? systemd_bus_error(error) : sd_bus_message_read(reply, "v", "s", &type);
    /* The job has gone since. */
    if (r == -ENOENT)
        r = 0;
    call->told(MIN(r, 0), r < 0 ? NULL : type, call->userdata);
    return 0;
}

static int get_property(Call *call, const char *path, const char *interface, const char *property,
                        sd_bus_message_handler_t handler)
{
    g_autoptr(sd_bus_message) message = NULL;

    int r = sd_bus_message_new_method_call(call->systemd->bus, &message, DESTINATION, path,
                                           PROPERTIES_INTERFACE, "Get");
    if (r >= 0)
        r = sd_bus_message_append(message, "ss", interface, property);
    if (r >= 0)
        return call_send(call, message, handler);
    call_free(call);
    return r;
}

static int on_job_path(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
    Call *call = userdata;
    const sd_bus_error *error = sd_bus_message_get_error(reply);
    const char *path = NULL;
    uint32_t id = 0;

    call_take(call);
    int r = error ? systemd_bus_error(error) : sd_bus_message_read(reply, "v", "(uo)", &id, &path);
    SystemdJob told = call->told;
    void *caller = call->userdata;
    call->slot = sd_bus_slot_unref(call->slot);
    if (r >= 0 && id != 0)
        r = get_property(call, path, JOB_INTERFACE, "JobType", on_job_type);
    else
        call_free(call);
    if (r < 0 || id == 0)
        told(MIN(r, 0), NULL, caller);
    return 0;
}

int systemd_ask_job(Systemd *systemd, const char *unit, SystemdJob told, void *userdata)
{
    char *path = NULL;

    if (!systemd->bus)
        return -ENOTCONN;
    int r = sd_bus_path_encode(UNIT_PATH, unit, &path);
    if (r < 0)
        return r;
    g_autofree char *owned = path;
    Call *call = call_new(systemd, unit, userdata);
    call->told = told;
    return get_property(call, owned, UNIT_INTERFACE, "Job", on_job_path);
}

static int read_unit_names(sd_bus_message *reply, GPtrArray *names)
{
    const char *name;

    int r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
    while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'r', "ssssssouso")) > 0) {
        r = sd_bus_message_read(reply, "s", &name);
        if (r < 0)
            return r;
        g_ptr_array_add(names, g_strdup(name));
        r = sd_bus_message_skip(reply, "sssssouso");
        if (r < 0)
            return r;
        r = sd_bus_message_exit_container(reply);
    }
    return r;
}

static int on_listed(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
    g_autoptr(Call) call = userdata;
    const sd_bus_error *error = sd_bus_message_get_error(reply);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    call_take(call);
    int r = error ? systemd_bus_error(error) : read_unit_names(reply, names);
    g_ptr_array_add(names, NULL);
    call->listed(r, r < 0 ? NULL : (char **)names->pdata, call->userdata);
    return 0;
}

int systemd_list(Systemd *systemd, const char *pattern, SystemdListed listed, void *userdata)
{
    g_autoptr(sd_bus_message) message = NULL;

    int r = new_manager_call(systemd, "ListUnitsByPatterns", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "asas", 0, 1, pattern);
    if (r < 0)
        return r;
    Call *call = call_new(systemd, pattern, userdata);
    call->listed = listed;
    return call_send(call, message, on_listed);
}

bool systemd_is_idle(const Systemd *systemd)
{
    return g_hash_table_size(systemd->calls) == 0;
}

static gboolean belongs_to(void *key, void *value, void *userdata)
{
    return ((Call *)key)->userdata == userdata;
}

void systemd_forget(Systemd *systemd, void *userdata)
{
    g_hash_table_foreach_remove(systemd->calls, belongs_to, userdata);
}
