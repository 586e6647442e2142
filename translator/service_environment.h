/* What systemd tells a service about itself, in its environment. */
#pragma once

/* Without it: for what a service starts, which would report to systemd in the service's name. Takes and
 * returns a list that g_strfreev() frees. The variables: systemd.exec(5), sd_notify(3), sd_listen_fds(3). */
char **service_environment_forget(char **environment);
