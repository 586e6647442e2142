/* Files of `stdout_logfile=AUTO` that an earlier daemon of the same identifier left behind. */
#pragma once

#include "bridge/main_log.h"

/* The oracle's clear_autochildlogdir(): removes every NAME-STREAM---IDENTIFIER-XXXXXX.log and its backups
 * from the directory. What cannot be removed is logged in the oracle's words. */
void autolog_clear(const char *directory, const char *identifier, MainLog *log);
