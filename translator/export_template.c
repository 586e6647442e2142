#include "translator/export_template.h"

#include <string.h>

/* Digits of a number that is written with zeros before it; nobody counts further. */
#define WIDEST 6

static void environment_free(void *data)
{
    ExportEnvironment *environment = data;

    g_free(environment->name);
    g_free(environment->text);
    g_free(environment);
}

static void unit_free(void *data)
{
    export_unit_free(data);
}

static ExportBatch batch_new(void)
{
    return (ExportBatch){.units = g_ptr_array_new_with_free_func(unit_free),
                         .instances = g_ptr_array_new_with_free_func(g_free),
                         .files = g_ptr_array_new_with_free_func(environment_free)};
}

void export_batch_clear(ExportBatch *batch)
{
    g_ptr_array_unref(batch->units);
    g_ptr_array_unref(batch->instances);
    g_ptr_array_unref(batch->files);
}

static void set_name(ExportUnit *unit, const char *name)
{
    g_free(unit->name);
    unit->name = g_strdup(name);
}

/* Environment files */

/* The shell's escapes within double quotes, which systemd reads in these files. */
static char *environment_text(const ExportUnit *unit)
{
    GString *out = g_string_new(NULL);

    for (size_t i = 0; i < unit->variables->len; i++) {
        const char *text = unit->variables->pdata[i], *value = strchr(text, '=') + 1;
        g_string_append_len(out, text, value - text);
        g_string_append_c(out, '"');
        for (const char *p = value; *p; p++) {
            if (strchr("\"\\`$", *p))
                g_string_append_c(out, '\\');
            g_string_append_c(out, *p);
        }
        g_string_append(out, "\"\n");
    }
    return g_string_free(out, FALSE);
}

static void add_file(ExportBatch *batch, const char *stem, const ExportUnit *unit)
{
    ExportEnvironment *environment = g_new0(ExportEnvironment, 1);

    environment->name = g_strconcat(stem, ".env", NULL);
    environment->text = environment_text(unit);
    g_ptr_array_add(batch->files, environment);
}

/* `stem` may hold %i. */
static void refer_to_file(ExportUnit *unit, const char *directory, const char *stem)
{
    g_auto(GStrv) parts = g_strsplit(directory, "%", -1);
    g_autofree char *escaped = g_strjoinv("%%", parts);

    export_unit_add_format(unit, "Service", "EnvironmentFile", "%s/%s.env", escaped, stem);
    export_unit_comment(unit, "What looks secret stands in a file that only its owner may read.");
}

static bool same_variables(const ExportUnit *a, const ExportUnit *b)
{
    g_autofree char *left = environment_text(a), *right = environment_text(b);

    return strcmp(left, right) == 0;
}

static void separate(ExportBatch *batch, const char *stem, const char *directory, ExportUnit *unit)
{
    g_autofree char *name = g_strconcat(stem, ".service", NULL);

    if (unit->variables->len > 0) {
        add_file(batch, stem, unit);
        refer_to_file(unit, directory, stem);
    }
    set_name(unit, name);
    g_ptr_array_add(batch->units, unit);
    g_ptr_array_add(batch->instances, g_strdup(name));
}

/* Finding %i */

static char *instance_name(int64_t number, unsigned width)
{
    return g_strdup_printf("%0*" G_GINT64_FORMAT, (int)width, number);
}

/* Inside an escape (\x0…) a digit is none of the number's. */
static bool in_escape(const char *text, const char *at)
{
    for (const char *p = at; p > text && at - p < 3;) {
        if (*--p == '\\')
            return true;
    }
    return false;
}

