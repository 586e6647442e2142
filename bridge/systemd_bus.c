#include "bridge/systemd_bus.h"

#include <errno.h>
#include <unistd.h>

static const struct {
    const char *name;
    int error;
} known_errors[] = {
    {"org.freedesktop.systemd1.UnitExists", -EEXIST},
    {"org.freedesktop.systemd1.NoSuchUnit", -ENOENT},
    {"org.freedesktop.DBus.Error.UnknownObject", -ENOENT},
    {"org.freedesktop.DBus.Error.UnknownInterface", -ENOENT},
    {"org.freedesktop.systemd1.NoSuchProcess", -ESRCH},
    {"org.freedesktop.systemd1.UnitMasked", -ERFKILL},
    {"org.freedesktop.systemd1.BadUnitSetting", -ENOEXEC},
    {"org.freedesktop.DBus.Error.NoReply", -ENOTCONN},
    {"org.freedesktop.DBus.Error.Disconnected", -ENOTCONN},
};

int systemd_bus_lost(int error)
{
    bool lost = error == -ECONNRESET || error == -EPIPE || error == -ESHUTDOWN || error == -ECONNREFUSED ||
                error == -ESTALE;
    return lost ? -ENOTCONN : error;
}

int systemd_bus_error(const sd_bus_error *error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(known_errors); i++) {
        if (sd_bus_error_has_name(error, known_errors[i].name))
            return known_errors[i].error;
    }
    int number = sd_bus_error_get_errno(error);
    return number > 0 ? systemd_bus_lost(-number) : -EIO;
}

static char *private_socket(bool user_manager)
{
    if (!user_manager)
        return g_strdup("unix:path=/run/systemd/private");
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");
    g_autofree char *fallback = g_strdup_printf("/run/user/%u", (unsigned)getuid());
    g_autofree char *path =
        g_build_filename(runtime && *runtime ? runtime : fallback, "systemd/private", NULL);
    /* A comma, a semicolon or an equals sign would end the value: addresses escape as URLs do. */
    g_autofree char *escaped = g_uri_escape_string(path, "/", FALSE);
    return g_strdup_printf("unix:path=%s", escaped);
}

static int open_private(bool user_manager, sd_bus **ret)
{
    g_autoptr(sd_bus) bus = NULL;
    g_autofree char *address = private_socket(user_manager);

    int r = sd_bus_new(&bus);
    if (r < 0)
        return r;
    r = sd_bus_set_address(bus, address);
    if (r < 0)
        return r;
    r = sd_bus_start(bus);
    if (r < 0)
        return r;
    *ret = g_steal_pointer(&bus);
    return 0;
}

bool systemd_bus_is_between(bool user_manager)
{
    g_autoptr(sd_bus) bus = NULL;

    return open_private(user_manager, &bus) == -ECONNREFUSED;
}

int systemd_bus_open(bool user_manager, bool private_only, bool *ret_private, sd_bus **ret)
{
    int r = open_private(user_manager, ret);
    *ret_private = r >= 0;
    if (private_only || (r != -ENOENT && r != -ECONNREFUSED))
        return r;
    /* No private socket: the bus does too, within its limits, and wants to be told that we listen. */
    r = user_manager ? sd_bus_open_user(ret) : sd_bus_open_system(ret);
    if (r < 0)
        return r;
    return sd_bus_call_method_async(*ret, NULL, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE, "Subscribe",
                                    NULL, NULL, NULL);
}
