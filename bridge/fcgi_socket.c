#include "bridge/fcgi_socket.h"

#include <errno.h>
#include <string.h>

#include "bridge/socket_trial.h"
#include "translator/mapping.h"

/* An earlier unit of the name may be on its way out. UnitRemoved would tell when it has gone, but not when
 * something else holds on to it. */
enum { RETRY_USEC = 100000, RETRY_MAX = 600 };

typedef enum SocketState {
    SOCKET_CLOSED,
    SOCKET_LEAVING, /* was asked to stop */
    SOCKET_OPENING,
    SOCKET_OPEN,
} SocketState;

typedef struct Waiter {
    FcgiSocketReady ready;
    void *userdata;
} Waiter;

struct FcgiSocket {
    Plan *plan;
    const PlannedGroup *group;
    const FcgiSocketContext *context;
    SocketState state;
    char *leaving; /* the address that is still being closed; NULL before the first */
    bool answered; /* OPENING: systemd has taken the order; what is heard of the unit is about this start */
    bool outdated; /* OPENING: at an address that the group does not have any more */
    bool made;     /* a loaded unit of the name is ours, with the settings that it should have */
    unsigned attempts;
    sd_event_source *retry;
    SocketTrial trial;
    GQueue waiters; /* of Waiter */
};

static void begin(FcgiSocket *socket);
static void start_or_fail(FcgiSocket *socket);

static const char *url(const FcgiSocket *socket)
{
    return socket->group->config->socket.url;
}

static int try_now(const FcgiSocket *socket, SocketTrial *ret, char **ret_message)
{
    const FcgiSocketContext *context = socket->context;
    const SocketConfig *config = &socket->group->config->socket;
    g_autofree char *reason = NULL;

    main_log_write(context->log, LOG_LEVEL_INFO, "Creating socket %s", config->url);
    pid_t holder = context->holder ? context->holder(socket->group->config->name, context->userdata) : 0;
    int r = socket_trial_run(config, holder, ret, &reason);
    if (r < 0)
        *ret_message = g_strdup_printf("Could not create FastCGI socket %s: %s", config->url, reason);
    return r;
}

/* While the last one is on its way out its address is in use, by itself. */
int fcgi_socket_try(FcgiSocket *socket, char **ret_message)
{
    g_auto(SocketTrial) trial = {0};
    bool leaving = socket->state == SOCKET_LEAVING && g_strcmp0(socket->leaving, url(socket)) == 0;

    if (leaving)
        main_log_write(socket->context->log, LOG_LEVEL_INFO, "Creating socket %s", url(socket));
    int r = leaving ? 0 : try_now(socket, &trial, ret_message);
    if (r == 0)
        main_log_write(socket->context->log, LOG_LEVEL_INFO, "Closing socket %s", url(socket));
    return r;
}

/* Life
 * --------------------------------------------------------------------------------------------------------
 */

FcgiSocket *fcgi_socket_new(Plan *plan, const PlannedGroup *group, const FcgiSocketContext *context)
{
    FcgiSocket *socket = g_new0(FcgiSocket, 1);

    socket->plan = plan_ref(plan);
    socket->group = group;
    socket->context = context;
    g_queue_init(&socket->waiters);
    systemd_watch(context->systemd, group->socket_unit);
    return socket;
}

void fcgi_socket_rebase(FcgiSocket *socket, Plan *plan, const PlannedGroup *group)
{
    bool moved = strcmp(url(socket), group->config->socket.url) != 0;

    if (moved)
        fcgi_socket_close(socket);
    socket->outdated |= moved && socket->state == SOCKET_OPENING;
    /* Mode and backlog may have changed, too: nothing that is still loaded will do. */
    if (socket->state != SOCKET_OPEN)
        socket->made = false;
    plan_ref(plan);
    plan_unref(socket->plan);
    socket->plan = plan;
    socket->group = group;
}

void fcgi_socket_free(FcgiSocket *socket)
{
    if (!socket)
        return;
    sd_event_source_disable_unref(socket->retry);
    systemd_forget(socket->context->systemd, socket);
    systemd_unwatch(socket->context->systemd, socket->group->socket_unit);
    g_queue_clear_full(&socket->waiters, g_free);
    socket_trial_clear(&socket->trial);
    plan_unref(socket->plan);
    g_free(socket->leaving);
    g_free(socket);
}

/* Those who wait
 * ---------------------------------------------------------------------------------------------- */

static int compare_waiter(const void *waiter, const void *userdata)
{
    return ((const Waiter *)waiter)->userdata != userdata;
}

void fcgi_socket_forget(FcgiSocket *socket, void *userdata)
{
    GList *link = g_queue_find_custom(&socket->waiters, userdata, compare_waiter);

    if (!link)
        return;
    g_free(link->data);
    g_queue_delete_link(&socket->waiters, link);
}