/* Where two texts differ by their instances; NULL when they differ by something else. */
static char *find_pattern(const char *a, const char *instance_a, const char *b, const char *instance_b)
{
    size_t length_a = strlen(instance_a), length_b = strlen(instance_b);
    g_autoptr(GString) out = g_string_new(NULL);
    const char *start = a;

    while (*a || *b) {
        if (strncmp(a, instance_a, length_a) == 0 && strncmp(b, instance_b, length_b) == 0 &&
            !in_escape(start, a)) {
            g_string_append(out, "%i");
            a += length_a;
            b += length_b;
        } else if (*a && *a == *b) {
            g_string_append_c(out, *a++);
            b++;
        } else {
            return NULL;
        }
    }
    return g_strdup(out->str);
}

/* In a line every percent sign is doubled, but that of %i. */
static char *fill_pattern(const char *pattern, const char *instance)
{
    GString *out = g_string_new(NULL);

    for (const char *p = pattern; *p; p++) {
        if (*p != '%') {
            g_string_append_c(out, *p);
            continue;
        }
        p++;
        g_string_append(out, *p == 'i' ? instance : "%%");
    }
    return g_string_free(out, FALSE);
}

typedef struct Merger {
    ExportMember *members;
    size_t count;
    char **instances; /* how each is called */
} Merger;

static const char *line_text(const Merger *merger, size_t member, size_t line)
{
    return ((ExportLine *)merger->members[member].unit->lines->pdata[line])->text;
}

static bool is_common(const Merger *merger, size_t line)
{
    for (size_t i = 1; i < merger->count; i++) {
        if (strcmp(line_text(merger, 0, line), line_text(merger, i, line)) != 0)
            return false;
    }
    return true;
}

/* The text of a line with %i in it that is right for every member; NULL when there is none. */
static char *line_pattern(const Merger *merger, size_t line)
{
    g_autofree char *pattern = find_pattern(line_text(merger, 0, line), merger->instances[0],
                                            line_text(merger, 1, line), merger->instances[1]);

    for (size_t i = 0; pattern && i < merger->count; i++) {
        g_autofree char *filled = fill_pattern(pattern, merger->instances[i]);
        if (strcmp(filled, line_text(merger, i, line)) != 0)
            g_clear_pointer(&pattern, g_free);
    }
    return g_steal_pointer(&pattern);
}

static bool same_shape(const Merger *merger)
{
    for (size_t i = 1; i < merger->count; i++) {
        if (merger->members[i].unit->lines->len != merger->members[0].unit->lines->len)
            return false;
    }
    return true;
}

/* The new texts of the lines that differ; NULL when one cannot be written for all. */
static GPtrArray *find_patterns(const Merger *merger)
{
    size_t lines = merger->members[0].unit->lines->len;
    g_autoptr(GPtrArray) patterns = g_ptr_array_new_with_free_func(g_free);

    for (size_t i = 0; i < lines; i++) {
        char *pattern = is_common(merger, i) ? g_strdup(line_text(merger, 0, i)) : line_pattern(merger, i);
        if (!pattern)
            return NULL;
        g_ptr_array_add(patterns, pattern);
    }
    return g_steal_pointer(&patterns);
}

/* The way to write process_num that needs no more than %i: the section's own, then any. */
static GPtrArray *try_widths(Merger *merger, unsigned wanted)
{
    for (unsigned attempt = 0; attempt <= WIDEST + 1; attempt++) {
        unsigned width = attempt == 0 ? wanted : attempt - 1;
        for (size_t i = 0; i < merger->count; i++) {
            g_free(merger->instances[i]);
            merger->instances[i] = instance_name(merger->members[i].process_num, width);
        }
        GPtrArray *patterns = find_patterns(merger);
        if (patterns)
            return patterns;
    }
    return NULL;
}

/* A description names the process; in a template it is the instance. */
static void describe(ExportUnit *unit, const char *base, const char *instance)
{
    ExportLine *line = (ExportLine *)export_unit_find(unit, "Description");

    g_free(line->text);
    line->text = g_strdup_printf("Description=%s %s", base, instance);
}

