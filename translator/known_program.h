/* What is known of widespread programs: how each is kept from going into the background, where neither
 * Supervisor nor systemd would find it again. */
#pragma once

#include <stdbool.h>

/* Why a command line probably ends up in the background, as advice ("add -g 'daemon off;'"); static. NULL
 * when nothing speaks for it. */
const char *known_program_daemonises(const char *const *argv);

/* Whether it is Supervisor's pidproxy, under whatever path. */
bool known_program_is_pidproxy(const char *const *argv);

/* Whether it speaks to the daemon that it is started by: supervisorctl, or supervisord itself. */
bool known_program_needs_supervisor(const char *const *argv);

/* Whether a variable's name or value, or an argument, looks like something that not everybody may read. */
bool known_program_is_secret(const char *name, const char *value);

/* What does on systemd what a widespread event listener does; static, NULL for others. */
const char *known_program_replacement(const char *const *argv);
