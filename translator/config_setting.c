/* Options systemd.PROPERTY of sections that make processes. The oracle ignores them. */
#include <errno.h>
#include <string.h>

#include "translator/config_reader.h"
#include "translator/dropin.h"

/* What is being made of one section's options. */
typedef struct Settings {
    ConfigReader *reader;
    const char *section;
    const ExpandMapping *names;
    ProgramKind program;
    GArray *list; /* of UnitSetting */
} Settings;

static int refuse_unknown(const Settings *settings, const char *option)
{
    const char *name = option + strlen(UNIT_SETTING_PREFIX);
    const char *suggestion = unit_setting_suggest(name);

    return config_reader_fail(
        settings->reader, settings->section, option, "systemd has no property '%s'%s%s%s", name,
        suggestion ? ", did you mean '" : "", suggestion ? suggestion : "", suggestion ? "'?" : "");
}

static int check_kind(const Settings *settings, const char *option, const UnitSettingKind *kind)
{
    if (!kind)
        return refuse_unknown(settings, option);
    if (kind->refusal)
        return config_reader_fail(settings->reader, settings->section, option, "%s= cannot be set here: %s",
                                  kind->name, kind->refusal);
    if (settings->program == PROGRAM_EVENTLISTENER && !kind->of_unit && !kind->of_resources)
        return config_reader_fail(
            settings->reader, settings->section, option,
            "%s= cannot be set here: an event listener is a child of supervisord in a scope", kind->name);
    return 0;
}

/* In a unit file a line ends a setting, and a backslash at its end goes on with the next. */
static int check_line(const Settings *settings, const char *option, const UnitSettingKind *kind,
                      const char *line)
{
    for (const char *p = line; *p; p++) {
        if (g_ascii_iscntrl(*p) && *p != '\t')
            return config_reader_fail(settings->reader, settings->section, option,
                                      "%s= has a control character in it", kind->name);
    }
    if (g_str_has_suffix(line, "\\"))
        return config_reader_fail(settings->reader, settings->section, option, "%s= ends in a backslash",
                                  kind->name);
    if (!g_utf8_validate(line, -1, NULL))
        return config_reader_fail(settings->reader, settings->section, option, "%s= is not UTF-8",
                                  kind->name);
    /* It would take the gate away, without which nothing is ever RUNNING or FATAL. */
    if (!*line && strcmp(kind->name, "ExecStartPost") == 0)
        return config_reader_fail(settings->reader, settings->section, option,
                                  "ExecStartPost= can be added to, but not emptied");
    return 0;
}

static int add_line(Settings *settings, const char *option, const UnitSettingKind *kind, const char *line)
{
    Config *config = settings->reader->config;
    Origin origin = config_reader_origin(settings->reader, settings->section, option);

    int r = check_line(settings, option, kind, line);
    if (r < 0)
        return r;
    UnitSetting setting = {.kind = kind,
                           .value = config_keep(config, line),
                           .option = config_keep(config, option),
                           .origin = {config_keep(config, origin.file), origin.line}};
    g_array_append_val(settings->list, setting);
    return 0;
}

/* The lines of a value; one that ends in a backslash goes on with the next, as in a unit file. */
static char **split_lines(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GPtrArray *joined = g_ptr_array_new();

    for (size_t i = 0; lines[i]; i++) {
        GString *line = g_string_new(g_strstrip(lines[i]));
        while (g_str_has_suffix(line->str, "\\") && lines[i + 1]) {
            g_string_truncate(line, line->len - 1);
            g_string_append_printf(line, " %s", g_strstrip(lines[++i]));
        }
        g_ptr_array_add(joined, g_string_free(line, FALSE));
    }
    /* An empty value is one empty line: it resets a list. */
    if (joined->len == 0)
        g_ptr_array_add(joined, g_strdup(""));
    g_ptr_array_add(joined, NULL);
    return (char **)g_ptr_array_free(joined, FALSE);
}

