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

static int append_service(sd_bus_message *message, const char *unit, const PropertyList *properties,
                          int error_fd)
{
    int r = sd_bus_message_append(message, "ss", unit, "fail");
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'a', "(sv)");
    if (r >= 0)
        r = unit_properties_append_each(message, properties);
    if (r >= 0)
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
        r = append_service(message, unit, properties, error_fd);
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

int systemd_run_and_wait(bool user_manager, const char *unit, const PropertyList *properties, int error_fd,
                         char **ret_message)
{
    g_autoptr(sd_bus) bus = NULL;
    WaitedJob job = {0};

    bool private;
    int r = systemd_bus_open(user_manager, false, &private, &bus);
    if (r >= 0)
        r = sd_bus_add_match(bus, NULL,
                             "type='signal',interface='" MANAGER_INTERFACE
                             "',member='JobRemoved',path='" MANAGER_PATH "'",
                             on_job_removed, &job);
    if (r >= 0)
        r = start_over_remains(bus, unit, properties, error_fd, &job, ret_message);
    if (r >= 0)
        r = wait_for_job(bus, &job);
    if (r >= 0 && g_strcmp0(job.result, "done") != 0) {
        r = exit_status_of(bus, unit);
        reset_failed_now(bus, unit);
    }
    g_free(job.path);
    g_free(job.result);
    return r;
}
