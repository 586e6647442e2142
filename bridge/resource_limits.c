#include "bridge/resource_limits.h"

#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>

typedef struct LimitRow {
    int resource;
    const char *name;
    const char *what; /* in the message */
    const char *option;
    size_t offset; /* of the int64_t in Settings */
} LimitRow;

static const LimitRow rows[] = {
    {RLIMIT_NOFILE, "RLIMIT_NOFILE", "file descriptors", "minfds", offsetof(Settings, minfds)},
    {RLIMIT_NPROC, "RLIMIT_NPROC", "available processes", "minprocs", offsetof(Settings, minprocs)},
};

static char *describe_refusal(const LimitRow *row, int64_t wanted, rlim_t hard)
{
    return g_strdup_printf(
        "The minimum number of %s required to run this process is %lld as per the \"%s\" command-line "
        "argument or config file setting. The current environment will only allow %lld. Either raise the "
        "limit in your environment or lower %s in the config file to allow the process to start.",
        row->what, (long long)wanted, row->option, (long long)hard, row->option);
}

static int raise_one(const LimitRow *row, int64_t wanted, bool drops_privileges, GPtrArray *lines,
                     char **ret_message)
{
    struct rlimit limit;

    if (getrlimit((__rlimit_resource_t)row->resource, &limit) < 0)
        return -errno;
    if (limit.rlim_cur == RLIM_INFINITY || wanted <= 0 || limit.rlim_cur >= (rlim_t)wanted)
        return 0;
    rlim_t hard = limit.rlim_max;
    limit.rlim_cur = (rlim_t)wanted;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < (rlim_t)wanted)
        limit.rlim_max = (rlim_t)wanted;
    /* The oracle's daemon has become its user by now; ours is still root and would succeed. */
    bool denied = drops_privileges && limit.rlim_max > hard;
    if (denied || setrlimit((__rlimit_resource_t)row->resource, &limit) < 0) {
        *ret_message = describe_refusal(row, wanted, hard);
        return -EPERM;
    }
    g_ptr_array_add(lines, g_strdup_printf("Increased %s limit to %lld", row->name, (long long)wanted));
    return 1;
}

int resource_limits_raise(const Settings *settings, GPtrArray *lines, char **ret_message)
{
    int raised = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int64_t wanted = *(const int64_t *)((const char *)settings + rows[i].offset);
        int r = raise_one(&rows[i], wanted, settings->has_user && settings->uid != 0, lines, ret_message);
        if (r < 0)
            return r;
        raised += r;
    }
    return raised;
}

void resource_limits_widen(struct rlimit *ret_before)
{
    struct rlimit limit;

    *ret_before = (struct rlimit){0};
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    *ret_before = limit;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

void resource_limits_narrow(const struct rlimit *before)
{
    if (before->rlim_max > 0)
        (void)setrlimit(RLIMIT_NOFILE, before);
}
