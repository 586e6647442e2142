#include "translator/config_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "translator/path.h"
#include "translator/text.h"
#include "translator/value.h"

#define LARGEST_FILE (64u << 20)

void config_reader_init(ConfigReader *reader, const char *path, const ConfigHost *host,
                        Diagnostics *diagnostics)
{
    *reader = (ConfigReader){
        .host = host,
        .diagnostics = diagnostics,
        .document = ini_document_new(),
        .config = config_new(path),
        .path = path,
        .base = expand_mapping_new(),
        .here = expand_mapping_new(),
    };
    for (char **variable = host->environment; variable && *variable; variable++) {
        const char *sign = strchr(*variable, '=');
        if (!sign)
            continue;
        g_autofree char *name = g_strndup(*variable, (size_t)(sign - *variable));
        expand_mapping_set_variable(reader->base, name, sign + 1);
    }
    expand_mapping_set(reader->here, "here", config_here(reader->config));
}

void config_reader_clear(ConfigReader *reader)
{
    g_clear_pointer(&reader->document, ini_document_free);
    g_clear_pointer(&reader->config, config_unref);
    g_clear_pointer(&reader->base, expand_mapping_free);
    g_clear_pointer(&reader->here, expand_mapping_free);
    g_clear_pointer(&reader->daemon_environment, environment_free);
}

static int config_reader_slurp_fd(int fd, GString *text)
{
    for (;;) {
        char buffer[16384];
        ssize_t count = read(fd, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? -errno : 0;
        if (text->len + (size_t)count > LARGEST_FILE)
            return -EFBIG;
        g_string_append_len(text, buffer, count);
    }
}

int config_reader_slurp(const char *path, char **ret_text, size_t *ret_length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    GString *text = g_string_new(NULL);
    int result = config_reader_slurp_fd(fd, text);
    close(fd);
    if (result < 0) {
        g_string_free(text, TRUE);
        return result;
    }
    *ret_length = text->len;
    *ret_text = g_string_free(text, FALSE);
    return 0;
}

static const IniOption *config_reader_find(const ConfigReader *reader, const char *section,
                                           const char *option)
{
    const IniSection *found = ini_document_find(reader->document, section);
    return found && option ? ini_document_option(reader->document, found, option) : NULL;
}

bool config_reader_has(const ConfigReader *reader, const char *section, const char *option)
{
    return config_reader_find(reader, section, option) != NULL;
}

Origin config_reader_origin(const ConfigReader *reader, const char *section, const char *option)
{
    const IniOption *found_option = config_reader_find(reader, section, option);
    if (found_option)
        return (Origin){found_option->file, found_option->line};
    const IniSection *found = ini_document_find(reader->document, section);
    return found ? (Origin){found->file, found->line} : (Origin){reader->path, 0};
}

static char *config_reader_option_name(const char *section, const char *option)
{
    return option ? g_strconcat(section, ".", option, NULL) : g_strdup(section);
}

int config_reader_fail(ConfigReader *reader, const char *section, const char *option, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);

    Origin origin = config_reader_origin(reader, section, option);
    g_autofree char *file = text_repr(origin.file), *name = config_reader_option_name(section, option);
    g_autofree char *line = origin.line > 0 ? g_strdup_printf(", line: %u", origin.line) : g_strdup("");
    g_autofree char *shown = reader->processes_of ? text_repr(reader->processes_of) : NULL;
    diagnostics_add(reader->diagnostics, SEVERITY_ERROR, origin.file, origin.line, name,
                    "%s%s%s (file: %s%s)", text, shown ? " in section " : "", shown ? shown : "", file, line);
    return -EINVAL;
}

void config_reader_note(ConfigReader *reader, Severity severity, const char *section, const char *option,
                        const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);

    Origin origin = config_reader_origin(reader, section, option);
    g_autofree char *name = config_reader_option_name(section, option);
    diagnostics_add(reader->diagnostics, severity, origin.file, origin.line, name, "%s", text);
}

char *config_reader_raw(const ConfigReader *reader, const char *section, const char *option,
                        const char *default_text)
{
    const IniOption *found = config_reader_find(reader, section, option);
    return g_strdup(found ? found->value : default_text);
}

int config_reader_get(ConfigReader *reader, const char *section, const char *option, const char *default_text,
                      const ExpandMapping *names, char **ret)
{
    g_autofree char *raw = config_reader_raw(reader, section, option, default_text);
    if (!raw) {
        *ret = NULL;
        return 0;
    }
    g_autofree char *name = config_reader_option_name(section, option), *error = NULL;
    if (expand_text(raw, reader->base, names, name, ret, &error) < 0)
        return config_reader_fail(reader, section, option, "%s", error);
    return 0;
}

/* One value on its way into a record. */
typedef struct Target {
    ConfigReader *reader;
    const char *section;
    const Option *row;
    const char *text;
    void *record;
    char *error;
} Target;

