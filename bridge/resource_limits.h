/* minfds and minprocs: the daemon raises its own limits at the start, and programs inherit them. */
#pragma once

#include "bridge/settings.h"

/* Raises the soft limits (and, as root, the hard ones) to what the settings ask for. Returns the number of
 * limits that were raised, whose log lines ("Increased RLIMIT_NOFILE limit to N") are added to `lines` (char
 * *, owned); -EPERM with the oracle's message newly allocated when a limit cannot be had. */
int resource_limits_raise(const Settings *settings, GPtrArray *lines, char **ret_message);
