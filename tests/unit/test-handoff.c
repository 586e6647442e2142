#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "bridge/handoff.h"

static void round_trip(void **state)
{
    g_autofree char *directory = g_dir_make_tmp("supersede-handoff-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "handoff", NULL);
    char *arguments[] = {(char *)"supervisord", (char *)"-c", (char *)"a b\n=;$%", (char *)"", NULL};
    char *environment[] = {(char *)"EMPTY=", (char *)"EQUALS=a=b", (char *)"LINES=1\n2", NULL};
    g_auto(Handoff) read = {0};
    struct stat status;

    umask(0);
    assert_int_equal(handoff_write(path, &(Handoff){.directory = (char *)"/some where",
                                                    .umask = 027,
                                                    .arguments = arguments,
                                                    .environment = environment}),
                     0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(handoff_read(path, &read), 0);
    assert_string_equal(read.directory, "/some where");
    assert_int_equal(read.umask, 027);
    assert_true(g_strv_equal((const char *const *)read.arguments, (const char *const *)arguments));
    assert_true(g_strv_equal((const char *const *)read.environment, (const char *const *)environment));
    g_unlink(path);
    g_rmdir(directory);
}

static void rubbish_is_refused(void **state)
{
    g_autofree char *directory = g_dir_make_tmp("supersede-handoff-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "handoff", NULL);
    g_auto(Handoff) read = {0};

    assert_int_equal(handoff_read(path, &read), -ENOENT);
    assert_true(g_file_set_contents(path, "no record\0directory=/", 21, NULL));
    assert_int_equal(handoff_read(path, &read), -EBADMSG);
    assert_true(g_file_set_contents(path, "directory=/\0", 12, NULL));
    assert_int_equal(handoff_read(path, &read), -EBADMSG);
    assert_null(read.arguments);
    g_unlink(path);
    g_rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(rubbish_is_refused),
    };
    return cmocka_run_group_tests_name("handoff", tests, NULL, NULL);
}
