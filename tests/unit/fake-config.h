/* A Config made by hand, for tests of what comes after the reader. Linked in front of translator/config.c. */
#pragma once

#include "translator/config.h"

/* Keeps the pointers. One reference. */
Config *fake_config_new(const GroupConfig *groups, size_t group_count);
/* What config_daemon() gives, to be changed. */
DaemonConfig *fake_config_daemon(Config *config);
/* How many configurations are alive. */
unsigned fake_config_alive(void);

/* A [program:NAME] with the oracle's defaults. */
ProcessConfig fake_process(const char *program);
