/* A process of the bridge's own: the launcher in its --child mode, which waits to be let go and then becomes
 * the program. Standard input and output are pipes to the bridge. It dies with the bridge. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

typedef struct Child Child;

typedef struct ChildCallbacks {
    void (*output)(const char *data, size_t size, void *userdata);
    /* It has ended and was reaped, all its output was handed over. The Child may be freed from within, here
     * and above. `code` and `status` as in siginfo_t: CLD_EXITED, CLD_KILLED, CLD_DUMPED. */
    void (*ended)(int code, int status, void *userdata);
} ChildCallbacks;

/* Starts `launcher --child SPEC`. Returns 0 or negative errno. */
int child_spawn(sd_event *event, const char *launcher, const char *spec, const ChildCallbacks *callbacks,
                void *userdata, Child **ret);
/* Nothing calls back any more; a process that is still there is killed, and reaped when it has gone. */
void child_free(Child *child);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Child, child_free)

pid_t child_pid(const Child *child);
/* Lets it go on. Once is enough. */
void child_release(Child *child);
/* 0 or negative errno; -ESRCH when it has ended. `group`: everybody in its process group. */
int child_signal(const Child *child, int signal, bool group);
/* To its standard input; what the pipe does not take waits. Returns 0, -EPIPE when it has closed that,
 * -ENOBUFS when it leaves too much unread. */
int child_write(Child *child, const char *data, size_t size);
