#include "common/launch_spec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define SIZE_MAXIMUM    ((size_t)8 * 1024 * 1024)
#define COUNT(array)    (sizeof(array) / sizeof *(array))
#define ENVIRONMENT_KEY "env"
#define MANAGER_KEY     "manager-env"

typedef enum FieldKind {
    FIELD_STRING,
    FIELD_BOOLEAN,
    FIELD_NUMBER,
    FIELD_MODE,
    FIELD_LIMIT,
} FieldKind;

typedef struct Field {
    const char *key;
    FieldKind kind;
    bool required;
    size_t offset;
} Field;

#define FIELD(kind_, name, required_)                                                                        \
    {                                                                                                        \
        .key = #name, .kind = kind_, .required = required_, .offset = offsetof(LaunchSpec, name)             \
    }

static const Field fields[] = {
    FIELD(FIELD_STRING, unit, true),         FIELD(FIELD_BOOLEAN, user_manager, false),
    FIELD(FIELD_STRING, process_name, true), FIELD(FIELD_STRING, command, true),
    FIELD(FIELD_STRING, search_path, false), FIELD(FIELD_STRING, base_directory, false),
    FIELD(FIELD_STRING, directory, false),   FIELD(FIELD_STRING, user, false),
    FIELD(FIELD_MODE, umask, false),         FIELD(FIELD_LIMIT, open_files, false),
    FIELD(FIELD_LIMIT, processes, false),    FIELD(FIELD_BOOLEAN, redirect_stderr, false),
    FIELD(FIELD_STRING, socket, false),      FIELD(FIELD_STRING, stdin_path, false),
    FIELD(FIELD_STRING, stdout_path, false), FIELD(FIELD_STRING, stderr_path, false),
    FIELD(FIELD_NUMBER, startsecs, false),   FIELD(FIELD_NUMBER, startretries, false),
    FIELD(FIELD_STRING, daemon_user, false),
};

static void *field_at(LaunchSpec *spec, const Field *field)
{
    return (char *)spec + field->offset;
}

static const void *field_of(const LaunchSpec *spec, const Field *field)
{
    return (const char *)spec + field->offset;
}

char *launch_spec_companion(const char *path, const char *suffix)
{
    char *companion = NULL;

    return asprintf(&companion, "%s%s", path, suffix) < 0 ? NULL : companion;
}

/* Writing */

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        data += written;
        size -= (size_t)written;
    }
    return 0;
}

static int write_atomically(const char *path, const char *data, size_t size)
{
    CLEANUP_FREE char *temporary = launch_spec_companion(path, ".XXXXXX");
    if (!temporary)
        return -ENOMEM;

    CLEANUP_CLOSE int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return -errno;
    int r = write_all(fd, data, size);
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0)
        (void)unlink(temporary);
    return r;
}

static void print_limit(FILE *stream, const char *key, const struct rlimit *limit)
{
    const rlim_t values[] = {limit->rlim_cur, limit->rlim_max};

    (void)fprintf(stream, "%s=", key);
    for (size_t i = 0; i < COUNT(values); i++) {
        if (i > 0)
            (void)fputc(':', stream);
        if (values[i] == RLIM_INFINITY)
            (void)fputs("infinity", stream);
        else
            (void)fprintf(stream, "%llu", (unsigned long long)values[i]);
    }
}

static void print_field(FILE *stream, const LaunchSpec *spec, const Field *field)
{
    const void *value = field_of(spec, field);

    switch (field->kind) {
    case FIELD_STRING:
        if (!*(const char *const *)value)
            return;
        (void)fprintf(stream, "%s=%s", field->key, *(const char *const *)value);
        break;
    case FIELD_BOOLEAN:
        (void)fprintf(stream, "%s=%d", field->key, *(const bool *)value);
        break;
    case FIELD_NUMBER:
        (void)fprintf(stream, "%s=%lld", field->key, *(const long long *)value);
        break;
    case FIELD_MODE:
        (void)fprintf(stream, "%s=%o", field->key, (unsigned)*(const mode_t *)value);
        break;
    case FIELD_LIMIT:
        if (((const struct rlimit *)value)->rlim_max == 0)
            return;
        print_limit(stream, field->key, value);
        break;
    }
    (void)fputc('\0', stream);
}

static int print_environment(FILE *stream, const char *key, const char *const *environment)
{
    for (; environment && *environment; environment++) {
        if (!strchr(*environment, '='))
            return -EINVAL;
        (void)fprintf(stream, "%s=%s", key, *environment);
        (void)fputc('\0', stream);
    }
    return 0;
}

