/* Which file a unix socket was bound to, whatever has become of the name that it had then. */
#pragma once

#include <stdbool.h>

/* Whether whoever connects to `path` reaches this socket. Asks the kernel (sock_diag); without its help the
 * name that the socket was bound to must do: the path, or FILE.PID as Supervisor has it. */
bool socket_binding_is_at(int fd, const char *path);
