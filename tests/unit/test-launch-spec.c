#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/launch_spec.h"

static char directory[] = "/tmp/test-launch-spec.XXXXXX";
static char path[64];

#define REQUIRED "unit=u\0process_name=p\0command=c\0"

static void write_bytes(const char *data, size_t size)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Reading fails with `error` and leaves the results alone. */
static void refuse(const char *data, size_t size, int error)
{
    LaunchSpec spec = {.startsecs = 12345};
    void *storage = &spec;

    write_bytes(data, size);
    assert_int_equal(launch_spec_read(path, &spec, &storage), error);
    assert_int_equal(spec.startsecs, 12345);
    assert_ptr_equal(storage, &spec);
}

/* For literals: the NUL that the compiler adds ends the last record. */
#define REFUSE(text) refuse(text, sizeof(text), -EBADMSG)

static LaunchSpec accept_bytes(const char *data, size_t size, void **storage)
{
    LaunchSpec spec;

    write_bytes(data, size);
    assert_int_equal(launch_spec_read(path, &spec, storage), 0);
    return spec;
}

static void assert_same_string(const char *one, const char *other)
{
    if (!one || !other)
        assert_ptr_equal(one, other);
    else
        assert_string_equal(one, other);
}

static void assert_same_limit(struct rlimit one, struct rlimit other)
{
    assert_true(one.rlim_cur == other.rlim_cur);
    assert_true(one.rlim_max == other.rlim_max);
}

static void assert_same_spec(const LaunchSpec *one, const LaunchSpec *other)
{
    assert_same_string(one->unit, other->unit);
    assert_int_equal(one->user_manager, other->user_manager);
    assert_same_string(one->process_name, other->process_name);
    assert_same_string(one->command, other->command);
    assert_same_string(one->search_path, other->search_path);
    assert_same_string(one->base_directory, other->base_directory);
    assert_same_string(one->directory, other->directory);
    assert_same_string(one->daemon_user, other->daemon_user);
    assert_same_string(one->user, other->user);
    assert_int_equal(one->umask, other->umask);
    assert_same_limit(one->open_files, other->open_files);
    assert_same_limit(one->processes, other->processes);
    assert_int_equal(one->redirect_stderr, other->redirect_stderr);
    assert_same_string(one->stdin_path, other->stdin_path);
    assert_same_string(one->stdout_path, other->stdout_path);
    assert_same_string(one->stderr_path, other->stderr_path);
    assert_true(one->startsecs == other->startsecs);
    assert_true(one->startretries == other->startretries);
    size_t i = 0;
    for (; one->environment[i]; i++)
        assert_same_string(one->environment[i], other->environment[i]);
    assert_null(other->environment[i]);
}

