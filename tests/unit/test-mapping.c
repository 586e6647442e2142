#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/launch_spec.h"
#include "tests/unit/fake-config.h"
#include "translator/mapping.h"

static const MappingContext context = {.libexecdir = "/usr/libexec/supersede",
                                       .runtime_directory = "/run/supersede/supervisor"};

/* `config` as supervisor:p.service in supervisor-p.slice. */
static PropertyList *map(const ProcessConfig *config)
{
    const PlannedGroup group = {.slice = "supervisor-p.slice"};
    const PlannedProcess process = {.group = &group,
                                    .config = config,
                                    .namespec = config->name,
                                    .unit = "supervisor:p.service",
                                    .file_stem = "supervisor:p"};

    return mapping_service(&process, &context);
}

static void assert_string(const PropertyList *list, const char *name, const char *expected)
{
    const Property *property = property_list_find(list, name);

    assert_non_null(property);
    assert_int_equal(property->kind, PROPERTY_STRING);
    assert_string_equal(property->value.string, expected);
}

static void assert_uint64(const PropertyList *list, const char *name, uint64_t expected)
{
    const Property *property = property_list_find(list, name);

    assert_non_null(property);
    assert_int_equal(property->kind, PROPERTY_UINT64);
    assert_true(property->value.uint64 == expected);
}

/* `expected` as "0 2 | 1 15": codes and signals. */
static void assert_set(const PropertyList *list, const char *name, const char *expected)
{
    const Property *property = property_list_find(list, name);
    g_autoptr(GString) text = g_string_new(NULL);

    assert_non_null(property);
    assert_int_equal(property->kind, PROPERTY_EXIT_STATUS_SET);
    for (size_t i = 0; i < property->value.exit_status_set.code_count; i++)
        g_string_append_printf(text, "%d ", property->value.exit_status_set.codes[i]);
    g_string_append_c(text, '|');
    for (size_t i = 0; i < property->value.exit_status_set.signal_count; i++)
        g_string_append_printf(text, " %d", property->value.exit_status_set.signals[i]);
    assert_string_equal(text->str, expected);
}

static void assert_command(const PropertyList *list, const char *name, const char *program,
                           const char *argument)
{
    const Property *property = property_list_find(list, name);

    assert_non_null(property);
    assert_int_equal(property->kind, PROPERTY_COMMAND);
    assert_string_equal(property->value.command.argv[0], program);
    assert_string_equal(property->value.command.argv[1], argument);
    assert_null(property->value.command.argv[2]);
    assert_false(property->value.command.ignore_failure);
}

static void test_defaults(void **state)
{
    ProcessConfig process = fake_process("p");
    g_autoptr(PropertyList) list = map(&process);

    assert_string(list, "Description", "p (Supervisor program)");
    assert_string(list, "Slice", "supervisor-p.slice");
    assert_string(list, "Type", "simple");
    assert_command(list, "ExecStart", "/usr/libexec/supersede/supersede-exec",
                   "/run/supersede/supervisor/process/supervisor:p");
    assert_command(list, "ExecStartPost", "/usr/libexec/supersede/supersede-gate",
                   "/run/supersede/supervisor/process/supervisor:p");
    /* With one expected exit code there is nothing to write down about an end. */
    assert_null(property_list_find(list, "ExecStopPost"));
    assert_string(list, "Restart", "on-failure");
    assert_set(list, "SuccessExitStatus", "0 |");
    assert_set(list, "RestartForceExitStatus", "| 1 2 15 13");
    assert_uint64(list, "RestartUSec", 0);
    assert_uint64(list, "TimeoutStartUSec", UINT64_MAX);
    assert_uint64(list, "StartLimitIntervalUSec", 0);
    assert_string(list, "KillMode", "mixed");
    assert_int_equal(property_list_find(list, "KillSignal")->value.int32, SIGTERM);
    assert_uint64(list, "TimeoutStopUSec", 10 * G_USEC_PER_SEC);
    assert_true(property_list_find(list, "SendSIGKILL")->value.boolean);
    assert_uint64(list, "TasksMax", UINT64_MAX);
    assert_true(property_list_find(list, "MemoryAccounting")->value.boolean);
    /* Newer systemd complains of it. */
    assert_null(property_list_find(list, "CPUAccounting"));
}

/* What the launcher does must not be in the unit, where every user can read it. */
static void test_launcher_keeps_its_share(void **state)
{
    static const char *const absent[] = {"User",       "Environment", "UMask",       "WorkingDirectory",
                                         "LimitNPROC", "LimitNOFILE", "ExecStartEx", "CollectMode"};
    const EnvironmentVariable variable = {"PASSWORD", "secret"};
    ProcessConfig process = fake_process("p");
    process.user = "nobody";
    process.directory = "/srv";
    process.has_umask = true;
    process.environment = &variable;
    process.environment_count = 1;
    g_autoptr(PropertyList) list = map(&process);

    for (size_t i = 0; i < G_N_ELEMENTS(absent); i++)
        assert_null(property_list_find(list, absent[i]));
}

