/* The file between bridge, launcher and gate. What can be read can be written, and is the same when it is
 * read again. */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/launch_spec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/scratch_file.h"

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void compare_lists(const char *const *a, const char *const *b)
{
    for (; *a && *b; a++, b++) {
        if (strcmp(*a, *b) != 0)
            abort();
    }
    if (*a || *b)
        abort();
}

static void compare(const LaunchSpec *a, const LaunchSpec *b)
{
    if (!is_same_text(a->unit, b->unit) || !is_same_text(a->command, b->command) ||
        !is_same_text(a->user, b->user) || !is_same_text(a->process_name, b->process_name) ||
        !is_same_text(a->directory, b->directory) || !is_same_text(a->stdout_path, b->stdout_path) ||
        a->umask != b->umask || a->startsecs != b->startsecs || a->startretries != b->startretries ||
        (a->open_files.rlim_max != 0 && a->open_files.rlim_cur != b->open_files.rlim_cur) ||
        a->redirect_stderr != b->redirect_stderr || a->user_manager != b->user_manager)
        abort();
    compare_lists(a->environment, b->environment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = scratch_file(0, data, size);
    CLEANUP_FREE void *storage = NULL;
    CLEANUP_FREE void *again_storage = NULL;
    LaunchSpec spec, again;

    if (launch_spec_read(path, &spec, &storage) < 0)
        return 0;
    if (launch_spec_write(path, &spec) < 0 || launch_spec_read(path, &again, &again_storage) < 0)
        abort();
    compare(&spec, &again);
    return 0;
}
