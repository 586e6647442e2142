#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake-config.h"
#include "translator/plan.h"

/* The names of one process alone in its group, copied out of the plan. */
typedef struct Names {
    char *unit, *stem, *slice, *namespec;
} Names;

static void names_clear(Names *names)
{
    g_free(names->unit);
    g_free(names->stem);
    g_free(names->slice);
    g_free(names->namespec);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Names, names_clear)

static Names names_of(const char *identifier, GroupKind kind, const char *group, const ProcessConfig *process)
{
    const ProcessConfig *const processes[] = {process};
    const GroupConfig groups[] = {{.kind = kind, .name = group, .processes = processes, .process_count = 1}};
    g_autoptr(Config) config = fake_config_new(groups, 1);
    g_autoptr(Plan) plan = NULL;

    assert_int_equal(plan_new(config, identifier, &plan), 0);
    const PlannedGroup *planned = plan_group(plan, 0);
    assert_int_equal(planned->process_count, 1);
    return (Names){g_strdup(planned->processes[0].unit), g_strdup(planned->processes[0].file_stem),
                   g_strdup(planned->slice), g_strdup(planned->processes[0].namespec)};
}

static void test_plain_program(void **state)
{
    ProcessConfig process = fake_process("my-app");
    g_auto(Names) names = names_of("supervisor", GROUP_PROGRAM, "my-app", &process);

    assert_string_equal(names.unit, "supervisor:my-app.service");
    assert_string_equal(names.stem, "supervisor:my-app");
    assert_string_equal(names.slice, "supervisor-my\\x2dapp.slice");
    assert_string_equal(names.namespec, "my-app");
}

static void test_in_a_group(void **state)
{
    ProcessConfig process = fake_process("worker");
    process.name = "worker_07";
    process.numprocs = 3;
    process.process_num = 7;
    g_auto(Names) names = names_of("supervisor", GROUP_HETEROGENEOUS, "back end", &process);

    assert_string_equal(names.unit, "supervisor:back\\x20end:worker@7.service");
    assert_string_equal(names.stem, "supervisor:back=5Cx20end:worker@7");
    assert_string_equal(names.slice, "supervisor-back\\x20end.slice");
    assert_string_equal(names.namespec, "back end:worker_07");
}

static void test_large_and_negative_numbers(void **state)
{
    g_autofree char *long_name = g_strnfill(300, 'x');
    ProcessConfig process = fake_process("x");
    process.numprocs = 2;
    process.process_num = INT64_MIN;
    g_auto(Names) low = names_of("supervisor", GROUP_PROGRAM, "x", &process);
    process.process_num = INT64_MAX;
    g_auto(Names) high = names_of("supervisor", GROUP_PROGRAM, "x", &process);
    process.program = long_name;
    g_auto(Names) cut = names_of("supervisor", GROUP_HETEROGENEOUS, long_name, &process);

    assert_string_equal(low.unit, "supervisor:x@-9223372036854775808.service");
    assert_string_equal(high.unit, "supervisor:x@9223372036854775807.service");
    assert_true(g_str_has_suffix(cut.unit, "@9223372036854775807.service"));
    assert_true(strlen(cut.unit) <= 255 && strlen(cut.stem) <= 200 && strlen(cut.slice) <= 255);
}

static void test_event_listener_is_a_scope(void **state)
{
    ProcessConfig process = fake_process("mail");
    process.kind = PROGRAM_EVENTLISTENER;
    g_auto(Names) names = names_of("supervisor", GROUP_EVENTLISTENER, "mail", &process);

    assert_string_equal(names.unit, "supervisor:mail.scope");
    process.numprocs = 2;
    process.process_num = 7;
    g_auto(Names) several = names_of("supervisor", GROUP_EVENTLISTENER, "mail", &process);
    assert_string_equal(several.unit, "supervisor:mail:7.scope"); /* an @ there is refused by systemd */
}