static void add_waiter(FcgiSocket *socket, FcgiSocketReady ready, void *userdata)
{
    Waiter *waiter = g_new(Waiter, 1);

    fcgi_socket_forget(socket, userdata);
    *waiter = (Waiter){.ready = ready, .userdata = userdata};
    g_queue_push_tail(&socket->waiters, waiter);
}

/* Whoever is told may forget others, and ask again: those come later. */
static void tell_waiters(FcgiSocket *socket, int result, const char *message)
{
    for (unsigned count = socket->waiters.length; count > 0; count--) {
        g_autofree Waiter *waiter = g_queue_pop_head(&socket->waiters);
        if (!waiter)
            return;
        waiter->ready(result, message, waiter->userdata);
    }
}

/* Closing
 * -----------------------------------------------------------------------------------------------------
 */

static void on_stop_answered(const char *unit, int result, const char *message, void *userdata)
{
    FcgiSocket *socket = userdata;

    /* Signals tell when it has gone. A look would load the unit anew just then, and systemd complain in the
     * journal that its file is missing. */
    if (result == -ENOENT)
        fcgi_socket_unit_removed(socket);
    else if (result < 0 && result != -ENOTCONN) /* then everything is looked at anyway */
        fcgi_socket_look(socket);
}

/* The service may have been started by a connection; while it is up, the socket could not be opened again. */
static void send_stop(FcgiSocket *socket, SystemdDone done)
{
    int r = systemd_stop(socket->context->systemd, socket->group->socket_unit, done, done ? socket : NULL);

    if (r < 0 && done)
        done(socket->group->socket_unit, r, NULL, socket);
    (void)systemd_stop(socket->context->systemd, socket->group->socket_service, NULL, NULL);
}

static void leave(FcgiSocket *socket)
{
    main_log_write(socket->context->log, LOG_LEVEL_INFO, "Closing socket %s", url(socket));
    socket->state = SOCKET_LEAVING;
    g_free(socket->leaving);
    socket->leaving = g_strdup(url(socket));
    send_stop(socket, on_stop_answered);
}

static void gone(FcgiSocket *socket)
{
    socket->state = SOCKET_CLOSED;
    if (socket->waiters.length > 0)
        begin(socket);
    else if (socket->context->closed)
        socket->context->closed(socket->context->userdata);
}

void fcgi_socket_close(FcgiSocket *socket)
{
    if (socket->state == SOCKET_OPEN)
        leave(socket);
}

bool fcgi_socket_is_closed(const FcgiSocket *socket)
{
    return socket->state == SOCKET_CLOSED;
}

/* Opening
 * -----------------------------------------------------------------------------------------------------
 */

static void fail(FcgiSocket *socket, int error, const char *reason)
{
    g_autofree char *message = g_strdup_printf("Could not create FastCGI socket %s: %s", url(socket), reason);

    if (socket->state == SOCKET_OPENING) {
        send_stop(socket, NULL);
        (void)systemd_reset_failed(socket->context->systemd, socket->group->socket_unit, NULL, NULL);
    }
    socket->state = SOCKET_CLOSED;
    tell_waiters(socket, error, message);
    if (socket->state == SOCKET_CLOSED && socket->context->closed)
        socket->context->closed(socket->context->userdata);
}

static void fail_unit(FcgiSocket *socket)
{
    g_autofree char *reason = g_strdup_printf(
        "systemd did not open it; look at it with \"systemctl status '%s'\"", socket->group->socket_unit);
    fail(socket, -EIO, reason);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    FcgiSocket *socket = userdata;

    socket->retry = sd_event_source_disable_unref(socket->retry);
    if (socket->state == SOCKET_OPENING)
        start_or_fail(socket);
    return 0;
}

/* As long as a failed service of an earlier group of this name is loaded, so is the socket. */
static void let_go(FcgiSocket *socket)
{
    const PlannedGroup *group = socket->group;

    send_stop(socket, NULL);
    (void)systemd_reset_failed(socket->context->systemd, group->socket_unit, NULL, NULL);
    for (size_t i = 0; i < group->process_count; i++)
        (void)systemd_reset_failed(socket->context->systemd, group->processes[i].unit, NULL, NULL);
}

/* Somebody else's remains: an earlier group of this name, perhaps with another address. */
static void wait_for_removal(FcgiSocket *socket)
{
    uint64_t now = 0;

    if (++socket->attempts > RETRY_MAX) {
        fail_unit(socket);
        return;
    }
    let_go(socket);
    (void)sd_event_now(socket->context->event, CLOCK_MONOTONIC, &now);
    socket->retry = sd_event_source_disable_unref(socket->retry);
    (void)sd_event_add_time(socket->context->event, &socket->retry, CLOCK_MONOTONIC, now + RETRY_USEC, 0,
                            on_retry, socket);
}

