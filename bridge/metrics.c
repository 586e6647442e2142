#include "bridge/metrics.h"

#include <string.h>
#include <time.h>

#include "bridge/rpc_count.h"
#include "build_config.h"

/* Of one process. False: there is nothing to tell. */
typedef bool (*ReadFigure)(const Instance *instance, const AccountingUsage *usage, double *ret);

static bool read_state(const Instance *instance, const AccountingUsage *usage, double *ret)
{
    *ret = instance_state(instance);
    return true;
}

static bool read_up(const Instance *instance, const AccountingUsage *usage, double *ret)
{
    *ret = instance_state(instance) == PROCESS_RUNNING;
    return true;
}

static bool read_start(const Instance *instance, const AccountingUsage *usage, double *ret)
{
    *ret = instance_laststart(instance);
    return *ret > 0;
}

/* A clock that was set back shows as no time at all, as in the description. */
static bool read_uptime(const Instance *instance, const AccountingUsage *usage, double *ret)
{
    bool runs = instance_state(instance) == PROCESS_RUNNING;

    *ret = runs ? MAX((double)time(NULL) - instance_laststart(instance), 0) : 0;
    return true;
}

static bool read_restarts(const Instance *instance, const AccountingUsage *usage, double *ret)
{
    *ret = instance_restarts(instance);
    return true;
}

static bool read_exit_status(const Instance *instance, const AccountingUsage *usage, double *ret)
{
    *ret = instance_exitstatus(instance);
    return true;
}

static bool read_memory(const Instance *instance, const AccountingUsage *usage, double *ret)
{
    *ret = (double)usage->memory;
    return usage->has_memory;
}

static bool read_cpu(const Instance *instance, const AccountingUsage *usage, double *ret)
{
    *ret = (double)usage->cpu_usec / 1e6;
    return usage->has_cpu;
}

static const struct {
    const char *name;
    const char *type;
    const char *help;
    ReadFigure read;
} figures[] = {
    {"process_state", "gauge",
     "State as Supervisor numbers it: 0 STOPPED, 10 STARTING, 20 RUNNING, 30 BACKOFF, "
     "40 STOPPING, 100 EXITED, 200 FATAL, 1000 UNKNOWN.",
     read_state},
    {"process_up", "gauge", "Whether it is RUNNING.", read_up},
    {"process_start_time_seconds", "gauge", "When it was last started, in Unix time.", read_start},
    {"process_uptime_seconds", "gauge", "How long it has been running; 0 when it is not.", read_uptime},
    {"process_restarts_total", "counter", "Restarts by systemd since somebody started it.", read_restarts},
    {"process_exit_status", "gauge", "Exit status of its last end; -1 after a signal.", read_exit_status},
    {"process_memory_bytes", "gauge",
     "Memory of its unit, page cache included; resident pages where systemd does not account it.",
     read_memory},
    {"process_cpu_seconds_total", "counter", "CPU time of its unit since somebody started it.", read_cpu},
};

#define PREFIX "supersede_"

/* The value of a label, escaped; hostile names must not make lines of their own. */
static void append_label(GString *out, const char *name, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);

    g_string_append_printf(out, "%s=\"", name);
    for (const char *p = valid; *p; p++) {
        if (*p == '\n')
            g_string_append(out, "\\n");
        else if (*p == '"' || *p == '\\')
            g_string_append_printf(out, "\\%c", *p);
        else
            g_string_append_c(out, *p);
    }
    g_string_append_c(out, '"');
}

static void append_head(GString *out, const char *name, const char *type, const char *help)
{
    g_string_append_printf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void append_process_labels(GString *out, const char *name, const Instance *instance)
{
    g_string_append_printf(out, PREFIX "%s{", name);
    append_label(out, "group", group_name(instance_group(instance)));
    g_string_append_c(out, ',');
    append_label(out, "process", instance_name(instance));
}

/* Whole numbers as such, others as short as they can be read back. */
static void append_value(GString *out, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append(out, g_ascii_dtostr(text, sizeof text, value));
    g_string_append_c(out, '\n');
}

static void append_figures(GString *out, const GPtrArray *instances, const AccountingUsage *usages)
{
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++) {
        append_head(out, figures[i].name, figures[i].type, figures[i].help);
        for (unsigned j = 0; j < instances->len; j++) {
            const Instance *instance = g_ptr_array_index(instances, j);
            double value;
            if (!figures[i].read(instance, &usages[j], &value))
                continue;
            append_process_labels(out, figures[i].name, instance);
            g_string_append(out, "} ");
            append_value(out, value);
        }
    }
}

static void append_log_bytes(GString *out, const GPtrArray *instances)
{
    static const char *const streams[STREAM_COUNT] = {"stdout", "stderr"};
    const char *name = "process_log_bytes_total";

    append_head(out, name, "counter", "Bytes of output taken since the daemon began, lost ones included.");
    for (unsigned i = 0; i < instances->len; i++) {
        const Instance *instance = g_ptr_array_index(instances, i);
        for (Stream stream = 0; stream < STREAM_COUNT; stream++) {
            append_process_labels(out, name, instance);
            g_string_append_printf(out, ",stream=\"%s\"} %" G_GUINT64_FORMAT "\n", streams[stream],
                                   instance_log_bytes(instance, stream));
        }
    }
}

static void append_rpc(GString *out)
{
    const char *name = "rpc_calls_total";
    size_t position = 0;
    RpcCount count;

    append_head(out, name, "counter",
                "Calls of XML-RPC methods, those of the web page included, by outcome.");
    while (rpc_count_next(&position, &count)) {
        g_string_append_printf(out, PREFIX "%s{", name);
        append_label(out, "method", count.method);
        g_string_append_c(out, ',');
        append_label(out, "fault", count.fault == 0 ? "" : fault_name(count.fault));
        g_string_append_printf(out, "} %" G_GUINT64_FORMAT "\n", count.calls);
    }
}

static void append_daemon(GString *out, const Manager *manager)
{
    append_head(out, "info", "gauge", "Which daemon this is.");
    g_string_append(out, PREFIX "info{");
    append_label(out, "identifier", manager_identifier(manager));
    g_string_append_c(out, ',');
    append_label(out, "version", SUPERSEDE_VERSION);
    g_string_append(out, "} 1\n");
    append_head(out, "daemon_state", "gauge", "1 RUNNING, 0 RESTARTING, -1 SHUTDOWN.");
    g_string_append_printf(out, PREFIX "daemon_state %d\n", (int)manager_state(manager));
}

GString *metrics_text(const Manager *manager, const Accounting *accounting)
{
    g_autoptr(GPtrArray) instances = manager_instances(manager, ORDER_LEXICAL);
    g_autofree AccountingUsage *usages = g_new(AccountingUsage, instances->len + 1);
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; i < instances->len; i++) {
        const Instance *instance = g_ptr_array_index(instances, i);
        AccountingUnit unit = {instance_unit(instance), instance_pid(instance)};
        usages[i] = accounting_usage(accounting, &unit);
    }
    append_daemon(out, manager);
    append_figures(out, instances, usages);
    append_log_bytes(out, instances);
    append_rpc(out);
    return out;
}
