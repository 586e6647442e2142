/* The model as a whole: files, origins, messages, searches, comparisons. Values are held against the oracle
 * in tests/parity/config. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "translator/config.h"

/* ---- the host and its files ---- */

static char *directory; /* working directory of the tests */

static int find_user(const char *text, uid_t *ret_uid, gid_t *ret_gid)
{
    *ret_uid = 33;
    *ret_gid = 34;
    return strcmp(text, "web") == 0 ? 0 : -ENOENT;
}

static int find_group(const char *text, gid_t *ret_gid)
{
    return -ENOENT;
}

static bool is_directory(const char *path)
{
    return !strstr(path, "nosuch");
}

static char *find_home(const char *user)
{
    return g_strdup("/home/x");
}

static char home_variable[] = "HOME=/home/x", a_variable[] = "A=1", no_variable[] = "not a variable";
static char *environment[] = {home_variable, a_variable, no_variable, NULL};
static const ConfigHost host = {
    .environment = environment,
    .node_name = "node",
    .temporary_directory = "/tmp",
    .find_user = find_user,
    .find_group = find_group,
    .is_directory = is_directory,
    .find_home = find_home,
    .uid = 0,
};

static void write_file(const char *name, const char *text)
{
    assert_true(g_file_set_contents(name, text, -1, NULL));
}

typedef struct Loaded {
    Diagnostics *diagnostics;
    Config *config;
    int result;
} Loaded;

