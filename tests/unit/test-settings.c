/* The command line against the oracle's messages, and how it lies over [supervisord]. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "bridge/settings.h"

#define ARGV(...) ((char *const[]){(char *)"supervisord", ##__VA_ARGS__, NULL})
#define A(text)   (char *)text

static void messages_are_the_oracles(void **state)
{
    static const struct {
        const char *arguments[4];
        const char *message;
    } rows[] = {
        {{"-x"}, "option -x not recognized"},
        {{"--nonsense"}, "option --nonsense not recognized"},
        {{"-c"}, "option -c requires argument"},
        {{"--silent=1"}, "option --silent must not have an argument"},
        {{"--log", "x"}, "option --log not a unique prefix"},
        {{"-m", "abc"}, "invalid value for -m 'abc': abc can not be converted to an octal type"},
        {{"--umask=9"}, "invalid value for --umask '9': 9 can not be converted to an octal type"},
        {{"-e", "loud"}, "invalid value for -e 'loud': bad logging level name 'loud'"},
        {{"-z", "x"}, "invalid value for -z 'x': invalid literal for int() with base 10: 'x'"},
        {{"-d", "/nowhere"}, "invalid value for -d '/nowhere': /nowhere is not an existing directory"},
        {{"-l", "/nowhere/x"},
         "invalid value for -l '/nowhere/x': The directory named as part of the path /nowhere/x does not "
         "exist"},
        {{"-n", "-n"}, "conflicting command line option '-n'"},
        {{"-i", "a", "--identifier=b"}, "conflicting command line option '--identifier'"},
        {{"one", "two"}, "positional arguments are not supported: ['one', 'two']"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char *argv[6] = {A("supervisord")};
        g_autofree char *message = NULL;
        g_auto(CommandLine) line = {0};
        for (unsigned j = 0; j < 4; j++)
            argv[j + 1] = A(rows[i].arguments[j]);
        assert_int_equal(command_line_parse(argv, &line, &message), -EINVAL);
        assert_string_equal(message, rows[i].message);
    }
}

static void requests(void **state)
{
    g_auto(CommandLine) line = {0};
    g_autofree char *message = NULL;

    assert_int_equal(command_line_parse(ARGV(A("-h")), &line, &message), COMMAND_LINE_HELP);
    assert_int_equal(command_line_parse(ARGV(A("-?")), &line, &message), COMMAND_LINE_HELP);
    assert_int_equal(command_line_parse(ARGV(A("--vers")), &line, &message), COMMAND_LINE_VERSION);
    /* The first one that asks wins, whatever stands behind it. */
    assert_int_equal(command_line_parse(ARGV(A("-v"), A("-m"), A("abc")), &line, &message),
                     COMMAND_LINE_VERSION);
}

static void help_names_every_option(void **state)
{
    static const char *const names[] = {"-c/--configuration", "-n/--nodaemon",         "-u/--user",
                                        "-m/--umask",         "-y/--logfile_maxbytes", "-e/--loglevel",
                                        "-j/--pidfile",       "-i/--identifier",       "-q/--childlogdir",
                                        "-k/--nocleanup",     "-a/--minfds",           "--minprocs"};
    g_autofree char *help = command_line_help("/usr/bin/supervisord");

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        assert_non_null(strstr(help, names[i]));
    assert_null(strstr(help, "handoff"));
}

static Config *load(const char *text)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autofree char *path = NULL;
    Config *config = NULL;

    int fd = g_file_open_tmp("supersede-XXXXXX.conf", &path, NULL);
    assert_true(fd >= 0);
    close(fd);
    assert_true(g_file_set_contents(path, text, -1, NULL));
    assert_int_equal(config_load_daemon(path, config_host_real(), diagnostics, &config), 0);
    g_unlink(path);
    return config;
}

static void command_line_wins(void **state)
{
    g_autoptr(Config) config =
        load("[supervisord]\nlogfile=/tmp/a.log\nloglevel=warn\nidentifier=one\numask=077\nminfds=5\n"
             "nodaemon=true\n");
    g_auto(CommandLine) line = {0};
    g_auto(Settings) settings = {0};
    g_autofree char *message = NULL;

    assert_int_equal(command_line_parse(
                         ARGV(A("-l"), A("/tmp/../tmp/b.log"), A("-i"), A("two"), A("-m"), A("027"), A("-t")),
                         &line, &message),
                     COMMAND_LINE_RUN);
    assert_int_equal(settings_make(&line, config, &settings, &message), 0);
    assert_string_equal(settings.logfile, "/tmp/b.log");
    assert_string_equal(settings.identifier, "two");
    assert_int_equal(settings.umask, 027);
    assert_int_equal(settings.minfds, 5);
    assert_int_equal(settings.loglevel, 30);
    assert_true(settings.nodaemon);
    assert_true(settings.strip_ansi);
    assert_false(settings.silent);
    assert_null(settings.serverurl);
}

static void unknown_user_is_refused(void **state)
{
    g_autoptr(Config) config = load("[supervisord]\n");
    g_auto(CommandLine) line = {0};
    g_auto(Settings) settings = {0};
    g_autofree char *message = NULL;

    assert_int_equal(command_line_parse(ARGV(A("-u"), A("nobody-by-that-name")), &line, &message),
                     COMMAND_LINE_RUN);
    assert_int_equal(settings_make(&line, config, &settings, &message), -EINVAL);
    assert_string_equal(message, "Invalid user name nobody-by-that-name");
}

/* What programs are told: the first unix server, else the last inet one. */
static void serverurl(void **state)
{
    static const struct {
        const char *servers;
        const char *url;
    } rows[] = {
        {"[inet_http_server]\nport=*:9001\n[unix_http_server]\nfile=/tmp/x.sock\n", "unix:///tmp/x.sock"},
        {"[inet_http_server]\nport=9001\n", "http://localhost:9001"},
        {"[inet_http_server]\nport=9001\n[inet_http_server:b]\nport=127.0.0.1:9002\n",
         "http://127.0.0.1:9002"},
        {"", NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strconcat("[supervisord]\n", rows[i].servers, NULL);
        g_autoptr(Config) config = load(text);
        g_auto(CommandLine) line = {0};
        g_auto(Settings) settings = {0};
        g_autofree char *message = NULL;
        assert_int_equal(settings_make(&line, config, &settings, &message), 0);
        if (rows[i].url)
            assert_string_equal(settings.serverurl, rows[i].url);
        else
            assert_null(settings.serverurl);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_the_oracles), cmocka_unit_test(requests),
        cmocka_unit_test(help_names_every_option),  cmocka_unit_test(command_line_wins),
        cmocka_unit_test(unknown_user_is_refused),  cmocka_unit_test(serverurl),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
