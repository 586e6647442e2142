#include "bridge/journal_lookup.h"

#include <glib.h>
#include <unistd.h>

#include "bridge/journal_entry.h"

/* When the kernel took it from the sender, which is what journald notes here, however late it reads. */
#define SENT_FIELD "_SOURCE_REALTIME_TIMESTAMP"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_journal, sd_journal_close)

/* So many newer ones that only claim to be ours are passed over. */
enum { FOREIGN_MAX = 1000 };

/* At the youngest entry that we have sent: 1, 0 when there is none, or negative errno. */
static int seek_last(sd_journal *journal)
{
    int r = sd_journal_seek_tail(journal);

    if (r >= 0)
        r = sd_journal_previous(journal);
    for (unsigned i = 0; r > 0 && !journal_entry_is_from(journal, geteuid()); i++)
        r = i < FOREIGN_MAX ? sd_journal_previous(journal) : 0;
    return r;
}

int journal_lookup(const char *match, uint64_t since)
{
    g_autoptr(sd_journal) journal = NULL;
    uint64_t sent = 0;

    int r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
    if (r >= 0)
        r = sd_journal_add_match(journal, match, 0);
    if (r >= 0)
        r = seek_last(journal);
    if (r <= 0)
        return r;
    return journal_entry_number(journal, SENT_FIELD, &sent) == 0 && sent >= since;
}
