/* A section that makes processes: the oracle's processes_from_section(). */
#include <errno.h>
#include <string.h>

#include "translator/config_reader.h"
#include "translator/value.h"

/* The oracle makes as many as it is told and runs out of memory; systemd would long have given up. */
#define MOST_PROCESSES 65536

typedef struct Program {
    ConfigReader *reader;
    const char *section;
    SectionKind section_kind;
    ProcessConfig template; /* what all its processes share */
    char *process_name;     /* not yet expanded */
    ExpandMapping *names; /* the oracle keeps one for all processes, so what one process's environment set is
                             seen by the next */
} Program;

static int program_store(Program *program, const char *option, ProcessConfig *process)
{
    return config_reader_store(program->reader, program->section,
                               option_find_in(program->section_kind, option), program->names, process);
}

static int program_read_name(Program *program, const char *group)
{
    g_autofree char *name = NULL, *error = NULL;
    if (value_name(strchr(program->section, ':') + 1, &name, &error) < 0)
        return config_reader_fail(program->reader, program->section, NULL, "%s", error);
    program->template.program = config_keep(program->reader->config, name);
    expand_mapping_update(program->names, program->reader->here);
    expand_mapping_set(program->names, "program_name", name);
    expand_mapping_set(program->names, "host_node_name", program->reader->host->node_name);
    expand_mapping_set(program->names, "group_name", group);
    return 0;
}

/* The name is checked before it is expanded, as in the oracle. */
static int program_read_process_name(Program *program)
{
    const Option *row = option_find_in(program->section_kind, "process_name");
    g_autofree char *raw = config_reader_raw(program->reader, program->section, row->name, row->default_text);
    g_autofree char *error = NULL;
    if (value_name(raw, &program->process_name, &error) < 0)
        return config_reader_fail(program->reader, program->section, row->name, "%s", error);
    return 0;
}

static int program_check(Program *program)
{
    ConfigReader *reader = program->reader;
    const ProcessConfig *template = &program->template;
    int64_t last;
    if (template->numprocs > 1 && !strstr(program->process_name, "%(process_num)"))
        return config_reader_fail(reader, program->section,
                                  config_reader_has(reader, program->section, "process_name") ? "process_name"
                                                                                              : "numprocs",
                                  "%%(process_num) must be present within process_name when numprocs > 1");
    if (template->stopasgroup && !template->killasgroup)
        return config_reader_fail(reader, program->section, "killasgroup",
                                  "Cannot set stopasgroup=true and killasgroup=false");
    if (template->numprocs > MOST_PROCESSES)
        return config_reader_fail(reader, program->section, "numprocs",
                                  "numprocs=%" G_GINT64_FORMAT " is more than %d", template->numprocs,
                                  MOST_PROCESSES);
    if (template->numprocs > 0 && __builtin_add_overflow(template->process_num, template->numprocs, &last))
        return config_reader_fail(reader, program->section, "numprocs_start",
                                  "numprocs_start=%" G_GINT64_FORMAT " is too large", template->process_num);
    return 0;
}

/* What is the same for all processes of the section. */
static int program_read_template(Program *program)
{
    ProcessConfig *template = &program->template;
    int result =
        config_reader_store_all(program->reader, program->section, PHASE_SECTION, program->names, template);
    if (result < 0)
        return result;
    if (!config_reader_has(program->reader, program->section, "killasgroup"))
        template->killasgroup = template->stopasgroup;
    template->has_umask = config_reader_has(program->reader, program->section, "umask");
    result = program_read_process_name(program);
    return result < 0 ? result : program_check(program);
}

static int program_expand(Program *program, const char *option, const char *text, char **ret)
{
    g_autofree char *error = NULL;
    if (expand_text(text, NULL, program->names, option, ret, &error) < 0)
        return config_reader_fail(program->reader, program->section, option, "%s", error);
    return 0;
}

static int program_read_environment(Program *program, ProcessConfig *process)
{
    ConfigReader *reader = program->reader;
    g_autofree char *raw = config_reader_raw(reader, program->section, "environment", "");
    g_autofree char *text = NULL, *error = NULL;
    int result = program_expand(program, "environment", raw, &text);
    if (result < 0)
        return result;
    g_autoptr(Environment) own = NULL;
    if (environment_parse(text, &own, &error) < 0)
        return config_reader_fail(reader, program->section, "environment", "%s", error);

    g_autoptr(Environment) whole = environment_new();
    environment_update(whole, reader->daemon_environment);
    environment_update(whole, own);
    for (size_t i = 0; i < environment_count(own); i++) {
        const EnvironmentVariable *variable = environment_get(own, i);
        expand_mapping_set_variable(program->names, variable->name, variable->value);
    }
    process->environment = config_keep_environment(reader->config, whole, &process->environment_count);
    return 0;
}

/* The oracle expands the path of a log twice: "%%(process_num)d" becomes a number. */
static int program_read_logfile(Program *program, const char *option, LogConfig *log, bool *ret_syslog)
{
    ConfigReader *reader = program->reader;
    g_autofree char *once = NULL, *text = NULL, *path = NULL, *error = NULL;
    int result = config_reader_get(reader, program->section, option, NULL, program->names, &once);
    if (result < 0)
        return result;
    log->kind = LOGFILE_AUTO;
    *ret_syslog = false;
    if (!once)
        return 0;
    result = program_expand(program, option, once, &text);
    if (result < 0)
        return result;
    if (value_logfile(text, reader->host, &log->kind, &path, ret_syslog, &error) < 0)
        return config_reader_fail(reader, program->section, option, "%s", error);
    log->path = config_keep(reader->config, path);
    return 0;
}

