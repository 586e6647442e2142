#include "bridge/handoff.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Records "KEY=VALUE" that end in NUL bytes. */
static void add(GString *text, const char *key, const char *value)
{
    g_string_append(text, key);
    g_string_append_c(text, '=');
    g_string_append_len(text, value, (gssize)strlen(value) + 1);
}

int handoff_write(const char *path, const Handoff *handoff)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *mask = g_strdup_printf("%o", (unsigned)handoff->umask);
    g_autofree char *temporary = g_strconcat(path, ".new", NULL);

    add(text, "directory", handoff->directory);
    add(text, "umask", mask);
    for (char **argument = handoff->arguments; *argument; argument++)
        add(text, "argument", *argument);
    for (char **variable = handoff->environment; *variable; variable++)
        add(text, "environment", *variable);
    (void)unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, text->str, text->len);
    int r = written == (ssize_t)text->len ? 0 : written < 0 ? -errno : -ENOSPC;
    if (close(fd) < 0 && r >= 0)
        r = -errno;
    if (r >= 0 && rename(temporary, path) < 0)
        r = -errno;
    return r;
}

static int read_record(const char *record, GPtrArray *arguments, GPtrArray *environment, Handoff *handoff)
{
    const char *equals = strchr(record, '=');
    if (!equals)
        return -EBADMSG;
    const char *value = equals + 1;
    if (g_str_has_prefix(record, "argument="))
        g_ptr_array_add(arguments, g_strdup(value));
    else if (g_str_has_prefix(record, "environment="))
        g_ptr_array_add(environment, g_strdup(value));
    else if (g_str_has_prefix(record, "umask="))
        handoff->umask = (mode_t)strtoul(value, NULL, 8);
    else if (g_str_has_prefix(record, "directory=") && !handoff->directory)
        handoff->directory = g_strdup(value);
    return 0;
}

int handoff_read(const char *path, Handoff *ret)
{
    g_autofree char *text = NULL;
    g_auto(Handoff) handoff = {0};
    size_t size;

    if (!g_file_get_contents(path, &text, &size, NULL))
        return -ENOENT;
    GPtrArray *arguments = g_ptr_array_new(), *environment = g_ptr_array_new();
    int r = 0;
    for (size_t start = 0; r >= 0 && start < size; start += strlen(text + start) + 1)
        r = read_record(text + start, arguments, environment, &handoff);
    if (r >= 0 && (!handoff.directory || arguments->len == 0))
        r = -EBADMSG;
    g_ptr_array_add(arguments, NULL);
    g_ptr_array_add(environment, NULL);
    handoff.arguments = (char **)g_ptr_array_free(arguments, FALSE);
    handoff.environment = (char **)g_ptr_array_free(environment, FALSE);
    if (r < 0)
        return r;
    *ret = handoff;
    handoff = (Handoff){0};
    return 0;
}

void handoff_clear(Handoff *handoff)
{
    g_free(handoff->directory);
    g_strfreev(handoff->arguments);
    g_strfreev(handoff->environment);
    *handoff = (Handoff){0};
}
