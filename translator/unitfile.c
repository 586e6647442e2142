#include "translator/unitfile.h"

#include <signal.h>
#include <string.h>

#include "common/signal_name.h"

/* Where a list of exit codes is continued on the next line. */
#define LINE_WIDTH  100
#define NO_WRAPPING G_MAXSIZE

/* Properties that belong into [Unit]; all others stand in the section of the unit's type. */
static const char *const unit_section[] = {
    "After",
    "Before",
    "BindsTo",
    "CollectMode",
    "Conflicts",
    "DefaultDependencies",
    "Description",
    "Documentation",
    "PartOf",
    "IgnoreOnIsolate",
    "RefuseManualStart",
    "RefuseManualStop",
    "Requires",
    "RequiresMountsFor",
    "Requisite",
    "StartLimitIntervalUSec",
    "StartLimitBurst",
    "StopWhenUnneeded",
    "Wants",
    NULL,
};

static const struct {
    const char *suffix, *section;
} type_sections[] = {
    {".service", "Service"}, {".scope", "Scope"}, {".slice", "Slice"},
    {".socket", "Socket"},   {".target", NULL},
};

static const char *type_section(const char *unit)
{
    for (size_t i = 0; i < G_N_ELEMENTS(type_sections); i++) {
        if (g_str_has_suffix(unit, type_sections[i].suffix))
            return type_sections[i].section;
    }
    return NULL;
}

/* D-Bus speaks of microseconds, unit files of seconds: RestartUSec is RestartSec=. */
static void append_key(GString *out, const char *name)
{
    size_t length = strlen(name);

    if (g_str_has_suffix(name, "USec"))
        g_string_append_printf(out, "%.*sSec=", (int)(length - strlen("USec")), name);
    else if (strcmp(name, "Listen") == 0)
        g_string_append(out, "ListenStream=");
    else
        g_string_append_printf(out, "%s=", name);
}

/* A value that systemd does not unquote. A line break would end it and a backslash at its end would join the
 * next line to it; neither can be written, so the one becomes a space and the other gets one behind it, which
 * systemd strips. */
static void append_plain(GString *out, const char *value)
{
    for (const char *p = value; *p; p++) {
        if (*p == '%')
            g_string_append(out, "%%");
        else
            g_string_append_c(out, g_ascii_iscntrl(*p) ? ' ' : *p);
    }
    if (g_str_has_suffix(value, "\\"))
        g_string_append_c(out, ' ');
}

static bool needs_quotes(const char *word)
{
    if (!*word || strchr(";#", *word))
        return true;
    for (const char *p = word; *p; p++) {
        if ((unsigned char)*p <= ' ' || strchr("\"'\\\177", *p))
            return true;
    }
    return !g_utf8_validate(word, -1, NULL);
}

static void append_escaped_char(GString *out, const char *p, bool dollar)
{
    if (*p == '"' || *p == '\\')
        g_string_append_printf(out, "\\%c", *p);
    else if (*p == '\n')
        g_string_append(out, "\\n");
    else if (*p == '\t')
        g_string_append(out, "\\t");
    else if (g_ascii_iscntrl(*p) || (unsigned char)*p >= 0x80)
        g_string_append_printf(out, "\\x%02x", (unsigned char)*p);
    else if (*p == '%' || (*p == '$' && dollar))
        g_string_append_printf(out, "%c%c", *p, *p);
    else
        g_string_append_c(out, *p);
}

/* One word of a value that systemd splits. `dollar`: it also expands variables in it. A unit file must be
 * UTF-8, so bytes that are not are written as escapes; valid characters stay as they are. */
static void append_word(GString *out, const char *word, bool dollar)
{
    const char *quote = needs_quotes(word) ? "\"" : "";

    g_string_append(out, quote);
    for (const char *p = word; *p;) {
        gunichar character = g_utf8_get_char_validated(p, -1);
        size_t length = 1;
        if ((unsigned char)*p >= 0x80 && character != (gunichar)-1 && character != (gunichar)-2) {
            length = (size_t)(g_utf8_next_char(p) - p);
            g_string_append_len(out, p, (gssize)length);
        } else {
            append_escaped_char(out, p, dollar);
        }
        p += length;
    }
    g_string_append(out, quote);
}

static void append_words(GString *out, char *const *words)
{
    for (size_t i = 0; words[i]; i++) {
        if (i > 0)
            g_string_append_c(out, ' ');
        append_word(out, words[i], false);
    }
}

/* Variables are expanded in arguments, but not in the path of the program. */
static void append_command(GString *out, const Property *property)
{
    char *const *argv = property->value.command.argv;

    if (property->value.command.ignore_failure)
        g_string_append_c(out, '-');
    append_word(out, argv[0], false);
    for (size_t i = 1; argv[0] && argv[i]; i++) {
        g_string_append_c(out, ' ');
        append_word(out, argv[i], true);
    }
}

static void append_signal(GString *out, int32_t number)
{
    /* Supervisor shows SIGPOLL, the one of two names that systemd does not know. */
    const char *name = number == SIGIO ? "SIGIO" : signal_name(number);

    if (name)
        g_string_append(out, name);
    else if (number > SIGRTMIN && number < SIGRTMAX)
        g_string_append_printf(out, "SIGRTMIN+%d", number - SIGRTMIN);
    else
        g_string_append_printf(out, "%d", number);
}

