/* A daemon that crashes at once at every start is started again for ever, and must not take a core with it:
 * after some starts in quick succession each waits before it does anything. (systemd has RestartSteps= for
 * this from 254 on, and complains of it before.) */
#pragma once

#include <stdint.h>

/* Counts this start in a file of the runtime directory and returns how long to wait, in microseconds: 0
 * unless the last ones have ended, each within a second, without crash_pause_forget(). `now` is a clock that
 * never jumps. */
uint64_t crash_pause_count(const char *runtime_directory, uint64_t now);
/* Waits for so long; a signal to end cuts it short, and is left for the event loop. Call it before there is
 * one. */
void crash_pause_wait(uint64_t usec);
/* The daemon ends as it should. */
void crash_pause_forget(const char *runtime_directory);
