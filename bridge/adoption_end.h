/* The end of an adoption, once the bridge is at work: the old daemon's unit is disabled and let go, the notes
 * are removed, and where a unit file of ours starts this very configuration, that is enabled and started, and
 * takes this bridge's place (bridge/takeover.h): what runs is what the next boot starts. Best effort; a
 * bridge that dies before it is through does it again. */
#pragma once

#include "bridge/main_log.h"
#include "bridge/systemd.h"

typedef struct AdoptionEnd AdoptionEnd;

typedef struct AdoptionEndContext {
    Systemd *systemd;
    MainLog *log;
    const char *runtime_directory;
    const char *file; /* as in AdoptionContext */
    const char *identifier;
    const char *configuration;
    const char *own_unit; /* NULL: none */
    bool user_manager;
} AdoptionEndContext;

/* Goes on from the event loop; what the context points to must outlive it. */
AdoptionEnd *adoption_end_begin(const AdoptionEndContext *context);
void adoption_end_free(AdoptionEnd *end);
