/* What the old daemon said of a process, as the bridge will remember it. It said it over a socket: none of it
 * is taken on trust. */
#pragma once

#include <stdbool.h>

#include "bridge/adoption_member.h"
#include "bridge/store.h"

/* Its state and times. A process that the old daemon would start in its next turn is to be started by us. */
StoreRecord adoption_record_make(const AdoptionMember *member);

/* Whether a path can be that of a log file of stdout_logfile=AUTO: in `directory` (childlogdir), and called
 * as Supervisor calls those of this process. */
bool adoption_record_is_autolog(const LegacyProcess *process, Stream stream, const char *directory);