static int read_option(Settings *settings, const char *option)
{
    const UnitSettingKind *kind = unit_setting_find(option + strlen(UNIT_SETTING_PREFIX));
    g_autofree char *text = NULL;

    int r = check_kind(settings, option, kind);
    if (r == 0)
        r = config_reader_get(settings->reader, settings->section, option, NULL, settings->names, &text);
    if (r < 0)
        return r;
    g_auto(GStrv) lines = split_lines(text);
    for (size_t i = 0; r == 0 && lines[i]; i++)
        r = add_line(settings, option, kind, lines[i]);
    return r;
}

static int read_section(Settings *settings, const IniSection *section, const IniSection *nearer)
{
    int r = 0;

    for (unsigned i = 0; section && r == 0 && i < section->options->len; i++) {
        const IniOption *option = g_ptr_array_index(section->options, i);
        bool hidden = nearer && g_hash_table_contains(nearer->index, option->name);
        if (!hidden && option_is_systemd(settings->section, option->name))
            r = read_option(settings, option->name);
    }
    return r;
}

int config_setting_read(ConfigReader *reader, const char *section, const ExpandMapping *names,
                        ProcessConfig *process)
{
    const IniSection *own = ini_document_find(reader->document, section);
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(UnitSetting));
    Settings settings = {
        .reader = reader, .section = section, .names = names, .program = process->kind, .list = list};

    int r = read_section(&settings, ini_document_defaults(reader->document), own);
    if (r == 0)
        r = read_section(&settings, own, NULL);
    if (r < 0 || list->len == 0)
        return r;
    UnitSetting *kept = config_allocate(reader->config, list->len * sizeof(UnitSetting));
    memcpy(kept, list->data, list->len * sizeof(UnitSetting));
    process->settings = kept;
    process->setting_count = list->len;
    return 0;
}

/* Values: systemd looks at them itself */

typedef struct Check {
    ConfigReader *reader;
    GPtrArray *texts;     /* each text once */
    GPtrArray *processes; /* one of those that have it */
    GHashTable *seen;
    bool failed;
} Check;

static void collect(Check *check, const ProcessConfig *process)
{
    if (process->setting_count == 0)
        return;
    char *text = dropin_probe(process);
    if (g_hash_table_contains(check->seen, text)) {
        g_free(text);
        return;
    }
    g_hash_table_add(check->seen, text);
    g_ptr_array_add(check->texts, text);
    g_ptr_array_add(check->processes, (void *)process);
}

static void tell(size_t text, unsigned line, const char *message, void *userdata)
{
    Check *check = userdata;
    const ProcessConfig *process = g_ptr_array_index(check->processes, text);
    const UnitSetting *setting = dropin_probe_line(process, line);
    /* systemd would go on without it: we do not. */
    g_auto(GStrv) parts = g_strsplit(message, ", ignoring", 2);
    g_autofree char *plain = g_strjoinv("", parts);

    if (!setting)
        return;
    /* It was right when it was written: an upgrade of systemd must not keep the daemon from starting. */
    if (strstr(message, "has been removed and it is ignored")) {
        config_reader_note(check->reader, SEVERITY_WARNING, process->section, setting->option, "%s", message);
        return;
    }
    check->failed = true;
    (void)config_reader_fail(check->reader, process->section, setting->option, "%s=%s: %s",
                             setting->kind->name, setting->value, plain);
}

static void collect_all(Check *check)
{
    for (size_t i = 0; i < config_group_count(check->reader->config); i++) {
        const GroupConfig *group = config_group(check->reader->config, i);
        for (size_t j = 0; j < group->process_count; j++)
            collect(check, group->processes[j]);
    }
}

int config_setting_check_all(ConfigReader *reader)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new(), processes = g_ptr_array_new();
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Check check = {.reader = reader, .texts = texts, .processes = processes, .seen = seen};

    if (!reader->host->read_units)
        return 0;
    collect_all(&check);
    if (texts->len == 0)
        return 0;
    g_ptr_array_add(texts, NULL);
    int r = reader->host->read_units((char *const *)texts->pdata, reader->host->uid != 0, tell, &check);
    if (r < 0)
        diagnostics_add(reader->diagnostics, SEVERITY_WARNING, reader->path, 0, NULL,
                        "systemd-analyze could not look at the values of systemd.* options: %s",
                        g_strerror(-r));
    return check.failed ? -EINVAL : 0;
}