int launch_spec_write(const char *path, const LaunchSpec *spec)
{
    CLEANUP_FREE char *text = NULL;
    size_t size = 0;

    if (!spec->unit || !spec->process_name || !spec->command)
        return -EINVAL;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return -ENOMEM;
    for (size_t i = 0; i < COUNT(fields); i++)
        print_field(stream, spec, &fields[i]);
    int r = print_environment(stream, ENVIRONMENT_KEY, spec->environment);
    if (r >= 0)
        r = print_environment(stream, MANAGER_KEY, spec->manager_environment);
    bool failed = ferror(stream);
    if (fclose(stream) != 0 || failed)
        return -ENOMEM;
    if (r < 0)
        return r;
    if (size > SIZE_MAXIMUM)
        return -EINVAL;
    return write_atomically(path, text, size);
}

int launch_spec_write_companion(const char *path, const char *suffix, const char *text)
{
    CLEANUP_FREE char *companion = launch_spec_companion(path, suffix);
    if (!companion)
        return -ENOMEM;
    return write_atomically(companion, text, strlen(text));
}

int launch_spec_remove_companion(const char *path, const char *suffix)
{
    CLEANUP_FREE char *companion = launch_spec_companion(path, suffix);
    if (!companion)
        return -ENOMEM;
    return unlink(companion) < 0 && errno != ENOENT ? -errno : 0;
}

/* Reading */

