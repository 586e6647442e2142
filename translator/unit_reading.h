/* Has systemd read unit files, to learn what it thinks of their lines: ConfigHost.read_units of the real
 * host. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef void (*UnitReadingTell)(size_t text, unsigned line, const char *message, void *userdata);

/* Runs systemd-analyze on the texts (NULL-terminated), which needs no systemd that runs; some milliseconds.
 * Returns 0 or negative errno. */
int unit_reading_check(char *const *texts, bool user_manager, UnitReadingTell tell, void *userdata);
