/* minfds and minprocs: the daemon raises its own limits at the start, and programs inherit them. */
#pragma once

#include <sys/resource.h>

#include "bridge/settings.h"

/* Raises the soft limits (and, as root, the hard ones) to what the settings ask for. Returns the number of
 * limits that were raised, whose log lines ("Increased RLIMIT_NOFILE limit to N") are added to `lines` (char
 * *, owned); -EPERM with the oracle's message newly allocated when a limit cannot be had. */
int resource_limits_raise(const Settings *settings, GPtrArray *lines, char **ret_message);

/* While the daemon runs it may open as many files as the hard limit allows: connections and programs' output
 * are many, and minfds= is what the programs get. `ret_before` is for resource_limits_narrow(), before
 * another program image takes this one's place. */
void resource_limits_widen(struct rlimit *ret_before);
void resource_limits_narrow(const struct rlimit *before);
