/* A service takes the place of a supervisord that made itself a service for the time being (`supersede
 * adopt`, `supervisord -c X`): of the same identifier and configuration. To that one it is as if it had been
 * killed; its programs run on, and are taken up as after any restart. */
#pragma once

/* `own_unit`: the service of this process. Returns 0 when the other one has gone, with the queue of its
 * descriptors, for fd_store_open(), and the name of its unit (newly allocated), which is to be stopped lest
 * systemd starts it again. -EBUSY when whoever has the runtime directory is none that is to make room; or
 * another negative errno, and it runs on. Blocks for moments. */
int takeover_run(const char *runtime_directory, const char *configuration, const char *own_unit,
                 int *ret_queue, char **ret_unit);