/* A blank before the next word of a list, or a new line when the current one is full. */
static void append_separator(GString *out, size_t width)
{
    const char *line = strrchr(out->str, '\n');

    if (out->len - (line ? (size_t)(line + 1 - out->str) : 0) > width)
        g_string_append(out, " \\\n   ");
    if (out->str[out->len - 1] != '=')
        g_string_append_c(out, ' ');
}

static void append_exit_status_set(GString *out, const Property *property, size_t width)
{
    for (size_t i = 0; i < property->value.exit_status_set.code_count; i++) {
        append_separator(out, width);
        g_string_append_printf(out, "%d", property->value.exit_status_set.codes[i]);
    }
    for (size_t i = 0; i < property->value.exit_status_set.signal_count; i++) {
        append_separator(out, width);
        append_signal(out, property->value.exit_status_set.signals[i]);
    }
}

static void append_uint64(GString *out, const char *name, uint64_t value)
{
    if (value == UINT64_MAX)
        g_string_append(out, "infinity");
    else if (!g_str_has_suffix(name, "USec") || value == 0)
        g_string_append_printf(out, "%" G_GUINT64_FORMAT, value);
    else if (value % G_USEC_PER_SEC == 0)
        g_string_append_printf(out, "%" G_GUINT64_FORMAT "s", value / G_USEC_PER_SEC);
    else
        g_string_append_printf(out, "%" G_GUINT64_FORMAT "us", value);
}

static bool is_mode(const char *name)
{
    return strcmp(name, "UMask") == 0 || strcmp(name, "SocketMode") == 0;
}

static void append_value(GString *out, const Property *property, size_t width)
{
    switch (property->kind) {
    case PROPERTY_STRING:
    case PROPERTY_LISTEN:
        append_plain(out, property->value.string);
        break;
    case PROPERTY_BOOLEAN:
        g_string_append(out, property->value.boolean ? "yes" : "no");
        break;
    case PROPERTY_INT32:
        if (g_str_has_suffix(property->name, "Signal"))
            append_signal(out, property->value.int32);
        else
            g_string_append_printf(out, "%d", property->value.int32);
        break;
    case PROPERTY_UINT32:
        g_string_append_printf(out, is_mode(property->name) ? "%04o" : "%u", property->value.uint32);
        break;
    case PROPERTY_UINT64:
        append_uint64(out, property->name, property->value.uint64);
        break;
    case PROPERTY_STRING_LIST:
        append_words(out, property->value.string_list);
        break;
    case PROPERTY_UINT32_LIST:
        for (size_t i = 0; i < property->value.uint32_list.count; i++)
            g_string_append_printf(out, "%s%u", i > 0 ? " " : "", property->value.uint32_list.numbers[i]);
        break;
    case PROPERTY_COMMAND:
        append_command(out, property);
        break;
    case PROPERTY_EXIT_STATUS_SET:
        append_exit_status_set(out, property, width);
        break;
    }
}

static bool has_signal(const Property *property, int32_t number)
{
    for (size_t i = 0; i < property->value.exit_status_set.signal_count; i++) {
        if (property->value.exit_status_set.signals[i] == number)
            return true;
    }
    return false;
}

/* Of each exit code, which are twenty lines in a unit file: systemd knows no ranges here. */
static bool is_of_every_code(const Property *property)
{
    return property->kind == PROPERTY_EXIT_STATUS_SET &&
           property->value.exit_status_set.code_count > UINT8_MAX;
}

static void append_every_code(GString *out, const Property *property)
{
    g_string_append_printf(out, "# %s= lists every exit code and every signal", property->name);
    for (int32_t number = 1; number <= SIGRTMAX; number++) {
        /* glibc keeps the numbers between to itself. */
        if ((number <= SIGSYS || number >= SIGRTMIN) && !has_signal(property, number)) {
            g_string_append(out, " but ");
            append_signal(out, number);
        }
    }
}

static void append_section(GString *out, const char *section, const PropertyList *properties, bool of_unit,
                           bool brief)
{
    g_autoptr(GString) lines = g_string_new(NULL);

    for (size_t i = 0; i < property_list_count(properties); i++) {
        const Property *property = property_list_get(properties, i);
        if (g_strv_contains(unit_section, property->name) != of_unit)
            continue;
        if (brief && is_of_every_code(property)) {
            append_every_code(lines, property);
        } else {
            append_key(lines, property->name);
            append_value(lines, property, LINE_WIDTH);
        }
        g_string_append_c(lines, '\n');
    }
    if (lines->len > 0)
        g_string_append_printf(out, "%s[%s]\n%s", out->len > 0 ? "\n" : "", section, lines->str);
}

static char *format(const char *unit, const PropertyList *properties, bool brief)
{
    GString *out = g_string_new(NULL);
    const char *section = type_section(unit);

    append_section(out, "Unit", properties, true, brief);
    if (section)
        append_section(out, section, properties, false, brief);
    return g_string_free(out, FALSE);
}

char *unitfile_format(const char *unit, const PropertyList *properties)
{
    return format(unit, properties, false);
}

char *unitfile_format_brief(const char *unit, const PropertyList *properties)
{
    return format(unit, properties, true);
}

char *unitfile_format_property(const Property *property)
{
    GString *out = g_string_new(NULL);

    append_key(out, property->name);
    append_value(out, property, NO_WRAPPING);
    return g_string_free(out, FALSE);
}