static void loaded_clear(Loaded *loaded)
{
    diagnostics_free(loaded->diagnostics);
    g_clear_pointer(&loaded->config, config_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Loaded, loaded_clear)

static Loaded load_file(const char *name)
{
    Loaded loaded = {.diagnostics = diagnostics_new()};
    loaded.result = config_load_daemon(name, &host, loaded.diagnostics, &loaded.config);
    return loaded;
}

static Loaded load(const char *text)
{
    write_file("x.conf", text);
    return load_file("x.conf");
}

static Loaded load_client(const char *text)
{
    Loaded loaded = {.diagnostics = diagnostics_new()};
    write_file("x.conf", text);
    loaded.result = config_load_client("x.conf", &host, loaded.diagnostics, &loaded.config);
    return loaded;
}

static void assert_error(const char *text, unsigned line, const char *option, const char *message)
{
    g_auto(Loaded) loaded = load(text);
    assert_int_equal(loaded.result, -EINVAL);
    assert_null(loaded.config);
    const Diagnostic *error = diagnostics_first_error(loaded.diagnostics);
    assert_non_null(error);
    assert_string_equal(error->text, message);
    assert_string_equal(error->file, "x.conf");
    assert_int_equal(error->line, line);
    assert_string_equal(error->option, option);
    assert_int_equal(diagnostics_worst(loaded.diagnostics), SEVERITY_ERROR);
}

static const Diagnostic *find_diagnostic(const Diagnostics *diagnostics, const char *text)
{
    for (size_t i = 0; i < diagnostics_count(diagnostics); i++) {
        if (strcmp(diagnostics_get(diagnostics, i)->text, text) == 0)
            return diagnostics_get(diagnostics, i);
    }
    fail_msg("nobody said: %s", text);
    return NULL;
}

static const ProcessConfig *only_process(const Config *config)
{
    assert_int_equal(config_group_count(config), 1);
    assert_int_equal(config_group(config, 0)->process_count, 1);
    return config_group(config, 0)->processes[0];
}

/* ---- defaults ---- */

static void test_daemon_defaults(void **state)
{
    g_auto(Loaded) loaded = load("[supervisord]\n");
    assert_int_equal(loaded.result, 0);
    const DaemonConfig *daemon = config_daemon(loaded.config);
    assert_string_equal(daemon->logfile, "supervisord.log");
    assert_int_equal(daemon->logfile_maxbytes, 50 << 20);
    assert_int_equal(daemon->logfile_backups, 10);
    assert_int_equal(daemon->loglevel, 20);
    assert_string_equal(daemon->pidfile, "supervisord.pid");
    assert_int_equal(daemon->umask, 022);
    assert_int_equal(daemon->minfds, 1024);
    assert_int_equal(daemon->minprocs, 200);
    assert_string_equal(daemon->childlogdir, "/tmp");
    assert_string_equal(daemon->identifier, "supervisor");
    assert_false(daemon->nodaemon || daemon->silent || daemon->nocleanup || daemon->strip_ansi);
    assert_null(daemon->user);
    assert_null(daemon->directory);
    assert_int_equal(daemon->environment_count, 0);
    assert_int_equal(daemon->origin.line, 1);
    assert_int_equal(config_group_count(loaded.config), 0);
    assert_int_equal(config_server_count(loaded.config), 0);
    assert_int_equal(diagnostics_count(loaded.diagnostics), 0);
    g_autofree char *path = g_build_filename(directory, "x.conf", NULL);
    assert_string_equal(config_path(loaded.config), path);
    assert_string_equal(config_here(loaded.config), directory);
}

static void test_process_defaults(void **state)
{
    g_auto(Loaded) loaded = load("[supervisord]\n\n[program:p]\ncommand=/bin/cat\n");
    const ProcessConfig *process = only_process(loaded.config);
    assert_int_equal(process->kind, PROGRAM_PLAIN);
    assert_string_equal(process->program, "p");
    assert_string_equal(process->name, "p");
    assert_string_equal(process->section, "program:p");
    assert_string_equal(process->origin.file, "x.conf");
    assert_int_equal(process->origin.line, 3);
    assert_int_equal(process->process_num, 0);
    assert_int_equal(process->numprocs, 1);
    assert_int_equal(process->priority, 999);
    assert_true(process->autostart);
    assert_int_equal(process->autorestart, AUTORESTART_UNEXPECTED);
    assert_int_equal(process->startsecs, 1);
    assert_int_equal(process->startretries, 3);
    assert_int_equal(process->stopsignal, SIGTERM);
    assert_int_equal(process->stopwaitsecs, 10);
    assert_int_equal(process->exitcode_count, 1);
    assert_int_equal(process->exitcodes[0], 0);
    assert_false(process->has_uid || process->has_umask || process->stopasgroup || process->killasgroup);
    assert_null(process->user);
    assert_null(process->directory);
    assert_null(process->serverurl);
    for (Stream stream = STREAM_STDOUT; stream < STREAM_COUNT; stream++) {
        const LogConfig *log = &process->log[stream];
        assert_int_equal(log->kind, LOGFILE_AUTO);
        assert_null(log->path);
        assert_int_equal(log->maxbytes, 50 << 20);
        assert_int_equal(log->backups, 10);
        assert_int_equal(log->capture_maxbytes, 0);
        assert_false(log->events_enabled || log->syslog);
    }
}

static void test_client(void **state)
{
    g_auto(Loaded)
        plain = load_client("[supervisorctl]\n"),
        full = load_client("[supervisorctl]\nserverurl=unix://%(here)s/../s\nusername=u\nhistory_file=~/"
                           "h\n[ctlplugin:x]\nsupervisor.ctl_factory=a:b\n");
    const ClientConfig *client = config_client(plain.config);
    assert_string_equal(client->serverurl, "http://localhost:9001");
    assert_string_equal(client->prompt, "supervisor");
    assert_true(!client->username && !client->password && !client->history_file);
    client = config_client(full.config);
    g_autofree char *parent = g_path_get_dirname(directory);
    g_autofree char *url = g_strconcat("unix://", strcmp(parent, "/") == 0 ? "" : parent, "/s", NULL);
    assert_string_equal(client->serverurl, url);
    assert_string_equal(client->history_file, "/home/x/h");
    assert_int_equal(config_ctlplugin_count(full.config), 1);
    assert_string_equal(config_ctlplugin(full.config, 0)->factory, "a:b");
    assert_int_equal(diagnostics_worst(full.diagnostics), SEVERITY_WARNING);
}

/* ---- errors ---- */

static void test_errors_name_the_line(void **state)
{
    assert_error(
        "[supervisord]\n[program:p]\ncommand=x\nstartsecs=5\n  6\n", 4, "program:p.startsecs",
        "invalid literal for int() with base 10: '5\\n6' in section 'program:p' (file: 'x.conf', line: 4)");
    assert_error("[supervisord]\n[program:p]\n", 2, "program:p",
                 "program section program:p does not specify a command in section 'program:p' (file: "
                 "'x.conf', line: 2)");
    assert_error("[supervisord]\nloglevel=x\n", 2, "supervisord.loglevel",
                 "bad logging level name 'x' (file: 'x.conf', line: 2)");
    assert_error("[program:p]\ncommand=x\n", 0, "supervisord",
                 ".ini file does not include supervisord section (file: 'x.conf')");
    assert_error("[supervisord]\n[group:g]\n\nprograms=a\n", 4, "group:g.programs",
                 "[group:g] names unknown program or fcgi-program a (file: 'x.conf', line: 4)");
    assert_error("[supervisord]\n[unix_http_server]\n", 2, "unix_http_server",
                 "section [unix_http_server] has no file value (file: 'x.conf', line: 2)");
    assert_error(
        "[DEFAULT]\nstartsecs=x\n[supervisord]\n[program:p]\ncommand=x\n", 2, "program:p.startsecs",
        "invalid literal for int() with base 10: 'x' in section 'program:p' (file: 'x.conf', line: 2)");
}

static void test_the_group_at_fault_is_named(void **state)
{
    assert_error("[supervisord]\n[group:g]\nprograms=a,b\n[program:a]\ncommand=x\n", 3, "group:g.programs",
                 "[group:g] names unknown program or fcgi-program b (file: 'x.conf', line: 3)");
}

static void test_a_foreign_result_handler_is_refused(void **state)
{
    assert_error(
        "[supervisord]\n[eventlistener:l]\ncommand=x\nevents=EVENT\nresult_handler=a:b\n", 5,
        "eventlistener:l.result_handler",
        "a:b cannot be resolved within [eventlistener:l]: there is no Python here, only "
        "supervisor.dispatchers:default_handler; let the listener itself answer RESULT 2 and OK for an "
        "event that it has dealt with, RESULT 4 and FAIL to get it again, and take this line out "
        "(file: 'x.conf', line: 5)");
}

static void test_too_many_processes(void **state)
{
    assert_error("[supervisord]\n[program:p]\ncommand=x\nprocess_name=%(process_num)s\nnumprocs=65537\n", 5,
                 "program:p.numprocs",
                 "numprocs=65537 is more than 65536 in section 'program:p' (file: 'x.conf', line: 5)");
    assert_error(
        "[supervisord]\n[program:p]\ncommand=x\nnumprocs_start=9223372036854775807\n", 4,
        "program:p.numprocs_start",
        "numprocs_start=9223372036854775807 is too large in section 'program:p' (file: 'x.conf', line: 4)");
}

static void test_integers_are_clamped_aloud(void **state)
{
    g_auto(Loaded) loaded =
        load("[supervisord]\n[program:p]\ncommand=x\nstopwaitsecs=99999999999999999999\n");
    assert_int_equal(only_process(loaded.config)->stopwaitsecs, INT64_MAX);
    const Diagnostic *told = find_diagnostic(
        loaded.diagnostics, "'stopwaitsecs' does not fit into 64 bits, 9223372036854775807 is used");
    assert_true(told->ours);
    assert_int_equal(told->line, 4);
}

static void test_files_that_cannot_be_read(void **state)
{
    g_auto(Loaded) missing = load_file("nothere.conf"), folder = load_file(".");
    assert_int_equal(missing.result, -ENOENT);
    assert_string_equal(diagnostics_first_error(missing.diagnostics)->text,
                        "could not find config file nothere.conf");
    assert_int_equal(folder.result, -EISDIR);
    assert_string_equal(diagnostics_first_error(folder.diagnostics)->text, "could not read config file .");
}

/* ---- include ---- */

static void test_include(void **state)
{
    assert_int_equal(g_mkdir_with_parents("parts/deep", 0755), 0);
    write_file("parts/b.ini", "[program:b]\ncommand=%(here)s/b\n[program:a]\nstartsecs=5\n");
    write_file("parts/a.ini", "[program:a]\ncommand=a\nstartsecs=4\n\n[include]\nfiles=nosuch\n");
    write_file("parts/.hidden.ini", "nonsense");
    write_file("parts/deep/c.ini", "[program:c]\ncommand=%(here)s\n");
    g_auto(Loaded) loaded = load("[supervisord]\n[include]\nfiles=parts/*.ini */*/?.ini none*\n");
    assert_int_equal(loaded.result, 0);
    assert_int_equal(config_group_count(loaded.config), 3);
    g_autofree char *b = g_build_filename(directory, "parts", "b.ini", NULL);
    g_autofree char *command = g_build_filename(directory, "parts", "b", NULL);
    g_autofree char *deep = g_build_filename(directory, "parts", "deep", NULL);
    g_autofree char *info = g_strdup_printf("Included extra file \"%s\" during parsing", b);
    g_autofree char *warning = g_strdup_printf("No file matches via include \"%s/none*\"", directory);
    /* Sorted: b.ini comes later and wins. */
    assert_int_equal(config_group(loaded.config, 0)->processes[0]->startsecs, 5);
    assert_string_equal(config_option_origin(loaded.config, "program:a", "startsecs").file, b);
    assert_int_equal(config_option_origin(loaded.config, "program:a", "startsecs").line, 4);
    assert_string_equal(config_group(loaded.config, 1)->processes[0]->command, command);
    assert_string_equal(config_group(loaded.config, 2)->processes[0]->command, deep);
    const Diagnostic *told = find_diagnostic(loaded.diagnostics, info);
    assert_int_equal(told->severity, SEVERITY_INFO);
    assert_false(told->ours);
    assert_int_equal(find_diagnostic(loaded.diagnostics, warning)->severity, SEVERITY_WARNING);
}

static void test_error_in_an_included_file(void **state)
{
    write_file("part.ini", "\n[program:p]\nstartsecs=x\n");
    g_auto(Loaded) loaded =
        load("[supervisord]\n[include]\nfiles=part.ini\n[program:p]\ncommand=x\nstartsecs=1\n");
    const Diagnostic *error = diagnostics_first_error(loaded.diagnostics);
    g_autofree char *part = g_build_filename(directory, "part.ini", NULL);
    g_autofree char *text = g_strdup_printf(
        "invalid literal for int() with base 10: 'x' in section 'program:p' (file: '%s', line: 3)", part);
    assert_string_equal(error->file, part);
    assert_int_equal(error->line, 3);
    assert_string_equal(error->text, text);
}

/* ---- what is told ---- */

static void test_unknown_names(void **state)
{
    g_auto(Loaded) loaded =
        load("[supervisord]\n[program:p]\ncommand=x\nautorestrt=true\nfrobnicate=1\nsystemd.MemoryMax=1G\n"
             "[pogram:q]\ncomand=x\n[mine]\n[rpcinterface:x]\n"
             "supervisor.rpcinterface_factory=a.b:c\nanything=1\n");
    assert_int_equal(loaded.result, 0);
    const Diagnostic *typo =
        find_diagnostic(loaded.diagnostics, "unknown option 'autorestrt', did you mean 'autorestart'?");
    assert_int_equal(typo->line, 4);
    assert_string_equal(typo->option, "program:p.autorestrt");
    assert_int_equal(typo->severity, SEVERITY_WARNING);
    assert_true(typo->ours);
    find_diagnostic(loaded.diagnostics, "unknown option 'frobnicate'");
    find_diagnostic(loaded.diagnostics, "unknown section [pogram:q], did you mean [program:x]?");
    find_diagnostic(loaded.diagnostics, "unknown section [mine]");
    const Diagnostic *plugin =
        find_diagnostic(loaded.diagnostics,
                        "[rpcinterface:x] wants a.b:c, which is Python code and is not loaded: its methods "
                        "answer UNKNOWN_METHOD; take the section out; what calls these methods needs "
                        "another way, or Supervisor itself");
    assert_false(plugin->ours);
    assert_int_equal(diagnostics_count(loaded.diagnostics), 5);
    assert_string_equal(config_rpcinterface(loaded.config, 0)->factory, "a.b:c");
}

static void test_raw_sections(void **state)
{
    g_auto(Loaded) loaded = load("[program:p]\ncommand=%(here)s\nsystemd.MemoryMax=1G\n[DEFAULT]\nx=1\n["
                                 "supervisord]\n[program:p]\nCommand = y %%\n");
    assert_int_equal(loaded.result, 0);
    assert_int_equal(config_section_count(loaded.config), 3);
    const RawSection *section = config_section(loaded.config, 0);
    assert_string_equal(section->name, "program:p");
    assert_int_equal(section->origin.line, 1);
    assert_int_equal(section->option_count, 2);
    assert_string_equal(section->options[0].name, "command");
    assert_string_equal(section->options[0].value, "y %%");
    assert_int_equal(section->options[0].origin.line, 8);
    assert_string_equal(section->options[1].name, "systemd.memorymax");
    assert_string_equal(config_section(loaded.config, 1)->name, "DEFAULT");
    assert_null(config_option_origin(loaded.config, "program:p", "nope").file);
    assert_null(config_option_origin(loaded.config, "nope", "command").file);
}

/* ---- comparisons ---- */

#define SAME "[supervisord]\n[program:p]\ncommand=x\n"

static bool process_is_same(const char *more, const char *other)
{
    g_autofree char *left_text = g_strconcat(SAME, more, NULL), *right_text = g_strconcat(SAME, other, NULL);
    g_auto(Loaded) left = load(left_text), right = load(right_text);
    bool same = process_config_equal(only_process(left.config), only_process(right.config));
    assert_int_equal(group_config_equal(config_group(left.config, 0), config_group(right.config, 0)), same);
    return same;
}

static void test_equal_processes(void **state)
{
    assert_true(process_is_same("", ""));
    assert_true(process_is_same("startsecs=1\n", ""));
    /* Two AUTO logs have different names while the daemon runs: the oracle does not look. */
    assert_true(process_is_same("stdout_logfile=/x\n", "stdout_logfile=AUTO\n"));
    assert_true(process_is_same("environment=A=1,B=2\n", "environment=B=2,A=1\n"));
    const char *const different[] = {
        "stdout_logfile_backups=1\n",
        "stderr_logfile_maxbytes=1\n",
        "stdout_syslog=1\n",
        "environment=A=1\n",
        "priority=1\n",
        "autostart=0\n",
        "autorestart=1\n",
        "startsecs=2\n",
        "startretries=1\n",
        "user=web\n",
        "umask=0\n",
        "directory=/\n",
        "stopsignal=9\n",
        "stopwaitsecs=1\n",
        "killasgroup=1\n",
        "exitcodes=1\n",
        "exitcodes=0,1\n",
        "redirect_stderr=1\n",
        "serverurl=x\n",
        "command=y\n",
        "process_name=q\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(different); i++)
        assert_false(process_is_same("", different[i]));
    assert_false(process_is_same("stdout_logfile=/x\n", "stdout_logfile=/y\n"));
    assert_false(process_is_same("stdout_logfile=/x\n", "stdout_logfile=NONE\n"));
    assert_false(process_is_same("environment=A=1\n", "environment=B=1\n"));
    assert_false(process_is_same("environment=A=1\n", "environment=A=2\n"));
    assert_false(process_is_same("exitcodes=1\n", "exitcodes=2\n"));
}

static bool group_is_same(const char *a, const char *b)
{
    g_autofree char *left_text = g_strconcat("[supervisord]\n", a, NULL),
                    *right_text = g_strconcat("[supervisord]\n", b, NULL);
    g_auto(Loaded) left = load(left_text), right = load(right_text);
    return group_config_equal(config_find_group(left.config, "g"), config_find_group(right.config, "g"));
}

static void test_equal_groups(void **state)
{
    static const char program[] = "[program:g]\ncommand=x\n";
    static const char group[] = "[group:g]\nprograms=g\n[program:g]\ncommand=x\n";
    static const char listener[] = "[eventlistener:g]\ncommand=x\nevents=TICK_5,EVENT\n";
    static const char fcgi[] = "[fcgi-program:g]\ncommand=x\nsocket=unix:///g\n";
    static const char *const groups[] = {program,
                                         listener,
                                         fcgi,
                                         "[group:g]\nprograms=g\npriority=5\n[program:g]\ncommand=x\n",
                                         "[group:g]\nprograms=\n",
                                         "[eventlistener:g]\ncommand=x\nevents=TICK_5\n",
                                         "[eventlistener:g]\ncommand=x\nevents=TICK_5,EVENT\nbuffer_size=9\n",
                                         "[fcgi-program:g]\ncommand=x\nsocket=unix:///h\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(groups); i++) {
        for (size_t j = 0; j < G_N_ELEMENTS(groups); j++)
            assert_int_equal(group_is_same(groups[i], groups[j]), i == j);
    }
    /* The oracle has one class for both; and of a socket it compares the address alone. */
    assert_true(group_is_same(program, group));
    assert_true(group_is_same(listener, "[eventlistener:g]\ncommand=x\nevents=event,tick_5\n"));
    assert_true(
        group_is_same(fcgi, "[fcgi-program:g]\ncommand=x\nsocket=unix:///x/../g\nsocket_mode=0600\n"));
}

/* ---- life and places ---- */

static void test_references(void **state)
{
    g_auto(Loaded) loaded = load("[supervisord]\n[program:p]\ncommand=x\n");
    Config *kept = config_ref(loaded.config);
    g_clear_pointer(&loaded.config, config_unref);
    assert_string_equal(only_process(kept)->command, "x");
    config_unref(kept);
}

static void test_search(void **state)
{
    g_autofree char *path = NULL, *tried = NULL, *nothing = NULL,
                    *program = g_build_filename(directory, "opt/bin/supervisord", NULL);
    assert_int_equal(config_search("/nosuch/bin/supervisord", &nothing, &tried),
                     access("/etc/supervisor/supervisord.conf", F_OK) == 0 ? 0 : -ENOENT);
    if (tried)
        assert_string_equal(tried,
                            "/nosuch/etc/supervisord.conf, /nosuch/supervisord.conf, supervisord.conf, "
                            "etc/supervisord.conf, /etc/supervisord.conf, /etc/supervisor/supervisord.conf");
    const char *const places[] = {"etc/supervisord.conf", "supervisord.conf", "opt/supervisord.conf",
                                  "opt/etc/supervisord.conf"};
    assert_int_equal(g_mkdir_with_parents("opt/etc", 0755), 0);
    assert_int_equal(g_mkdir_with_parents("etc", 0755), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        /* Each place is found before those that were there already. */
        write_file(places[i], "");
        g_clear_pointer(&path, g_free);
        assert_int_equal(config_search(program, &path, &tried), 0);
        g_autofree char *expected = g_str_has_prefix(places[i], "opt")
                                        ? g_build_filename(directory, places[i], NULL)
                                        : g_strdup(places[i]);
        assert_string_equal(path, expected);
    }
    g_clear_pointer(&path, g_free);
    assert_int_equal(config_search("supervisord", &path, &tried), 0);
    assert_string_equal(path, "etc/supervisord.conf");
}

static void test_real_host(void **state)
{
    const ConfigHost *real = config_host_real();
    uid_t uid = 1;
    gid_t gid = 1;
    assert_int_equal(real->find_user("root", &uid, &gid), 0);
    assert_int_equal(uid, 0);
    assert_int_equal(real->find_user("0", &uid, &gid), 0);
    assert_int_equal(real->find_user("no-such-user-here", &uid, &gid), -ENOENT);
    assert_int_equal(real->find_user("4294967295", &uid, &gid), -ENOENT);
    assert_int_equal(real->find_group("root", &gid), 0);
    assert_int_equal(real->find_group("no-such-group-here", &gid), -ENOENT);
    assert_true(real->is_directory("/"));
    assert_false(real->is_directory("/etc/passwd"));
    assert_int_equal(real->uid, getuid());
    g_autofree char *home = real->find_home("root"), *nobody = real->find_home("no-such-user-here");
    assert_string_equal(home, "/root");
    assert_null(nobody);
    assert_true(real->node_name && real->temporary_directory);
}

static int enter_directory(void **state)
{
    g_autofree char *template = g_build_filename(g_get_tmp_dir(), "test-config-XXXXXX", NULL);
    if (!g_mkdtemp(template) || chdir(template) < 0)
        return -1;
    directory = g_get_current_dir();
    return 0;
}

static int leave_directory(void **state)
{
    g_autoptr(GError) error = NULL;
    const char *command[] = {"/bin/rm", "-rf", directory, NULL};
    bool removed = chdir("/") == 0 && g_spawn_sync(NULL, (char **)command, NULL, G_SPAWN_DEFAULT, NULL, NULL,
                                                   NULL, NULL, NULL, &error);
    g_free(directory);
    return removed ? 0 : -1;
}

/* ---- systemd.PROPERTY ---- */

#define WITH(settings) "[supervisord]\n[program:x]\ncommand=/bin/cat\n" settings

static void test_settings(void **state)
{
    g_auto(Loaded) loaded = load("[DEFAULT]\nsystemd.Nice=5\nsystemd.TasksMax=9\n" WITH(
        "systemd.MemoryMax=%(program_name)s\nsystemd.EXECSTARTPRE=/bin/a \\\n  b\n  /bin/c "
        "50%%\nsystemd.nice=\n"));
    static const struct {
        const char *name, *value;
    } expected[] = {{"TasksMax", "9"},
                    {"MemoryMax", "x"},
                    {"ExecStartPre", "/bin/a  b"},
                    {"ExecStartPre", "/bin/c 50%"},
                    {"Nice", ""}};

    assert_int_equal(loaded.result, 0);
    const ProcessConfig *process = only_process(loaded.config);
    assert_int_equal(process->setting_count, G_N_ELEMENTS(expected));
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        assert_string_equal(process->settings[i].kind->name, expected[i].name);
        assert_string_equal(process->settings[i].value, expected[i].value);
    }
    assert_int_equal(process->settings[1].origin.line, 7);
}

static void test_settings_refused(void **state)
{
    assert_error(WITH("systemd.MemroyMax=1\n"), 4, "program:x.systemd.memroymax",
                 "systemd has no property 'memroymax', did you mean 'MemoryMax'? in section 'program:x' "
                 "(file: 'x.conf', line: 4)");
    assert_error(WITH("systemd.Frobnicate=1\n"), 4, "program:x.systemd.frobnicate",
                 "systemd has no property 'frobnicate' in section 'program:x' (file: 'x.conf', line: 4)");
    assert_error(WITH("systemd.KillSignal=9\n"), 4, "program:x.systemd.killsignal",
                 "KillSignal= cannot be set here: stopsignal= is the signal in section 'program:x' "
                 "(file: 'x.conf', line: 4)");
    assert_error(
        WITH("systemd.ExecStartPost=\n"), 4, "program:x.systemd.execstartpost",
        "ExecStartPost= can be added to, but not emptied in section 'program:x' (file: 'x.conf', line: 4)");
    assert_error(WITH("systemd.Nice=1\\\n"), 4, "program:x.systemd.nice",
                 "Nice= ends in a backslash in section 'program:x' (file: 'x.conf', line: 4)");
    assert_error(
        "[supervisord]\n[eventlistener:x]\ncommand=/bin/cat\nevents=EVENT\nsystemd.Nice=1\n", 5,
        "eventlistener:x.systemd.nice",
        "Nice= cannot be set here: an event listener is a child of supervisord in a scope in section "
        "'eventlistener:x' (file: 'x.conf', line: 5)");
}

static void test_settings_are_compared(void **state)
{
    assert_true(process_is_same("systemd.Nice=1\n", "systemd.Nice=1\n"));
    assert_false(process_is_same("systemd.Nice=1\n", "systemd.Nice=2\n"));
    assert_false(process_is_same("systemd.Nice=1\n", ""));
}

/* A systemd that dislikes line 5 of what it is asked about. */
static int dislike(char *const *texts, bool user_manager,
                   void (*tell)(size_t text, unsigned line, const char *message, void *userdata),
                   void *userdata)
{
    assert_false(user_manager);
    assert_string_equal(texts[0], "[Unit]\nDefaultDependencies=no\nAfter=a.service\n"
                                  "[Service]\nExecStart=/bin/true\nNice=1000\n");
    assert_null(texts[1]);
    tell(0, 1, "not one of ours", userdata);
    tell(0, 6, "Nice priority out of range, ignoring: 1000", userdata);
    return 0;
}

static void test_settings_are_shown_to_systemd(void **state)
{
    ConfigHost strict = host;
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Config) config = NULL;

    strict.read_units = dislike;
    write_file(
        "x.conf",
        WITH("numprocs=3\nprocess_name=%(process_num)d\nsystemd.Nice=1000\nsystemd.After=a.service\n"));
    assert_int_equal(config_load_daemon("x.conf", &strict, diagnostics, &config), -EINVAL);
    assert_null(config);
    const Diagnostic *error = diagnostics_first_error(diagnostics);
    assert_string_equal(error->text, "Nice=1000: Nice priority out of range: 1000 (file: 'x.conf', line: 6)");
    assert_int_equal(error->line, 6);
}

