/* What Tab offers: commands, and the groups and processes that the daemon has. */
#pragma once

#include "ctl/controller.h"

typedef struct Completion Completion;

/* `controller` must outlive it. */
Completion *completion_new(Controller *controller);
void completion_free(Completion *completion);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Completion, completion_free)

/* An InputCompleter; `userdata` is a Completion. */
char **completion_complete(const char *line, const char *word, void *userdata);
/* The daemon is asked once per command line: a command may have changed everything. */
void completion_forget(Completion *completion);
