/* The way to systemd's manager, shared by what talks to it: bridge/systemd.c from the event loop,
 * bridge/systemd_wait.c before there is one. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

#define DESTINATION          "org.freedesktop.systemd1"
#define MANAGER_PATH         "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE    "org.freedesktop.systemd1.Manager"
#define UNIT_PATH            "/org/freedesktop/systemd1/unit"
#define UNIT_INTERFACE       "org.freedesktop.systemd1.Unit"
#define SERVICE_INTERFACE    "org.freedesktop.systemd1.Service"
#define JOB_INTERFACE        "org.freedesktop.systemd1.Job"
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus, sd_bus_flush_close_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)

/* Over the manager's private socket, as systemctl does; where there is none over the bus, unless
 * `private_only`. Blocks. 0 or negative errno: -ENOENT when there is no systemd there. */
int systemd_bus_open(bool user_manager, bool private_only, bool *ret_private, sd_bus **ret);

/* Whether the manager has a private socket at which nobody listens: it is executing itself anew, or is no
 * more. */
bool systemd_bus_is_between(bool user_manager);

/* systemd executes itself anew and drops its connections: whatever the socket says to that becomes -ENOTCONN,
 * so that callers wait for the next one. Other errors stay as they are. */
int systemd_bus_lost(int error);

/* Of an answer; see SystemdDone in bridge/systemd.h. */
int systemd_bus_error(const sd_bus_error *error);
