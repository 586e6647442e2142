/* The control groups of programs that change hands: from where an old supervisord had them into scopes of
 * ours, and back. */
#pragma once

#include "bridge/adoption_member.h"
#include "bridge/systemd_wait.h"

/* Puts a program with all that belongs to it into its scope, whatever it forks meanwhile. 0 or negative
 * errno, with `ret_message` newly allocated. Programs do not notice. */
int adoption_scope_enter(SystemdWait *systemd, AdoptionMember *member, char **ret_message);

/* Puts it back into that control group; best effort. */
void adoption_scope_leave(const AdoptionMember *member, const char *cgroup);