static void test_exit_codes(void **state)
{
    static const int codes[] = {2, 7, 255};
    ProcessConfig process = fake_process("p");
    process.exitcodes = codes;
    process.exitcode_count = 3;
    g_autoptr(PropertyList) without_zero = map(&process);
    process.exitcode_count = 0;
    g_autoptr(PropertyList) none = map(&process);

    assert_set(without_zero, "SuccessExitStatus", "2 7 255 |");
    assert_set(without_zero, "RestartForceExitStatus", "0 | 1 2 15 13");
    assert_set(none, "SuccessExitStatus", "|");
    assert_set(none, "RestartForceExitStatus", "0 | 1 2 15 13");
}

static void test_always(void **state)
{
    ProcessConfig process = fake_process("p");
    process.autorestart = AUTORESTART_ALWAYS;
    g_autoptr(PropertyList) list = map(&process);

    assert_string(list, "Restart", "always");
    assert_null(property_list_find(list, "SuccessExitStatus"));
    assert_null(property_list_find(list, "RestartForceExitStatus"));
}

static void test_never(void **state)
{
    ProcessConfig process = fake_process("p");
    process.autorestart = AUTORESTART_NEVER;
    g_autoptr(PropertyList) list = map(&process);
    const Property *set = property_list_find(list, "SuccessExitStatus");

    assert_string(list, "Restart", "on-failure");
    assert_null(property_list_find(list, "RestartForceExitStatus"));
    assert_string_equal(property_list_find(list, "ExecStopPost")->value.command.argv[1],
                        LAUNCH_SPEC_NOTE_END);
    assert_int_equal(set->value.exit_status_set.code_count, 256);
    assert_int_equal(set->value.exit_status_set.codes[0], 0);
    assert_int_equal(set->value.exit_status_set.codes[255], 255);
    /* All but the gate's own and the two that glibc uses. */
    assert_int_equal(set->value.exit_status_set.signal_count, SIGRTMAX - 3);
    for (size_t i = 0; i < set->value.exit_status_set.signal_count; i++) {
        int32_t number = set->value.exit_status_set.signals[i];
        assert_true((number >= 1 && number <= 31) || (number >= SIGRTMIN && number <= SIGRTMAX));
        assert_int_not_equal(number, LAUNCH_SPEC_RETRY_SIGNAL);
    }
}

static void test_stop(void **state)
{
    static const struct {
        bool stopasgroup, killasgroup;
        int64_t stopwaitsecs;
        int stopsignal;
        const char *mode;
        uint64_t timeout;
        int signal;
    } rows[] = {
        {false, false, 10, SIGQUIT, "mixed", 10000000, SIGQUIT},
        {false, true, 0, SIGUSR1, "mixed", 1000000, SIGUSR1},
        {true, true, -5, SIGKILL, "control-group", 1000000, SIGKILL},
        {false, false, 1, 0, "mixed", 1000000, SIGCONT},
        {false, false, 3600, SIGTERM, "mixed", 3600000000, SIGTERM},
        {false, false, INT64_MAX, SIGTERM, "mixed", UINT64_MAX, SIGTERM},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        ProcessConfig process = fake_process("p");
        process.stopasgroup = rows[i].stopasgroup;
        process.killasgroup = rows[i].killasgroup;
        process.stopwaitsecs = rows[i].stopwaitsecs;
        process.stopsignal = rows[i].stopsignal;
        g_autoptr(PropertyList) list = map(&process);
        assert_string(list, "KillMode", rows[i].mode);
        assert_uint64(list, "TimeoutStopUSec", rows[i].timeout);
        assert_int_equal(property_list_find(list, "KillSignal")->kind, PROPERTY_INT32);
        assert_int_equal(property_list_find(list, "KillSignal")->value.int32, rows[i].signal);
    }
}

static void test_restart_delay(void **state)
{
    ProcessConfig process = fake_process("p");
    process.startsecs = 0;
    g_autoptr(PropertyList) list = map(&process);

    assert_uint64(list, "RestartUSec", G_USEC_PER_SEC);
}

static void test_description_is_utf8(void **state)
{
    ProcessConfig process = fake_process("caf\xe9");
    g_autoptr(PropertyList) list = map(&process);

    assert_string(list, "Description", "caf\xef\xbf\xbd (Supervisor program)");
}

/* A name with a line break must not become a setting of its own when systemd reads the unit's file again. */
static void test_description_is_one_line(void **state)
{
    ProcessConfig process = fake_process("x\n[Service]\nExecStartPre=/bin/false\x01\\");
    g_autoptr(PropertyList) list = map(&process);

    assert_string(list, "Description", "x?[Service]?ExecStartPre=/bin/false?\\ (Supervisor program)");
}

