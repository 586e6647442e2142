/* For tests: a pump that talks to other sockets than journald's and syslog's. */
#pragma once

#include "bridge/pump.h"

/* `was_sent`: as journal_lookup_ask(), whose JournalLookup it gets. */
int pump_new_with_sockets(sd_event *event, MainLog *log, EventBus *events, const char *journal_path,
                          const char *syslog_path,
                          int (*was_sent)(const char *match, uint64_t since, void *userdata), Pump **ret);
