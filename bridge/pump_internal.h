/* For tests: a pump that talks to other sockets than journald's and syslog's. */
#pragma once

#include "bridge/pump.h"

int pump_new_with_sockets(sd_event *event, MainLog *log, EventBus *events, const char *journal_path,
                          const char *syslog_path, Pump **ret);