static void test_spec_path(void **state)
{
    const PlannedProcess process = {.file_stem = "supervisor:g:p@3"};
    g_autofree char *path = mapping_spec_path(&process, "/run/supersede/x");

    assert_string_equal(path, "/run/supersede/x/process/supervisor:g:p@3");
}

static void assert_only(const PropertyList *list, const char *name, const char *first, const char *second)
{
    const Property *property = property_list_find(list, name);

    assert_non_null(property);
    assert_int_equal(property->kind, PROPERTY_STRING_LIST);
    assert_string_equal(property->value.string_list[0], first);
    if (second)
        assert_string_equal(property->value.string_list[1], second);
    assert_null(property->value.string_list[second ? 2 : 1]);
}

static void test_order_at_the_hosts_end(void **state)
{
    PlannedGroup group = {.slice = "s.slice", .target = "s-priority-5.target"};
    const ProcessConfig config = {.name = "p", .stopsignal = 15};
    const PlannedProcess process = {
        .group = &group, .config = &config, .namespec = "p", .unit = "s:p.service", .file_stem = "s:p"};
    MappingContext in_service = context;

    g_autoptr(PropertyList) alone = mapping_service(&process, &context);
    assert_null(property_list_find(alone, "After"));
    in_service.bridge_unit = "s.service";
    g_autoptr(PropertyList) highest = mapping_service(&process, &in_service);
    assert_only(highest, "After", "s.service", "s-priority-5.target");
    assert_only(highest, "Wants", "s-priority-5.target", NULL);
    assert_null(property_list_find(highest, "Before"));
    group.upper_target = "s-priority-9.target";
    g_autoptr(PropertyList) lower = mapping_service(&process, &in_service);
    assert_only(lower, "Before", "s-priority-9.target", NULL);
    /* Event listeners take part; what is taken over before the daemon is ready does not. */
    const uint32_t pid = 4711;
    g_autoptr(PropertyList) listener = mapping_scope(&process, &pid, 1, &in_service);
    assert_only(listener, "After", "s.service", "s-priority-5.target");
    assert_only(listener, "Before", "s-priority-9.target", NULL);
    g_autoptr(PropertyList) early = mapping_scope(&process, &pid, 1, NULL);
    assert_null(property_list_find(early, "After"));
}

static void test_sockets(void **state)
{
    GroupConfig config = {.name = "web", .kind = GROUP_FCGI, .socket = {.is_unix = true, .mode = 01640}};
    const PlannedGroup group = {.config = &config,
                                .slice = "supervisor-web.slice",
                                .socket_unit = "supervisor:we\\x5cb::fcgi.socket",
                                .socket_service = "supervisor:we\\x5cb::fcgi.service"};
    const PlannedGroup plain = {.config = &config};
    g_autofree char *line = mapping_sockets(&group), *none = mapping_sockets(&plain);
    g_autoptr(PropertyList) file = mapping_socket(&group, "/run/web", false);
    g_autoptr(PropertyList) service = mapping_socket_service(&group);

    assert_string_equal(line, "Sockets=supervisor:we\\\\x5cb::fcgi.socket\n");
    assert_null(none);
    assert_string_equal(property_list_find(file, "Listen")->value.string, "/run/web");
    assert_int_equal(property_list_find(file, "SocketMode")->value.uint32, 0640);
    assert_int_equal(property_list_find(file, "Backlog")->value.uint32, SOMAXCONN);
    assert_string(file, "FileDescriptorName", LAUNCH_SPEC_SOCKET_NAME);
    assert_uint64(file, "TriggerLimitIntervalUSec", 0);
    assert_null(property_list_find(file, "ReusePort"));
    assert_string(service, "Type", "oneshot");
    assert_true(property_list_find(service, "RemainAfterExit")->value.boolean);

    config.socket = (SocketConfig){.host = "localhost", .port = 9000, .backlog = 7};
    g_autoptr(PropertyList) inet = mapping_socket(&group, "127.0.0.1:9000", true);
    assert_string_equal(property_list_find(inet, "Listen")->value.string, "127.0.0.1:9000");
    assert_int_equal(property_list_find(inet, "Backlog")->value.uint32, 7);
    assert_null(property_list_find(inet, "SocketMode"));
    assert_true(property_list_find(inet, "ReusePort")->value.boolean);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_at_the_hosts_end),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_launcher_keeps_its_share),
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_always),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_restart_delay),
        cmocka_unit_test(test_description_is_utf8),
        cmocka_unit_test(test_description_is_one_line),
        cmocka_unit_test(test_spec_path),
        cmocka_unit_test(test_sockets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
