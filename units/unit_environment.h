/* What a program gets of the variables that systemd has given to the launcher: those that somebody has set
 * for its unit (Environment=, EnvironmentFile=, RuntimeDirectory=, LoadCredential=, …). */
#pragma once

/* `own` with the variables of `given` over it, but for those that `manager` has, too, and those in which
 * systemd tells the launcher about itself. All lists are NULL-terminated; `manager` may be NULL: then it is
 * `own` alone. Newly allocated, its strings are not copied. NULL without memory. */
const char **unit_environment_merge(const char *const *own, const char *const *manager, char *const *given);
