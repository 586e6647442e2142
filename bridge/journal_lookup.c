#include "bridge/journal_lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "bridge/journal_child.h"
#include "bridge/journal_entry.h"
#include "bridge/reap.h"

/* When the kernel took it from the sender, which is what journald notes here, however late it reads. */
#define SENT_FIELD "_SOURCE_REALTIME_TIMESTAMP"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_journal, sd_journal_close)

enum {
    CHILD_SECONDS = 10,
    /* So many newer ones that only claim to be ours are passed over. */
    FOREIGN_MAX = 1000,
};

/* What the child writes. */
#define WAS_SENT     'Y'
#define WAS_NOT_SENT 'N'

struct JournalLookup {
    sd_event *event;
    pid_t child; /* 0: nobody has asked */
    int fd;
    char *match; /* what it looks for … */
    uint64_t since;
};

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

static int look(const char *match, uint64_t since)
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

static _Noreturn void be_child(const char *match, uint64_t since, int fd)
{
    int r = journal_child_settle(fd, CHILD_SECONDS);

    if (r == 0)
        r = look(match, since);
    if (r >= 0 && write(JOURNAL_CHILD_FD, (const char[]){r > 0 ? WAS_SENT : WAS_NOT_SENT}, 1) == 1)
        _exit(EXIT_SUCCESS);
    _exit(EXIT_FAILURE);
}

JournalLookup *journal_lookup_new(sd_event *event)
{
    JournalLookup *lookup = g_new0(JournalLookup, 1);

    lookup->event = sd_event_ref(event);
    return lookup;
}

static int lookup_start(JournalLookup *lookup, const char *match, uint64_t since)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    pid_t child = fork();
    if (child == 0)
        be_child(match, since, fds[1]);
    int r = child < 0 ? -errno : 0;
    close(fds[1]);
    if (r < 0) {
        close(fds[0]);
        return r;
    }
    lookup->child = child;
    lookup->fd = fds[0];
    lookup->match = g_strdup(match);
    lookup->since = since;
    return 0;
}

static void lookup_end(JournalLookup *lookup)
{
    if (lookup->child == 0)
        return;
    (void)kill(lookup->child, SIGKILL);
    reap_later(lookup->event, lookup->child);
    close(lookup->fd);
    g_clear_pointer(&lookup->match, g_free);
    lookup->child = 0;
}

/* What the child has found out, or -EINPROGRESS. */
static int lookup_answer(JournalLookup *lookup)
{
    char word;
    ssize_t count = TEMP_FAILURE_RETRY(read(lookup->fd, &word, 1));

    if (count < 0 && errno == EAGAIN)
        return -EINPROGRESS;
    lookup_end(lookup);
    return count == 1 ? word == WAS_SENT : -EIO;
}

int journal_lookup_ask(const char *match, uint64_t since, void *userdata)
{
    JournalLookup *lookup = userdata;
    bool is_same = lookup->child > 0 && lookup->since == since && strcmp(lookup->match, match) == 0;
    int r = lookup->child > 0 ? lookup_answer(lookup) : 0;

    if (is_same || r == -EINPROGRESS)
        return r;
    /* Nobody has asked before, or it was somebody who has gone since. */
    r = lookup_start(lookup, match, since);
    return r < 0 ? r : -EINPROGRESS;
}

void journal_lookup_free(JournalLookup *lookup)
{
    if (!lookup)
        return;
    lookup_end(lookup);
    sd_event_unref(lookup->event);
    g_free(lookup);
}