static int program_read_log(Program *program, ProcessConfig *process, Stream stream)
{
    static const char *const options[STREAM_COUNT][5] = {
        [STREAM_STDOUT] = {"stdout_logfile", "stdout_logfile_backups", "stdout_logfile_maxbytes",
                           "stdout_syslog", "stdout_journal"},
        [STREAM_STDERR] = {"stderr_logfile", "stderr_logfile_backups", "stderr_logfile_maxbytes",
                           "stderr_syslog", "stderr_journal"},
    };
    LogConfig *log = &process->log[stream];
    const char *logfile = options[stream][0], *maxbytes = options[stream][2], *syslog = options[stream][3];
    bool is_syslog;
    int result = program_read_logfile(program, logfile, log, &is_syslog);
    for (size_t i = 1; i < G_N_ELEMENTS(options[stream]) && result == 0; i++)
        result = program_store(program, options[stream][i], process);
    if (result < 0)
        return result;
    if (is_syslog) {
        config_reader_note(program->reader, SEVERITY_WARNING, program->section, logfile,
                           "For [%s], %s=syslog but this is deprecated and will be removed.  Use %s=true to "
                           "enable syslog instead.",
                           program->section, logfile, syslog);
        log->syslog = true;
    }
    if (log->kind == LOGFILE_AUTO && log->maxbytes == 0)
        config_reader_note(
            program->reader, SEVERITY_WARNING, program->section, maxbytes,
            "For [%s], AUTO logging used for %s without rollover, set maxbytes > 0 to avoid filling "
            "up filesystem unintentionally",
            program->section, logfile);
    return 0;
}

static void program_redirect(Program *program, ProcessConfig *process)
{
    LogConfig *log = &process->log[STREAM_STDERR];
    if (!process->redirect_stderr)
        return;
    if (log->kind == LOGFILE_PATH)
        config_reader_note(
            program->reader, SEVERITY_WARNING, program->section, "stderr_logfile",
            "For [%s], redirect_stderr=true but stderr_logfile has also been set to a filename, the "
            "filename has been ignored",
            program->section);
    log->kind = LOGFILE_NONE;
    log->path = NULL;
}

static int program_read_process(Program *program, ProcessConfig *process)
{
    expand_mapping_set_integer(program->names, "process_num", process->process_num);
    expand_mapping_set_integer(program->names, "numprocs", process->numprocs);
    expand_mapping_update(program->names, program->reader->base);

    g_autofree char *name = NULL;
    int result = program_read_environment(program, process);
    if (result == 0)
        result = program_store(program, "directory", process);
    for (Stream stream = STREAM_STDOUT; stream < STREAM_COUNT && result == 0; stream++)
        result = program_read_log(program, process, stream);
    if (result < 0)
        return result;
    program_redirect(program, process);
    result = program_store(program, "command", process);
    if (result == 0 && !process->command)
        result = config_reader_fail(program->reader, program->section, NULL,
                                    "program section %s does not specify a command", program->section);
    if (result == 0)
        result = program_expand(program, "process_name", program->process_name, &name);
    if (result == 0)
        result = config_setting_read(program->reader, program->section, program->names, process);
    process->name = config_keep(program->reader->config, name);
    return result;
}

static int program_read_all(Program *program, const char *group, GPtrArray *processes)
{
    int result = program_read_name(program, group);
    if (result == 0)
        result = program_read_template(program);
    for (int64_t i = 0; result == 0 && i < program->template.numprocs; i++) {
        ProcessConfig *process = config_allocate(program->reader->config, sizeof *process);
        *process = program->template;
        process->process_num += i;
        result = program_read_process(program, process);
        g_ptr_array_add(processes, process);
    }
    return result;
}

/* All processes of a section have the same priority, which leaves the name: "x_10" comes before "x_2". */
static int program_compare(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const ProcessConfig *const *)a)->name, (*(const ProcessConfig *const *)b)->name);
}

int config_program_read(ConfigReader *reader, const char *section, const char *group, ProgramKind kind,
                        GPtrArray *processes)
{
    Origin origin = config_reader_origin(reader, section, NULL);
    Program program = {
        .reader = reader,
        .section = section,
        .section_kind = option_section_kind(section),
        .template = {.kind = kind,
                     .section = config_keep(reader->config, section),
                     .origin = {config_keep(reader->config, origin.file), origin.line}},
        .names = expand_mapping_new(),
    };
    g_autoptr(GPtrArray) made = g_ptr_array_new();
    reader->processes_of = section;
    int result = program_read_all(&program, group, made);
    reader->processes_of = NULL;
    if (result == 0) {
        g_ptr_array_sort(made, program_compare);
        g_ptr_array_extend(processes, made, NULL, NULL);
    }
    expand_mapping_free(program.names);
    g_free(program.process_name);
    return result;
}
