/* Setup and teardown of a test that needs the path of one file, which is not there yet: *state is the path.
 */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>

static int scratch_path_make(void **state)
{
    g_autofree char *directory = g_dir_make_tmp("supersede-test-XXXXXX", NULL);
    *state = directory ? g_build_filename(directory, "file", NULL) : NULL;
    return *state ? 0 : -1;
}

static int scratch_path_remove(void **state)
{
    g_autofree char *path = *state;
    g_autofree char *directory = g_path_get_dirname(path);
    (void)g_unlink(path);
    return g_rmdir(directory);
}
