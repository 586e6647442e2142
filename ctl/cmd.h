/* The handlers that the rows of command.c name; each does what its command does in the oracle. */
#pragma once

#include "ctl/controller.h"

/* cmd-config.c */
int cmd_add(Controller *controller, const char *arguments);
int cmd_remove(Controller *controller, const char *arguments);
int cmd_reread(Controller *controller, const char *arguments);
int cmd_update(Controller *controller, const char *arguments);
int cmd_avail(Controller *controller, const char *arguments);

/* cmd-control.c */
int cmd_start(Controller *controller, const char *arguments);
int cmd_stop(Controller *controller, const char *arguments);
int cmd_restart(Controller *controller, const char *arguments);
int cmd_signal(Controller *controller, const char *arguments);
int cmd_clear(Controller *controller, const char *arguments);

/* cmd-daemon.c */
int cmd_open(Controller *controller, const char *arguments);
int cmd_reload(Controller *controller, const char *arguments);
int cmd_shutdown(Controller *controller, const char *arguments);
int cmd_version(Controller *controller, const char *arguments);

/* cmd-fg.c */
int cmd_fg(Controller *controller, const char *arguments);

/* cmd-help.c */
int cmd_help(Controller *controller, const char *arguments);
int cmd_quit(Controller *controller, const char *arguments);

/* cmd-log.c */
int cmd_tail(Controller *controller, const char *arguments);
int cmd_maintail(Controller *controller, const char *arguments);

/* cmd-rolling.c: what `restart --rolling` does with these words */
int cmd_restart_rolling(Controller *controller, char **words);

/* cmd-status.c */
int cmd_pid(Controller *controller, const char *arguments);
int cmd_status(Controller *controller, const char *arguments);
