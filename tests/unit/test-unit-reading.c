/* How systemd-analyze is asked, with a stand-in for it: tests/system/test_settings.py asks the real one. */
#include "translator/unit_reading.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* Says of the first text what it has in its environment, and something about the host that is no matter. */
#define STAND_IN                                                                                             \
    "#!/bin/sh\n"                                                                                            \
    "for last; do :; done\n"                                                                                 \
    "echo \"$last:3: socket '$NOTIFY_SOCKET' listen '$LISTEN_FDS' kept '$SUPERSEDE_KEPT'\" >&2\n"            \
    "echo \"other.service:1: no such command\" >&2\n"

static void tell(size_t text, unsigned line, const char *message, void *userdata)
{
    g_string_append_printf(userdata, "%zu:%u:%s\n", text, line, message);
}

static int set_up(void **state)
{
    char *directory = g_dir_make_tmp("unit-reading-XXXXXX", NULL);
    g_autofree char *program = g_build_filename(directory, "systemd-analyze", NULL);
    g_autofree char *path = g_strconcat(directory, ":", g_getenv("PATH"), NULL);

    assert_true(g_file_set_contents(program, STAND_IN, -1, NULL));
    assert_int_equal(g_chmod(program, 0755), 0);
    g_setenv("PATH", path, TRUE);
    *state = directory;
    return 0;
}

static int tear_down(void **state)
{
    g_autofree char *program = g_build_filename(*state, "systemd-analyze", NULL);

    (void)unlink(program);
    (void)rmdir(*state);
    g_free(*state);
    return 0;
}

/* It plays a manager, which would tell the daemon's systemd that it is ready. */
static void test_it_does_not_speak_in_our_name(void **state)
{
    const char *const texts[] = {"[Service]\n", "[Service]\nExecStart=/bin/true\n", NULL};
    g_autoptr(GString) told = g_string_new(NULL);

    g_setenv("NOTIFY_SOCKET", "/run/nobody", TRUE);
    g_setenv("LISTEN_FDS", "1", TRUE);
    g_setenv("SUPERSEDE_KEPT", "yes", TRUE);
    assert_int_equal(unit_reading_check((char *const *)texts, false, tell, told), 0);
    assert_string_equal(told->str, "1:3:socket '' listen '' kept 'yes'\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_it_does_not_speak_in_our_name)};

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
