#include "tests/fuzz/scratch_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILES = 4, PATH_SIZE = 80 };

static char directory[PATH_SIZE - 16];
static char paths[FILES][PATH_SIZE];

static void remove_all(void)
{
    for (unsigned i = 0; i < FILES; i++) {
        if (*paths[i])
            (void)unlink(paths[i]);
    }
    (void)rmdir(directory);
}

const char *scratch_file(unsigned number, const uint8_t *data, size_t size)
{
    if (!*directory) {
        const char *place = getenv("TMPDIR");
        (void)snprintf(directory, sizeof directory, "%.40s/fuzz-XXXXXX", place ? place : "/tmp");
        if (!mkdtemp(directory) || atexit(remove_all) != 0)
            abort();
    }
    char *path = paths[number % FILES];
    (void)snprintf(path, PATH_SIZE, "%s/%u", directory, number % FILES);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) < 0)
        abort();
    return path;
}