static void test_identifiers(void **state)
{
    static const struct {
        const char *identifier, *unit, *slice;
    } rows[] = {
        {"supervisor", "supervisor:p.service", "supervisor-p.slice"},
        {"my-sup", "my-sup:p.service", "my\\x2dsup-p.slice"},
        {"a/b c", "a\\x2fb\\x20c:p.service", "a\\x2fb\\x20c-p.slice"},
        {"a:b", "a\\x3ab:p.service", "a\\x3ab-p.slice"},
        {"a@b", "a\\x40b:p.service", "a\\x40b-p.slice"},
        {"", "\\x00:p.service", "\\x00-p.slice"},
        {"system", "system:p.service", "\\x73ystem-p.slice"},
        {"user", "user:p.service", "\\x75ser-p.slice"},
    };
    ProcessConfig process = fake_process("p");

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(Names) names = names_of(rows[i].identifier, GROUP_PROGRAM, "p", &process);
        assert_string_equal(names.unit, rows[i].unit);
        assert_string_equal(names.slice, rows[i].slice);
    }
}

static void test_long_identifiers(void **state)
{
    g_autoptr(Config) config = fake_config_new(NULL, 0);
    g_autofree char *too_long = g_strnfill(256, 'i');
    g_autofree char *fits = g_strnfill(150, 'i');
    g_autofree char *long_name = g_strnfill(1000, 'p');
    Plan *plan = NULL;

    assert_int_equal(plan_new(config, too_long, &plan), -ENAMETOOLONG);
    assert_null(plan);
    ProcessConfig process = fake_process(long_name);
    process.numprocs = 2;
    process.process_num = INT64_MIN;
    g_auto(Names) names = names_of(fits, GROUP_HETEROGENEOUS, "g", &process);
    assert_true(g_str_has_prefix(names.unit, fits));
    assert_true(strlen(names.unit) <= 255);
}

/* A template's instance must come from numprocs only, and what looks escaped already is not taken for it. */
static void test_names_cannot_pretend(void **state)
{
    ProcessConfig at = fake_process("p@1"), backslash = fake_process("a\\x20b"), space = fake_process("a b");
    g_auto(Names) at_names = names_of("supervisor", GROUP_PROGRAM, "p@1", &at);
    g_auto(Names) backslash_names = names_of("supervisor", GROUP_PROGRAM, "a\\x20b", &backslash);
    g_auto(Names) space_names = names_of("supervisor", GROUP_PROGRAM, "a b", &space);

    assert_string_equal(at_names.unit, "supervisor:p\\x401.service");
    assert_string_not_equal(backslash_names.unit, space_names.unit);
    assert_string_not_equal(backslash_names.stem, space_names.stem);
    assert_string_not_equal(backslash_names.slice, space_names.slice);
}

/* Names of 300 characters that differ at the end only, and sections of all kinds with one name: everything
 * stays distinct. */
static void test_all_names_are_unique(void **state)
{
    enum { LONG = 36, ALL = 40 };
    ProcessConfig processes[ALL];
    const ProcessConfig *pointers[ALL][1];
    GroupConfig groups[ALL];
    char *names[ALL];

    for (size_t i = 0; i < ALL; i++) {
        g_autofree char *fill = g_strnfill(300, "a-\xc3\\"[i % 4]);
        names[i] = i < LONG ? g_strdup_printf("%s%zu", fill, i) : g_strdup("same");
        processes[i] = fake_process(names[i]);
        pointers[i][0] = &processes[i];
        groups[i] = (GroupConfig){.name = names[i], .processes = pointers[i], .process_count = 1};
    }
    processes[LONG + 1].kind = PROGRAM_FCGI;
    processes[LONG + 2].kind = PROGRAM_EVENTLISTENER;
    groups[LONG + 3].kind = GROUP_HETEROGENEOUS;

    g_autoptr(Config) config = fake_config_new(groups, ALL);
    g_autoptr(Plan) plan = NULL;
    assert_int_equal(plan_new(config, "supervisor", &plan), 0);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < ALL; i++) {
        const PlannedGroup *group = plan_group(plan, i);
        assert_true(g_hash_table_add(seen, (void *)group->processes[0].unit));
        assert_true(g_hash_table_add(seen, (void *)group->processes[0].file_stem));
        if (i <= LONG)
            assert_true(g_hash_table_add(seen, (void *)group->slice));
        assert_true(strlen(group->processes[0].unit) <= 255);
        assert_true(strlen(group->processes[0].file_stem) <= 200);
        assert_true(strlen(group->slice) <= 255);
    }
    assert_string_equal(plan_group(plan, LONG)->processes[0].unit, "supervisor:same.service");
    for (size_t i = 0; i < ALL; i++)
        g_free(names[i]);
}