static void *target_field(const Target *target)
{
    return (char *)target->record + target->row->field;
}

static void target_set_text(Target *target, const char *text)
{
    *(const char **)target_field(target) = config_keep(target->reader->config, text);
}

/* Python's integers have no limit; ours are told when they lose. */
static int target_clamped(Target *target, int result)
{
    if (result > 0) {
        Origin origin = config_reader_origin(target->reader, target->section, target->row->name);
        g_autofree char *name = config_reader_option_name(target->section, target->row->name);
        diagnostics_add_ours(target->reader->diagnostics, SEVERITY_WARNING, origin.file, origin.line, name,
                             "'%s' does not fit into 64 bits, %" G_GINT64_FORMAT " is used",
                             target->row->name, *(int64_t *)target_field(target));
    }
    return result < 0 ? result : 0;
}

static int store_string(Target *target)
{
    target_set_text(target, target->text);
    return 0;
}

static int store_integer(Target *target)
{
    return target_clamped(target, value_integer(target->text, target_field(target), &target->error));
}

static int store_size(Target *target)
{
    return target_clamped(target, value_size(target->text, target_field(target), &target->error));
}

static int store_boolean(Target *target)
{
    return value_boolean(target->text, target_field(target), &target->error);
}

static int store_octal(Target *target)
{
    return value_octal(target->text, target_field(target), &target->error);
}

static int store_signal(Target *target)
{
    return value_signal(target->text, target_field(target), &target->error);
}

static int store_autorestart(Target *target)
{
    return value_autorestart(target->text, target_field(target), &target->error);
}

static int store_loglevel(Target *target)
{
    return value_loglevel(target->text, target_field(target), &target->error);
}

static int store_exitcodes(Target *target)
{
    ProcessConfig *process = target->record;
    int *codes;
    int result = value_exitcodes(target->text, &codes, &process->exitcode_count, &target->error);
    if (result < 0)
        return result;
    g_ptr_array_add(target->reader->config->memory, codes);
    process->exitcodes = codes;
    return 0;
}

static int store_directory(Target *target)
{
    g_autofree char *path = NULL;
    int result = value_directory(target->text, target->reader->host, &path, &target->error);
    if (result == 0)
        target_set_text(target, path);
    return result;
}

static int store_file(Target *target)
{
    g_autofree char *path = NULL;
    int result = value_file(target->text, target->reader->host, &path, &target->error);
    if (result == 0)
        target_set_text(target, path);
    return result;
}

static int store_serverurl(Target *target)
{
    g_autofree char *stripped = text_stripped(target->text), *upper = text_upper(stripped);
    if (strcmp(upper, "AUTO") != 0)
        target_set_text(target, target->text);
    return 0;
}

static int store_user(Target *target)
{
    ProcessConfig *process = target->record;
    gid_t gid;
    int result = value_user(target->text, target->reader->host, &process->uid, &gid, &target->error);
    if (result < 0)
        return result;
    process->has_uid = true;
    target_set_text(target, target->text);
    return 0;
}

typedef int (*StoreFunction)(Target *target);

/* Kinds that need more than one row's option, or another place than a field, are read where they are wanted.
 */
static const StoreFunction store_functions[VALUE_KIND_COUNT] = {
    [VALUE_STRING] = store_string,
    [VALUE_INTEGER] = store_integer,
    [VALUE_BOOLEAN] = store_boolean,
    [VALUE_SIZE] = store_size,
    [VALUE_OCTAL] = store_octal,
    [VALUE_SIGNAL] = store_signal,
    [VALUE_AUTORESTART] = store_autorestart,
    [VALUE_EXITCODES] = store_exitcodes,
    [VALUE_LOGLEVEL] = store_loglevel,
    [VALUE_DIRECTORY] = store_directory,
    [VALUE_FILE] = store_file,
    [VALUE_SERVERURL] = store_serverurl,
    [VALUE_USER] = store_user,
};

int config_reader_store(ConfigReader *reader, const char *section, const Option *row,
                        const ExpandMapping *names, void *record)
{
    g_autofree char *text = NULL;
    int result = config_reader_get(reader, section, row->name, row->default_text, names, &text);
    if (result < 0 || !text)
        return result;
    Target target = {.reader = reader, .section = section, .row = row, .text = text, .record = record};
    result = store_functions[row->kind](&target);
    g_autofree char *error = target.error;
    return result < 0 ? config_reader_fail(reader, section, row->name, "%s", error) : 0;
}

int config_reader_store_all(ConfigReader *reader, const char *section, OptionPhase phase,
                            const ExpandMapping *names, void *record)
{
    size_t count;
    const Option *rows = option_rows(option_section_kind(section), &count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].phase != phase || !rows[i].has_field || !store_functions[rows[i].kind])
            continue;
        int result = config_reader_store(reader, section, &rows[i], names, record);
        if (result < 0)
            return result;
    }
    return 0;
}
