/* How far an adoption has come: a file that the next bridge finds when this one dies in the middle. */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <sys/types.h>

/* Its name below the runtime directory. */
#define ADOPTION_NOTE_FILE "adoption"

typedef enum AdoptionStage {
    ADOPTION_NONE,  /* not begun */
    ADOPTION_BEGUN, /* to be undone */
    ADOPTION_TAKEN, /* everything is ours: to be carried through */
    ADOPTION_OVER,
    ADOPTION_STAGES
} AdoptionStage;

typedef struct AdoptionNote {
    AdoptionStage stage;
    pid_t pid;      /* of the old daemon */
    uint64_t start; /* its start, in ticks since boot */
    char *cgroup;   /* where it and its programs were */
    char *unit;     /* of the old daemon; "" when it is none of systemd's */
    char *
        *listeners; /* processes of its event listeners, as adoption_listeners_name() has them; NULL: none */
} AdoptionNote;

void adoption_note_clear(AdoptionNote *note);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AdoptionNote, adoption_note_clear)

/* Whole or not at all. 0 or negative errno. */
int adoption_note_write(const char *path, const AdoptionNote *note);
/* Without a file the stage is ADOPTION_NONE. 0, -EBADMSG or another negative errno. */
int adoption_note_read(const char *path, AdoptionNote *ret);
