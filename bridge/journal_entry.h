/* Fields of the entry at which a reader of the journal stands. Any local user can send entries with any
 * fields; only those whose names begin with an underscore are journald's own word. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-journal.h>

/* The value of a field, valid until the next one is asked for. 0 or negative errno. */
int journal_entry_field(sd_journal *journal, const char *name, const char **ret, size_t *ret_size);
/* The same of a field that is a decimal number. */
int journal_entry_number(sd_journal *journal, const char *name, uint64_t *ret);
/* Whether a process of this user has sent it. */
bool journal_entry_is_from(sd_journal *journal, uid_t user);
