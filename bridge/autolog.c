#include "bridge/autolog.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/identity.h"

static GRegex *name_pattern(const char *identifier)
{
    /* The oracle puts the identifier into its pattern as it is; here it is taken literally, so that one with
     * a dot does not remove another daemon's files. */
    g_autofree char *literal = g_regex_escape_string(identifier, -1);
    g_autofree char *pattern = g_strdup_printf("^.+?---%s-\\S+\\.log\\.{0,1}\\d{0,4}", literal);
    return g_regex_new(pattern, G_REGEX_RAW, 0, NULL);
}

void autolog_clear(const char *directory, const char *identifier, MainLog *log)
{
    IDENTITY_SCOPE;
    g_autoptr(GRegex) pattern = name_pattern(identifier);
    g_autoptr(GDir) entries = g_dir_open(directory, 0, NULL);

    if (!entries || !pattern) {
        main_log_write(log, LOG_LEVEL_WARN, "Could not clear childlog dir");
        return;
    }
    for (const char *name; (name = g_dir_read_name(entries));) {
        if (!g_regex_match(pattern, name, 0, NULL))
            continue;
        g_autofree char *path = g_build_filename(directory, name, NULL);
        if (unlink(path) < 0)
            main_log_write(log, LOG_LEVEL_WARN, "Failed to clean up '%s'", path);
    }
}
