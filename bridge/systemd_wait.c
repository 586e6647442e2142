#include "bridge/systemd_wait.h"

#include <errno.h>

#include "bridge/systemd_bus.h"
#include "bridge/unit_properties.h"

enum { START_TRIES = 5, START_PAUSE_USEC = 50000 };

typedef struct WaitedJob {
    char *path;   /* NULL until StartTransientUnit has answered */
    char *result; /* "done", "failed", … */
} WaitedJob;

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
    WaitedJob *job = userdata;
    const char *path, *result;

    if (sd_bus_message_read(message, "uoss", NULL, &path, NULL, &result) >= 0 &&
        g_strcmp0(path, job->path) == 0)
        job->result = g_strdup(result);
    return 0;
}

static int append_unit(sd_bus_message *message, const char *unit, const PropertyList *properties,
                       int error_fd)
{
    int r = sd_bus_message_append(message, "ss", unit, "fail");
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'a', "(sv)");
    if (r >= 0)
        r = unit_properties_append_each(message, properties);
    if (r >= 0 && error_fd >= 0)
        r = sd_bus_message_append(message, "(sv)", "StandardErrorFileDescriptor", "h", error_fd);
    if (r >= 0)
        r = sd_bus_message_close_container(message);
    return r < 0 ? r : sd_bus_message_append(message, "a(sa(sv))", 0);
}

static int start_and_learn_job(sd_bus *bus, const char *unit, const PropertyList *properties, int error_fd,
                               WaitedJob *job, char **ret_message)
{
    g_autoptr(sd_bus_message) message = NULL, reply = NULL;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    const char *path = NULL;

    int r = sd_bus_message_new_method_call(bus, &message, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE,
                                           "StartTransientUnit");
    if (r >= 0)
        r = append_unit(message, unit, properties, error_fd);
    if (r < 0)
        return r;
    r = sd_bus_call(bus, message, 0, &error, &reply);
    if (r < 0) {
        r = systemd_bus_error(&error);
        *ret_message = g_strdup(error.message);
        sd_bus_error_free(&error);
        return r;
    }
    r = sd_bus_message_read(reply, "o", &path);
    if (r >= 0)
        job->path = g_strdup(path);
    return r;
}

static int wait_for_job(sd_bus *bus, const WaitedJob *job)
{
    while (!job->result) {
        int r = sd_bus_process(bus, NULL);
        if (r < 0)
            return r;
        if (r == 0 && (r = sd_bus_wait(bus, UINT64_MAX)) < 0)
            return r;
    }
    return 0;
}

static int exit_status_of(sd_bus *bus, const char *unit)
{
    char *path = NULL;
    int32_t status = 0;

    if (sd_bus_path_encode(UNIT_PATH, unit, &path) < 0)
        return -ENOMEM;
    g_autofree char *owned = path;
    if (sd_bus_get_property_trivial(bus, DESTINATION, owned, SERVICE_INTERFACE, "ExecMainStatus", NULL, 'i',
                                    &status) < 0)
        return 1;
    return status > 0 ? status : 1;
}

static void reset_failed_now(sd_bus *bus, const char *unit)
{
    (void)sd_bus_call_method(bus, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE, "ResetFailedUnit", NULL, NULL,
                             "s", unit);
}

/* A start that failed before leaves a failed unit, which goes a moment after its reset. */
static int start_over_remains(sd_bus *bus, const char *unit, const PropertyList *properties, int error_fd,
                              WaitedJob *job, char **ret_message)
{
    int r = -EEXIST;

    for (unsigned i = 0; i < START_TRIES && r == -EEXIST; i++) {
        if (i > 0)
            g_usleep(START_PAUSE_USEC);
        reset_failed_now(bus, unit);
        g_clear_pointer(ret_message, g_free);
        r = start_and_learn_job(bus, unit, properties, error_fd, job, ret_message);
    }
    return r;
}

struct SystemdWait {
    sd_bus *bus;
    WaitedJob job;
};

static void job_clear(WaitedJob *job)
{
    g_clear_pointer(&job->path, g_free);
    g_clear_pointer(&job->result, g_free);
}

void systemd_wait_free(SystemdWait *wait)
{
    if (!wait)
        return;
    sd_bus_flush_close_unref(wait->bus);
    job_clear(&wait->job);
    g_free(wait);
}

int systemd_wait_open(bool user_manager, SystemdWait **ret)
{
    g_autoptr(SystemdWait) wait = g_new0(SystemdWait, 1);

    bool private;
    int r = systemd_bus_open(user_manager, false, &private, &wait->bus);
    if (r >= 0)
        r = sd_bus_add_match(wait->bus, NULL,
                             "type='signal',interface='" MANAGER_INTERFACE
                             "',member='JobRemoved',path='" MANAGER_PATH "'",
                             on_job_removed, &wait->job);
    if (r < 0)
        return r;
    *ret = g_steal_pointer(&wait);
    return 0;
}

/* Takes the job's outcome. */
static int finish_job(SystemdWait *wait)
{
    int r = wait_for_job(wait->bus, &wait->job);
    bool done = g_strcmp0(wait->job.result, "done") == 0;

    job_clear(&wait->job);
    return r < 0 ? r : done ? 0 : -ECANCELED;
}

int systemd_wait_run(SystemdWait *wait, const char *unit, const PropertyList *properties, int error_fd,
                     char **ret_message)
{
    int r = start_over_remains(wait->bus, unit, properties, error_fd, &wait->job, ret_message);

    if (r >= 0)
        r = finish_job(wait);
    if (r == -ECANCELED) {
        r = exit_status_of(wait->bus, unit);
        reset_failed_now(wait->bus, unit);
    }
    return r;
}

int systemd_wait_start_scope(SystemdWait *wait, const char *unit, const PropertyList *properties,
                             char **ret_message)
{
    int r = start_over_remains(wait->bus, unit, properties, -1, &wait->job, ret_message);

    return r < 0 ? r : finish_job(wait);
}

/* Sends a call and takes an error's text. */
static int call_and_tell(SystemdWait *wait, sd_bus_message *message, char **ret_message)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;

    int r = sd_bus_call(wait->bus, message, 0, &error, NULL);
    if (r < 0) {
        r = systemd_bus_error(&error);
        *ret_message = g_strdup(error.message);
    }
    sd_bus_error_free(&error);
    return r < 0 ? r : 0;
}

static int new_call(SystemdWait *wait, const char *method, sd_bus_message **ret)
{
    return sd_bus_message_new_method_call(wait->bus, ret, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE,
                                          method);
}

int systemd_wait_reload(SystemdWait *wait, char **ret_message)
{
    g_autoptr(sd_bus_message) message = NULL;

    int r = new_call(wait, "Reload", &message);
    return r < 0 ? r : call_and_tell(wait, message, ret_message);
}