static int read_file(const char *path, size_t maximum, char **ret_data, size_t *ret_size)
{
    struct stat status;

    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
    if (status.st_size > (off_t)maximum)
        return -EFBIG;

    size_t capacity = (size_t)status.st_size;
    CLEANUP_FREE char *data = malloc(capacity + 1);
    if (!data)
        return -ENOMEM;
    size_t size = 0;
    while (size < capacity) {
        ssize_t got = read(fd, data + size, capacity - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    data[size] = '\0';
    *ret_data = data;
    *ret_size = size;
    data = NULL;
    return 0;
}

static int parse_unsigned(const char *text, int base, unsigned long long maximum, unsigned long long *ret)
{
    char *end;

    if (*text < '0' || *text > '9') /* strtoull takes a sign and white space */
        return -EBADMSG;
    errno = 0;
    unsigned long long value = strtoull(text, &end, base);
    if (errno != 0 || *end || value > maximum)
        return -EBADMSG;
    *ret = value;
    return 0;
}

static int parse_number(const char *text, long long *ret)
{
    unsigned long long value;
    bool negative = *text == '-'; /* the oracle takes startsecs=-1 */

    int r = parse_unsigned(text + negative, 10, LLONG_MAX, &value);
    if (r < 0)
        return r;
    *ret = negative ? -(long long)value : (long long)value;
    return 0;
}

static int parse_limit_value(const char *text, rlim_t *ret)
{
    unsigned long long value;

    if (strcmp(text, "infinity") == 0) {
        *ret = RLIM_INFINITY;
        return 0;
    }
    int r = parse_unsigned(text, 10, ULLONG_MAX, &value);
    if (r < 0)
        return r;
    *ret = (rlim_t)value;
    return 0;
}

static int parse_limit(char *text, struct rlimit *ret)
{
    struct rlimit limit;

    char *colon = strchr(text, ':');
    if (!colon)
        return -EBADMSG;
    *colon = '\0';
    int r = parse_limit_value(text, &limit.rlim_cur);
    if (r == 0)
        r = parse_limit_value(colon + 1, &limit.rlim_max);
    if (r < 0)
        return r;
    if (limit.rlim_cur > limit.rlim_max)
        return -EBADMSG;
    *ret = limit;
    return 0;
}

static int parse_field(LaunchSpec *spec, const Field *field, char *value)
{
    unsigned long long number;
    void *target = field_at(spec, field);

    switch (field->kind) {
    case FIELD_STRING:
        *(const char **)target = value;
        return 0;
    case FIELD_BOOLEAN:
        if (parse_unsigned(value, 10, 1, &number) < 0)
            return -EBADMSG;
        *(bool *)target = number;
        return 0;
    case FIELD_NUMBER:
        return parse_number(value, target);
    case FIELD_MODE:
        if (parse_unsigned(value, 8, 07777, &number) < 0)
            return -EBADMSG;
        *(mode_t *)target = (mode_t)number;
        return 0;
    case FIELD_LIMIT:
        return parse_limit(value, target);
    }
    return -EBADMSG;
}

/* The two lists of variables while they are filled. */
typedef struct Lists {
    const char **own;
    const char **manager;
} Lists;

static int add_variable(const char ***list, const char *value)
{
    if (!strchr(value, '='))
        return -EBADMSG;
    *(*list)++ = value;
    return 0;
}

static int parse_record(LaunchSpec *spec, char *record, Lists *lists)
{
    char *value = strchr(record, '=');

    if (!value || value == record)
        return -EBADMSG;
    *value++ = '\0';
    if (strcmp(record, ENVIRONMENT_KEY) == 0)
        return add_variable(&lists->own, value);
    if (strcmp(record, MANAGER_KEY) == 0)
        return add_variable(&lists->manager, value);
    for (size_t i = 0; i < COUNT(fields); i++) {
        if (strcmp(record, fields[i].key) == 0)
            return parse_field(spec, &fields[i], value);
    }
    return 0;
}

static LaunchSpec defaults(void)
{
    LaunchSpec spec = {
        .search_path = "/bin:/usr/bin:/usr/local/bin",
        .base_directory = "/",
        .umask = 022,
        .startsecs = 1,
        .startretries = 3,
    };

    if (getrlimit(RLIMIT_NOFILE, &spec.open_files) < 0)
        spec.open_files = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
    if (getrlimit(RLIMIT_NPROC, &spec.processes) < 0)
        spec.processes = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
    return spec;
}

static size_t count_records(const char *data, size_t size, const char *key)
{
    size_t count = 0, length = strlen(key);

    for (const char *record = data; record < data + size; record += strlen(record) + 1)
        count += strncmp(record, key, length) == 0 && record[length] == '=';
    return count;
}

static bool is_complete(const LaunchSpec *spec)
{
    for (size_t i = 0; i < COUNT(fields); i++) {
        if (fields[i].required && !*(const char *const *)field_of(spec, &fields[i]))
            return false;
    }
    return true;
}

int launch_spec_read(const char *path, LaunchSpec *ret_spec, void **ret_storage)
{
    CLEANUP_FREE char *data = NULL;
    size_t size = 0;

    int r = read_file(path, SIZE_MAXIMUM, &data, &size);
    if (r < 0)
        return r;
    if (size == 0 || data[size - 1] != '\0')
        return -EBADMSG;

    /* One block owns everything: the arrays of the variables' pointers, then the text they point into. */
    size_t own = count_records(data, size, ENVIRONMENT_KEY), manager = count_records(data, size, MANAGER_KEY);
    size_t array = (own + 1 + manager + 1) * sizeof(char *);
    CLEANUP_FREE char *storage = malloc(array + size);
    if (!storage)
        return -ENOMEM;
    char *text = memcpy(storage + array, data, size);
    const char **pointers = (const char **)(void *)storage;
    Lists lists = {.own = pointers, .manager = pointers + own + 1};

    LaunchSpec spec = defaults();
    spec.environment = lists.own;
    spec.manager_environment = manager > 0 ? lists.manager : NULL;
    for (char *record = text; record < text + size;) {
        char *next = record + strlen(record) + 1;
        r = parse_record(&spec, record, &lists);
        if (r < 0)
            return r;
        record = next;
    }
    *lists.own = NULL;
    *lists.manager = NULL;
    if (!is_complete(&spec))
        return -EBADMSG;
    *ret_spec = spec;
    *ret_storage = storage;
    storage = NULL;
    return 0;
}

/* The failure count */

unsigned launch_spec_read_failures(const char *path)
{
    CLEANUP_FREE char *data = NULL;
    size_t size;
    unsigned long long failures;

    CLEANUP_FREE char *companion = launch_spec_companion(path, LAUNCH_SPEC_FAILURES);
    if (!companion || read_file(companion, 64, &data, &size) < 0)
        return 0;
    data[strcspn(data, "\n")] = '\0';
    return parse_unsigned(data, 10, UINT_MAX, &failures) < 0 ? 0 : (unsigned)failures;
}

int launch_spec_write_failures(const char *path, unsigned failures)
{
    char text[16];

    if (failures == 0)
        return launch_spec_remove_companion(path, LAUNCH_SPEC_FAILURES);
    (void)snprintf(text, sizeof text, "%u\n", failures);
    return launch_spec_write_companion(path, LAUNCH_SPEC_FAILURES, text);
}