/* Nobody else's unit can have the name of a socket, and its service differs in the suffix only. */
static void test_sockets(void **state)
{
    g_autofree char *long_name = g_strnfill(300, 'n');
    const char *const names[] = {"web", "a-b", "we\\b", long_name, "plain"};
    static const char *const units[] = {"supervisor:web::fcgi", "supervisor:a-b::fcgi",
                                        "supervisor:we\\x5cb::fcgi", NULL, NULL};
    ProcessConfig processes[G_N_ELEMENTS(names)];
    const ProcessConfig *pointers[G_N_ELEMENTS(names)][1];
    GroupConfig groups[G_N_ELEMENTS(names)];

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        processes[i] = fake_process(names[i]);
        pointers[i][0] = &processes[i];
        groups[i] =
            (GroupConfig){.kind = GROUP_FCGI, .name = names[i], .processes = pointers[i], .process_count = 1};
    }
    groups[4].kind = GROUP_PROGRAM;
    g_autoptr(Config) config = fake_config_new(groups, G_N_ELEMENTS(names));
    g_autoptr(Plan) plan = NULL;
    assert_int_equal(plan_new(config, "supervisor", &plan), 0);
    for (size_t i = 0; i < 4; i++) {
        const PlannedGroup *group = plan_group(plan, i);
        size_t stem = strlen(group->socket_unit) - strlen(".socket");
        assert_string_equal(group->socket_unit + stem, ".socket");
        assert_string_equal(group->socket_service + stem, ".service");
        assert_memory_equal(group->socket_unit, group->socket_service, stem);
        assert_true(strlen(group->socket_service) <= 230);
        if (units[i])
            assert_memory_equal(group->socket_unit, units[i], stem);
    }
    assert_null(plan_group(plan, 4)->socket_unit);
    assert_null(plan_group(plan, 4)->socket_service);
}

static void test_later_process_replaces(void **state)
{
    ProcessConfig a = fake_process("a"), b = fake_process("b"), c = fake_process("c");
    a.name = c.name = "same";
    const ProcessConfig *const processes[] = {&a, &b, &c};
    const GroupConfig groups[] = {
        {.kind = GROUP_HETEROGENEOUS, .name = "g", .processes = processes, .process_count = 3}};
    g_autoptr(Config) config = fake_config_new(groups, 1);
    g_autoptr(Plan) plan = NULL;

    assert_int_equal(plan_new(config, "supervisor", &plan), 0);
    const PlannedGroup *group = plan_find_group(plan, "g");
    assert_int_equal(group->process_count, 2);
    assert_ptr_equal(group->processes[0].config, &c);
    assert_string_equal(group->processes[0].unit, "supervisor:g:c.service");
    assert_ptr_equal(group->processes[1].config, &b);
    assert_ptr_equal(group->processes[1].group, group);
    assert_null(plan_find_group(plan, "same"));
}

static void test_ownership(void **state)
{
    unsigned before = fake_config_alive();
    Config *config = fake_config_new(NULL, 0);
    Plan *plan = NULL;

    assert_int_equal(plan_new(config, "my-id", &plan), 0);
    config_unref(config);
    assert_int_equal(fake_config_alive(), before + 1);
    assert_ptr_equal(plan_config(plan), config);
    assert_string_equal(plan_identifier(plan), "my-id");
    assert_string_equal(plan_slice(plan), "my\\x2did.slice");
    assert_int_equal(plan_group_count(plan), 0);
    Plan *second = plan_ref(plan);
    plan_unref(plan);
    assert_int_equal(fake_config_alive(), before + 1);
    plan_unref(second);
    assert_int_equal(fake_config_alive(), before);
    plan_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_program),
        cmocka_unit_test(test_in_a_group),
        cmocka_unit_test(test_large_and_negative_numbers),
        cmocka_unit_test(test_event_listener_is_a_scope),
        cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_long_identifiers),
        cmocka_unit_test(test_names_cannot_pretend),
        cmocka_unit_test(test_all_names_are_unique),
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_later_process_replaces),
        cmocka_unit_test(test_ownership),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