/* A newer systemd than the one that the file was written for. */
static int has_removed(char *const *texts, bool user_manager,
                       void (*tell)(size_t text, unsigned line, const char *message, void *userdata),
                       void *userdata)
{
    tell(0, 5, "Support for option CPUAccounting= has been removed and it is ignored", userdata);
    return 0;
}

static void test_what_systemd_has_removed_is_a_warning(void **state)
{
    ConfigHost newer = host;
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Config) config = NULL;

    newer.read_units = has_removed;
    write_file("x.conf", WITH("systemd.CPUAccounting=yes\n"));
    assert_int_equal(config_load_daemon("x.conf", &newer, diagnostics, &config), 0);
    assert_non_null(config);
    assert_int_equal(diagnostics_count(diagnostics), 1);
    const Diagnostic *warning = diagnostics_get(diagnostics, 0);
    assert_int_equal(warning->severity, SEVERITY_WARNING);
    assert_string_equal(warning->text,
                        "Support for option CPUAccounting= has been removed and it is ignored");
    assert_string_equal(warning->option, "program:x.systemd.cpuaccounting");
    assert_int_equal(warning->line, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_daemon_defaults),
        cmocka_unit_test(test_process_defaults),
        cmocka_unit_test(test_client),
        cmocka_unit_test(test_errors_name_the_line),
        cmocka_unit_test(test_the_group_at_fault_is_named),
        cmocka_unit_test(test_a_foreign_result_handler_is_refused),
        cmocka_unit_test(test_too_many_processes),
        cmocka_unit_test(test_integers_are_clamped_aloud),
        cmocka_unit_test(test_files_that_cannot_be_read),
        cmocka_unit_test(test_include),
        cmocka_unit_test(test_error_in_an_included_file),
        cmocka_unit_test(test_unknown_names),
        cmocka_unit_test(test_raw_sections),
        cmocka_unit_test(test_equal_processes),
        cmocka_unit_test(test_equal_groups),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_settings_refused),
        cmocka_unit_test(test_settings_are_compared),
        cmocka_unit_test(test_settings_are_shown_to_systemd),
        cmocka_unit_test(test_what_systemd_has_removed_is_a_warning),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_real_host),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
