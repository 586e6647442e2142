/* What the page can do: the oracle's actions and some more. They are calls of RPC methods, so they wait,
 * fail and are refused as those do. */
#pragma once

#include <stdbool.h>

#include "bridge/manager.h"

typedef struct WebAction WebAction;

typedef enum WebScope {
    WEB_SCOPE_ALL,
    WEB_SCOPE_GROUP,
    WEB_SCOPE_PROCESS,
} WebScope;

/* By the word in links and forms; NULL when there is none. */
const WebAction *web_action_find(const char *word);
const WebAction *web_action_at(size_t index); /* NULL behind the last */
const char *web_action_word(const WebAction *action);
const char *web_action_label(const WebAction *action); /* "Stop" */
/* It changes nothing: anybody may. */
bool web_action_is_harmless(const WebAction *action);
WebScope web_action_scope(const WebAction *action);

typedef struct WebJob WebJob;

/* What came of it, for whoever asked; the oracle's words where it has them. */
typedef void (*WebJobDone)(const char *message, void *userdata);

/* `target` names a group or a process; NULL or ignored for all. `done` may be called before this returns, and
 * then NULL is returned. */
WebJob *web_action_run(const WebAction *action, Manager *manager, const char *target, WebJobDone done,
                       void *userdata);
/* Nobody wants to know any more. What was begun goes on; what was to follow does not. */
void web_job_cancel(WebJob *job);
