/* Asks a supervisord of the old kind all that its successor has to know. */
#pragma once

#include "ctl/daemon_address.h"
#include "translator/legacy.h"

/* Returns 0, or -EIO with `ret_problem` newly allocated. */
int legacy_ask(const DaemonAddress *address, LegacyDaemon **ret, char **ret_problem);