static void on_started(const char *unit, int result, const char *message, void *userdata)
{
    FcgiSocket *socket = userdata;

    if (result == 0) {
        socket->answered = true;
        socket->made = true;
        fcgi_socket_look(socket);
    } else if (result == -EEXIST && socket->made) {
        /* A failed process of the group holds on to it: it is still loaded. */
        int r = systemd_start(socket->context->systemd, socket->group->socket_unit, on_started, socket);
        if (r < 0)
            fail(socket, r, g_strerror(-r));
    } else if (result == -EEXIST) {
        wait_for_removal(socket);
    } else if (result == -ENOENT && socket->made) {
        socket->made = false;
        start_or_fail(socket);
    } else {
        fail(socket, result, message ? message : g_strerror(-result));
    }
}

static int send_start(FcgiSocket *socket)
{
    const PlannedGroup *group = socket->group;
    g_autoptr(PropertyList) properties = mapping_socket(group, socket->trial.address, socket->trial.shared);
    g_autoptr(PropertyList) service = mapping_socket_service(group);

    return systemd_start_transient_pair(socket->context->systemd, group->socket_unit, properties,
                                        group->socket_service, service, on_started, socket);
}

static void start_or_fail(FcgiSocket *socket)
{
    int r = send_start(socket);

    if (r < 0)
        fail(socket, r, g_strerror(-r));
}

static int create(FcgiSocket *socket, char **ret_message)
{
    socket_trial_clear(&socket->trial);
    int r = try_now(socket, &socket->trial, ret_message);
    if (r < 0)
        return r;
    socket->state = SOCKET_OPENING;
    socket->outdated = false;
    socket->answered = false;
    socket->attempts = 0;
    return 0;
}

/* For those who have been waiting for the last one to go. */
static void begin(FcgiSocket *socket)
{
    g_autofree char *message = NULL;

    int r = create(socket, &message);
    if (r < 0)
        tell_waiters(socket, r, message);
    else
        start_or_fail(socket);
}

int fcgi_socket_open(FcgiSocket *socket, FcgiSocketReady ready, void *userdata, char **ret_message)
{
    if (socket->state == SOCKET_OPEN)
        return 0;
    if (socket->state == SOCKET_CLOSED) {
        int r = create(socket, ret_message);
        if (r < 0)
            return r;
        r = send_start(socket);
        if (r < 0) {
            socket->state = SOCKET_CLOSED;
            *ret_message =
                g_strdup_printf("Could not create FastCGI socket %s: %s", url(socket), g_strerror(-r));
            return r;
        }
    }
    add_waiter(socket, ready, userdata);
    return -EINPROGRESS;
}

static void opened(FcgiSocket *socket)
{
    const SocketConfig *config = &socket->group->config->socket;
    bool is_file = config->is_unix && !socket->outdated;
    int r = is_file ? socket_trial_apply(&socket->trial, config->path) : 0;

    if (r < 0) {
        fail(socket, r, g_strerror(-r));
        return;
    }
    socket->state = SOCKET_OPEN;
    /* They may have thought better of it, or wait for another address by now. */
    if (socket->waiters.length == 0 || socket->outdated)
        leave(socket);
    else
        tell_waiters(socket, 0, NULL);
}

/* What systemd says
 * --------------------------------------------------------------------------------------------- */

static bool is_at_rest(const UnitSnapshot *snapshot)
{
    return !snapshot->has_job &&
           (snapshot->active_state == ACTIVE_STATE_INACTIVE || snapshot->active_state == ACTIVE_STATE_FAILED);
}

void fcgi_socket_unit_changed(FcgiSocket *socket, const UnitSnapshot *snapshot)
{
    if (socket->state == SOCKET_LEAVING) {
        if (is_at_rest(snapshot))
            gone(socket);
        else if (snapshot->active_state == ACTIVE_STATE_ACTIVE && !snapshot->has_job)
            (void)systemd_stop(socket->context->systemd, socket->group->socket_unit, NULL, NULL);
    } else if (socket->state == SOCKET_OPENING && socket->answered) {
        if (snapshot->active_state == ACTIVE_STATE_ACTIVE)
            opened(socket);
        else if (is_at_rest(snapshot))
            fail_unit(socket);
    }
}

void fcgi_socket_unit_removed(FcgiSocket *socket)
{
    if (socket->state == SOCKET_LEAVING)
        gone(socket);
    else if (socket->state == SOCKET_OPENING && socket->answered)
        fail_unit(socket);
}

static void on_looked(const char *unit, int result, const UnitSnapshot *snapshot, void *userdata)
{
    if (snapshot)
        fcgi_socket_unit_changed(userdata, snapshot);
    else if (result == -ENOENT)
        fcgi_socket_unit_removed(userdata);
}

void fcgi_socket_look(FcgiSocket *socket)
{
    if (socket->state == SOCKET_LEAVING || socket->state == SOCKET_OPENING)
        (void)systemd_look(socket->context->systemd, socket->group->socket_unit, on_looked, socket);
}

void fcgi_socket_restore(FcgiSocket *socket, const UnitSnapshot *snapshot)
{
    socket->made = true;
    if (snapshot->active_state == ACTIVE_STATE_ACTIVE)
        socket->state = SOCKET_OPEN;
}
