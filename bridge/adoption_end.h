/* The end of an adoption, once the bridge is at work: the old daemon's unit is disabled and let go, and the
 * notes are removed. Best effort; a bridge that dies before it is through does it again. */
#pragma once

#include "bridge/main_log.h"
#include "bridge/systemd.h"

typedef struct AdoptionEnd AdoptionEnd;

/* `file` as in AdoptionContext. Goes on from the event loop; all arguments must outlive it. */
AdoptionEnd *adoption_end_begin(Systemd *systemd, MainLog *log, const char *runtime_directory,
                                const char *file, bool user_manager);
void adoption_end_free(AdoptionEnd *end);
