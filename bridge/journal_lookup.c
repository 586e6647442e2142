#include "bridge/journal_lookup.h"

#include <glib.h>
#include <string.h>
#include <systemd/sd-journal.h>

/* When the kernel took it from the sender, which is what journald notes here, however late it reads. */
#define SENT_FIELD "_SOURCE_REALTIME_TIMESTAMP"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_journal, sd_journal_close)

static uint64_t sent_time(sd_journal *journal)
{
    const char *field;
    size_t size;
    uint64_t time = 0;

    if (sd_journal_get_data(journal, SENT_FIELD, (const void **)&field, &size) < 0 ||
        size <= strlen(SENT_FIELD "="))
        return 0;
    g_autofree char *number = g_strndup(field + strlen(SENT_FIELD "="), size - strlen(SENT_FIELD "="));
    return g_ascii_string_to_unsigned(number, 10, 0, UINT64_MAX, &time, NULL) ? time : 0;
}

int journal_lookup(const char *match, uint64_t since)
{
    g_autoptr(sd_journal) journal = NULL;

    int r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
    if (r >= 0)
        r = sd_journal_add_match(journal, match, 0);
    if (r >= 0)
        r = sd_journal_seek_tail(journal);
    if (r >= 0)
        r = sd_journal_previous(journal);
    if (r <= 0)
        return r;
    return sent_time(journal) >= since;
}
