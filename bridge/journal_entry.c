#include "bridge/journal_entry.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

int journal_entry_field(sd_journal *journal, const char *name, const char **ret, size_t *ret_size)
{
    const void *data;
    size_t size;
    size_t skip = strlen(name) + 1;
    int r = sd_journal_get_data(journal, name, &data, &size);

    if (r < 0)
        return r;
    if (size < skip)
        return -EBADMSG;
    *ret = (const char *)data + skip;
    *ret_size = size - skip;
    return 0;
}

int journal_entry_number(sd_journal *journal, const char *name, uint64_t *ret)
{
    const char *value;
    size_t size;
    char text[32];
    int r = journal_entry_field(journal, name, &value, &size);

    if (r < 0)
        return r;
    if (size >= sizeof(text))
        return -EBADMSG;
    memcpy(text, value, size);
    text[size] = '\0';
    return g_ascii_string_to_unsigned(text, 10, 0, UINT64_MAX, ret, NULL) ? 0 : -EBADMSG;
}

bool journal_entry_is_from(sd_journal *journal, uid_t user)
{
    uint64_t uid = 0;

    return journal_entry_number(journal, "_UID", &uid) == 0 && uid == user;
}