/* A variable that no pattern fits goes to the file of its instance, where it may be anything. */
static void move_odd_variables(Merger *merger)
{
    for (size_t line = merger->members[0].unit->lines->len; line-- > 0;) {
        const char *text = line_text(merger, 0, line);
        g_autofree char *pattern = NULL;
        if (!g_str_has_prefix(text, "Environment=") || is_common(merger, line) || strpbrk(text, "\"\\%"))
            continue;
        pattern = line_pattern(merger, line);
        for (size_t i = 0; !pattern && i < merger->count; i++) {
            ExportUnit *unit = merger->members[i].unit;
            const char *variable = strchr(line_text(merger, i, line), '=') + 1;
            g_ptr_array_add(unit->variables, g_strdup(variable));
            g_ptr_array_remove_index(unit->lines, (unsigned)line);
        }
    }
}

static void add_environment_files(ExportBatch *batch, const char *base, const char *directory,
                                  const Merger *merger)
{
    bool common = true;

    for (size_t i = 1; i < merger->count; i++)
        common = common && same_variables(merger->members[0].unit, merger->members[i].unit);
    if (common && merger->members[0].unit->variables->len == 0)
        return;
    for (size_t i = 0; i < (common ? 1 : merger->count); i++) {
        g_autofree char *stem = common ? g_strdup(base) : g_strconcat(base, "@", merger->instances[i], NULL);
        add_file(batch, stem, merger->members[i].unit);
    }
    g_autofree char *reference = g_strconcat(base, common ? "" : "@%i", NULL);
    refer_to_file(merger->members[0].unit, directory, reference);
}

static void make_template(ExportBatch *batch, const char *base, const char *directory, const Merger *merger,
                          const GPtrArray *patterns)
{
    ExportUnit *unit = merger->members[0].unit;
    g_autofree char *name = g_strconcat(base, "@.service", NULL);

    for (size_t i = 0; i < patterns->len; i++) {
        ExportLine *line = unit->lines->pdata[i];
        g_free(line->text);
        line->text = g_strdup(patterns->pdata[i]);
    }
    add_environment_files(batch, base, directory, merger);
    set_name(unit, name);
    g_ptr_array_add(batch->units, unit);
    for (size_t i = 0; i < merger->count; i++) {
        g_ptr_array_add(batch->instances, g_strdup_printf("%s@%s.service", base, merger->instances[i]));
        if (i > 0)
            export_unit_free(merger->members[i].unit);
    }
}

static unsigned width_of(const char *format)
{
    return format ? (unsigned)MIN(g_ascii_strtoull(format, NULL, 10), WIDEST) : 0;
}

static void separate_all(ExportBatch *batch, const char *base, const char *directory, const Merger *merger)
{
    for (size_t i = 0; i < merger->count; i++) {
        g_autofree char *stem = g_strdup_printf("%s-%" G_GINT64_FORMAT, base, merger->members[i].process_num);
        describe(merger->members[i].unit, base, strrchr(stem, '-') + 1);
        separate(batch, stem, directory, merger->members[i].unit);
    }
}

ExportBatch export_template_merge(const char *base, const char *directory, ExportMember *members,
                                  size_t count, const char *format)
{
    ExportBatch batch = batch_new();
    if (count == 1) {
        separate(&batch, base, directory, members[0].unit);
        return batch;
    }

    g_auto(GStrv) instances = g_new0(char *, count + 1);
    Merger merger = {.members = members, .count = count, .instances = instances};
    for (size_t i = 0; i < count; i++)
        instances[i] = instance_name(members[i].process_num, width_of(format));
    g_autoptr(GPtrArray) patterns = NULL;
    if (same_shape(&merger)) {
        for (size_t i = 0; i < count; i++)
            describe(members[i].unit, base, "%i");
        move_odd_variables(&merger);
        patterns = try_widths(&merger, width_of(format));
    }
    if (patterns)
        make_template(&batch, base, directory, &merger, patterns);
    else
        separate_all(&batch, base, directory, &merger);
    return batch;
}