static void round_trip(const LaunchSpec *spec)
{
    LaunchSpec read;
    struct stat status;
    void *storage;

    umask(0); /* the mode must not depend on it */
    assert_int_equal(launch_spec_write(path, spec), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(launch_spec_read(path, &read, &storage), 0);
    assert_same_spec(spec, &read);
    free(storage);
}

static void test_round_trip(void **state)
{
    const char *const environment[] = {"PATH=/bin", "EMPTY=", "A=b=c",          "LINES=one\ntwo\n",
                                       "A=again",   "=odd",   "BYTES=\xff\x01", NULL};
    LaunchSpec spec = {
        .unit = "supervisor:g:p@01.service",
        .user_manager = true,
        .process_name = "p \"q\" \xc3\xa4\n",
        .command = "/bin/sh -c 'echo \"$X\"; exit %d' \\;",
        .search_path = "",
        .base_directory = "/a b",
        .directory = "/=c",
        .daemon_user = "1001",
        .user = "1000",
        .umask = 0777,
        .open_files = {1024, 4096},
        .processes = {RLIM_INFINITY, RLIM_INFINITY},
        .redirect_stderr = true,
        .stdin_path = "/in",
        .stdout_path = "/out",
        .stderr_path = "/err",
        .startsecs = 1LL << 40,
        .startretries = -3,
        .environment = environment,
    };

    round_trip(&spec);
}

static void test_round_trip_of_little(void **state)
{
    const char *const none[] = {NULL};
    LaunchSpec spec = {
        .unit = "u",
        .process_name = "",
        .command = "",
        .search_path = "x",
        .base_directory = "",
        .open_files = {1, 1},
        .processes = {0, 1},
        .environment = none,
    };

    round_trip(&spec);
}

/* A unit that sets a limit itself. */
static void test_limits_left_to_the_unit(void **state)
{
    const char *const none[] = {NULL};
    const char *const manager[] = {"LANG=C", "PATH=/bin", NULL};
    LaunchSpec spec = {.unit = "u",
                       .process_name = "p",
                       .command = "c",
                       .environment = none,
                       .manager_environment = manager};
    struct rlimit files;
    void *storage;
    LaunchSpec back;

    assert_int_equal(launch_spec_write(path, &spec), 0);
    assert_int_equal(launch_spec_read(path, &back, &storage), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    assert_same_limit(back.open_files, files);
    assert_null(back.environment[0]);
    for (size_t i = 0; i < 3; i++) {
        if (manager[i])
            assert_string_equal(back.manager_environment[i], manager[i]);
        else
            assert_null(back.manager_environment[i]);
    }
    free(storage);
}

static void test_defaults(void **state)
{
    struct rlimit files;
    void *storage;

    LaunchSpec spec = accept_bytes(REQUIRED, sizeof REQUIRED - 1, &storage);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    assert_same_limit(spec.open_files, files);
    assert_string_equal(spec.search_path, "/bin:/usr/bin:/usr/local/bin");
    assert_string_equal(spec.base_directory, "/");
    assert_int_equal(spec.umask, 022);
    assert_int_equal(spec.startsecs, 1);
    assert_int_equal(spec.startretries, 3);
    assert_null(spec.directory);
    assert_null(spec.user);
    assert_null(spec.stdout_path);
    assert_null(spec.environment[0]);
    free(storage);
}

static void test_unknown_keys(void **state)
{
    static const char text[] = "future=x\0" REQUIRED "environment=y\0en=z\0envy=q\0unit2=w\0env=A=1\0Unit=v";
    void *storage;

    LaunchSpec spec = accept_bytes(text, sizeof text, &storage);
    assert_string_equal(spec.unit, "u");
    assert_string_equal(spec.environment[0], "A=1");
    assert_null(spec.environment[1]);
    free(storage);
}

static void test_malformed(void **state)
{
    refuse("", 0, -EBADMSG);
    REFUSE("");
    REFUSE(REQUIRED "");
    REFUSE(REQUIRED "x");
    REFUSE(REQUIRED "=x");
    REFUSE(REQUIRED "env=NAME");
    REFUSE(REQUIRED "env=");
    REFUSE("process_name=p\0command=c");
    REFUSE("unit=u\0command=c");
    REFUSE("unit=u\0process_name=p");
    REFUSE(REQUIRED "\0umask=022");
}

static void test_malformed_values(void **state)
{
    REFUSE(REQUIRED "startsecs=");
    REFUSE(REQUIRED "startsecs=1x");
    REFUSE(REQUIRED "startsecs= 1");
    REFUSE(REQUIRED "startsecs=+1");
    REFUSE(REQUIRED "startsecs=--1");
    REFUSE(REQUIRED "startsecs=9223372036854775808");
    REFUSE(REQUIRED "startretries=99999999999999999999999");
    REFUSE(REQUIRED "umask=8");
    REFUSE(REQUIRED "umask=10000");
    REFUSE(REQUIRED "umask=-1");
    REFUSE(REQUIRED "redirect_stderr=2");
    REFUSE(REQUIRED "redirect_stderr=yes");
    REFUSE(REQUIRED "user_manager=");
    REFUSE(REQUIRED "open_files=1");
    REFUSE(REQUIRED "open_files=1:");
    REFUSE(REQUIRED "open_files=:1");
    REFUSE(REQUIRED "open_files=2:1");
    REFUSE(REQUIRED "open_files=infinity:1");
    REFUSE(REQUIRED "processes=1:2:3");
    REFUSE(REQUIRED "processes=-1:-1");
}

/* Cut anywhere inside a record it is refused; between records what is missing may be found missing. */
static void test_truncated(void **state)
{
    static const char text[] = REQUIRED "umask=022\0env=A=b\0env=C=d";

    for (size_t size = 0; size < sizeof text; size++) {
        if (size == 0 || text[size - 1] != '\0' || size < sizeof REQUIRED - 1) {
            refuse(text, size, -EBADMSG);
        } else {
            void *storage;
            (void)accept_bytes(text, size, &storage);
            free(storage);
        }
    }
}

static void test_huge(void **state)
{
    const size_t maximum = 8 * 1024 * 1024;
    CLEANUP_FREE char *data = malloc(maximum + 1);
    void *storage;

    memset(data, 'x', maximum + 1);
    memcpy(data, REQUIRED "env=A=", sizeof REQUIRED + 5);
    data[maximum] = '\0';
    refuse(data, maximum + 1, -EFBIG);
    data[maximum - 1] = '\0';
    LaunchSpec spec = accept_bytes(data, maximum, &storage);
    assert_int_equal(strlen(spec.environment[0]), maximum - sizeof REQUIRED - 4);
    free(storage);

    char *const environment[] = {data + sizeof REQUIRED + 3, NULL};
    spec = (LaunchSpec){.unit = "u", .process_name = "p", .command = "c"};
    spec.environment = (const char *const *)environment;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(launch_spec_write(path, &spec), -EINVAL);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_many_variables(void **state)
{
    const size_t count = 100000;
    char *data = NULL;
    size_t size;
    void *storage;

    FILE *stream = open_memstream(&data, &size);
    (void)fwrite(REQUIRED, 1, sizeof REQUIRED - 1, stream);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(stream, "env=V%zu=%zu%c", i, i, '\0');
    assert_int_equal(fclose(stream), 0);
    LaunchSpec spec = accept_bytes(data, size, &storage);
    assert_string_equal(spec.environment[0], "V0=0");
    assert_string_equal(spec.environment[count - 1], "V99999=99999");
    assert_null(spec.environment[count]);
    free(storage);
    free(data);
}

static void test_unwritable(void **state)
{
    const char *const no_value[] = {"A=b", "C", NULL};
    LaunchSpec spec = {.unit = "u", .process_name = "p", .command = "c"};

    assert_int_equal(launch_spec_write("/nonexistent/x", &spec), -ENOENT);
    spec.environment = no_value;
    assert_int_equal(launch_spec_write(path, &spec), -EINVAL);
    spec.environment = NULL;
    spec.command = NULL;
    assert_int_equal(launch_spec_write(path, &spec), -EINVAL);
}

static void test_what_is_no_file(void **state)
{
    LaunchSpec spec;
    void *storage;
    CLEANUP_FREE char *fifo = launch_spec_companion(path, ".fifo");

    assert_int_equal(launch_spec_read("/nonexistent/x", &spec, &storage), -ENOENT);
    assert_int_equal(launch_spec_read(directory, &spec, &storage), -EISDIR);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(launch_spec_read(fifo, &spec, &storage), -EINVAL); /* and does not wait for a writer */
    assert_int_equal(unlink(fifo), 0);
}

/* A reader sees the old content or the new one, and nothing else is left in the directory. */
static void test_write_replaces(void **state)
{
    LaunchSpec spec = {.unit = "u", .process_name = "p", .command = "c"};
    struct stat before, after;

    assert_int_equal(launch_spec_write(path, &spec), 0);
    CLEANUP_FREE char *other = launch_spec_companion(path, ".link");
    assert_int_equal(link(path, other), 0);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(launch_spec_write(path, &spec), 0);
    assert_int_equal(stat(path, &after), 0);
    assert_int_not_equal(before.st_ino, after.st_ino);
    assert_int_equal(unlink(other), 0);
}

static void write_failures_text(const char *text)
{
    assert_int_equal(launch_spec_write_companion(path, LAUNCH_SPEC_FAILURES, text), 0);
}

static void test_failures(void **state)
{
    CLEANUP_FREE char *file = launch_spec_companion(path, LAUNCH_SPEC_FAILURES);

    assert_int_equal(launch_spec_write_failures(path, 0), 0);
    assert_int_equal(launch_spec_read_failures(path), 0);
    assert_int_equal(launch_spec_write_failures(path, 7), 0);
    assert_int_equal(launch_spec_read_failures(path), 7);
    assert_int_equal(launch_spec_write_failures(path, UINT32_MAX), 0);
    assert_int_equal(launch_spec_read_failures(path), UINT32_MAX);

    static const char *const unreadable[] = {
        "",
        "x",
        "-1",
        " 3",
        "3x",
        "4294967296",
        "1111111111111111111111111111111111111111111111111111111111111111111"};
    for (size_t i = 0; i < sizeof unreadable / sizeof *unreadable; i++) {
        write_failures_text(unreadable[i]);
        assert_int_equal(launch_spec_read_failures(path), 0);
    }
    write_failures_text("12");
    assert_int_equal(launch_spec_read_failures(path), 12);
    assert_int_equal(launch_spec_write_failures(path, 0), 0);
    assert_int_equal(access(file, F_OK), -1);
}

static void test_companions(void **state)
{
    struct stat status;
    CLEANUP_FREE char *file = launch_spec_companion(path, LAUNCH_SPEC_SPAWNERR);
    char text[16] = "";

    assert_int_equal(launch_spec_write_companion(path, LAUNCH_SPEC_SPAWNERR, "why"), 0);
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    FILE *stream = fopen(file, "r");
    assert_int_equal(fread(text, 1, sizeof text, stream), 3);
    fclose(stream);
    assert_string_equal(text, "why");
    assert_int_equal(launch_spec_remove_companion(path, LAUNCH_SPEC_SPAWNERR), 0);
    assert_int_equal(launch_spec_remove_companion(path, LAUNCH_SPEC_SPAWNERR), 0);
    assert_int_equal(launch_spec_write_companion("/nonexistent/x", LAUNCH_SPEC_SPAWNERR, "why"), -ENOENT);
    assert_int_equal(launch_spec_remove_companion("/nonexistent/x", LAUNCH_SPEC_SPAWNERR), 0);
    assert_int_equal(launch_spec_remove_companion("/dev/null/x", LAUNCH_SPEC_SPAWNERR), -ENOTDIR);
}

static int set_up(void **state)
{
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/spec", directory);
    return 0;
}

/* rmdir() fails, and the test with it, when a temporary file was left behind. */
static int tear_down(void **state)
{
    (void)unlink(path);
    assert_int_equal(rmdir(directory), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_round_trip_of_little),
        cmocka_unit_test(test_limits_left_to_the_unit),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_malformed_values),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_huge),
        cmocka_unit_test(test_many_variables),
        cmocka_unit_test(test_unwritable),
        cmocka_unit_test(test_what_is_no_file),
        cmocka_unit_test(test_write_replaces),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_companions),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
