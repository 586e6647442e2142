#include "bridge/web_status.h"

#include <string.h>
#include <time.h>

#include "bridge/html.h"
#include "bridge/process_description.h"
#include "bridge/web_action.h"
#include "bridge/web_asset.h"
#include "bridge/web_text.h"
#include "build_config.h"

/* One process as the page shows it. */
typedef struct Row {
    const Instance *instance;
    ProcessState state;
    char *word; /* "running" */
    char *description;
    char *memory;
    char *cpu;
    char *restarts;
    uint64_t cpu_usec;
} Row;

static void row_clear(Row *row)
{
    g_free(row->word);
    g_free(row->description);
    g_free(row->memory);
    g_free(row->cpu);
    g_free(row->restarts);
}

static AccountingUnit unit_of(const Instance *instance)
{
    return (AccountingUnit){instance_unit(instance), instance_pid(instance)};
}

AccountingUnit *web_status_units(const Manager *manager, size_t *ret_count)
{
    g_autoptr(GPtrArray) instances = manager_instances(manager, ORDER_LEXICAL);
    AccountingUnit *units = g_new(AccountingUnit, instances->len + 1);

    for (unsigned i = 0; i < instances->len; i++)
        units[i] = unit_of(g_ptr_array_index(instances, i));
    *ret_count = instances->len;
    return units;
}

static char *describe(const Instance *instance)
{
    return process_description(&(ProcessFacts){
        .name = instance_name(instance),
        .state = instance_state(instance),
        .pid = (int)instance_pid(instance),
        .start = (int64_t)instance_laststart(instance),
        .stop = (int64_t)instance_laststop(instance),
        .now = (int64_t)time(NULL),
        .spawnerr = instance_spawnerr(instance),
    });
}

static void row_fill(Row *row, const WebStatus *status, const Instance *instance)
{
    AccountingUnit unit = unit_of(instance);
    AccountingUsage usage = accounting_usage(status->accounting, &unit);

    row->instance = instance;
    row->state = instance_state(instance);
    row->word = g_ascii_strdown(process_state_name(row->state), -1);
    row->description = describe(instance);
    row->memory = usage.has_memory ? web_text_bytes(usage.memory) : g_strdup("");
    row->cpu = usage.has_cpu ? web_text_duration(usage.cpu_usec) : g_strdup("");
    row->cpu_usec = usage.cpu_usec;
    row->restarts = g_strdup_printf("%u", instance_restarts(instance));
}

/* --- searching --- */

/* Every word of the query must be in the process's name or its state. The page's script does the same. */
static bool matches(const Row *row, const char *query)
{
    if (!*query)
        return true;
    g_autofree char *text = g_strconcat(instance_namespec(row->instance), " ", row->word, NULL);
    g_autofree char *lower = g_ascii_strdown(text, -1);
    g_autofree char *wanted = g_ascii_strdown(query, -1);
    g_auto(GStrv) words = g_strsplit_set(wanted, " \t", -1);

    for (char **word = words; *word; word++) {
        if (!strstr(lower, *word))
            return false;
    }
    return true;
}

/* --- rows --- */

static bool can_start(ProcessState state)
{
    return process_state_is_stopped(state) && state != PROCESS_UNKNOWN;
}

static bool can_stop(ProcessState state)
{
    return process_state_is_running(state);
}

static const char *hidden_unless(bool shown)
{
    return shown ? "" : " hidden";
}

/* What stands before the colon, with it; "" for a program outside groups. */
static char *prefix_of(const Instance *instance)
{
    const char *namespec = instance_namespec(instance);
    size_t length = strlen(namespec), own = strlen(instance_name(instance));

    return g_strndup(namespec, length > own ? length - own : 0);
}

static void append_row(GString *out, const char *template, const WebStatus *status, const Row *row)
{
    const char *name = instance_namespec(row->instance);
    g_autofree char *quoted = html_quote(name);
    g_autofree char *prefix = prefix_of(row->instance);
    const HtmlField fields[] = {
        {"name", name},
        {"quoted", quoted},
        {"prefix", prefix},
        {"process", instance_name(row->instance)},
        {"state", row->word},
        {"description", row->description},
        {"memory", row->memory},
        {"cpu", row->cpu},
        {"restarts", row->restarts},
        {"hide_start", hidden_unless(can_start(row->state))},
        {"hide_restart", hidden_unless(row->state == PROCESS_RUNNING)},
        {"hide_stop", hidden_unless(can_stop(row->state))},
        {"hide_row", hidden_unless(matches(row, status->query))},
        {NULL, NULL},
    };

    html_render(out, template, fields);
}

/* --- sections: programs outside groups first, then each group --- */

/* Its only process has its name: a [program:x] that nobody put into a group. */
static bool is_single(const Instance *instance)
{
    return strcmp(instance_namespec(instance), instance_name(instance)) == 0;
}

typedef struct Section {
    const char *group; /* NULL: the programs outside groups */
    const Row *rows;
    size_t count;
} Section;

static void append_heading(GString *out, const Section *section)
{
    const char *name = section->group ? section->group : "Programs";
    size_t running = 0;

    for (size_t i = 0; i < section->count; i++)
        running += section->rows[i].state == PROCESS_RUNNING;
    g_autofree char *count = g_strdup_printf("%zu of %zu running", running, section->count);
    const HtmlField fields[] = {
        {"group", name}, {"count", count}, {"hide", hidden_unless(section->group)}, {NULL, NULL}};
    html_render(out, web_asset_template("group.html"), fields);
}

static void append_section(GString *out, const WebStatus *status, const Section *section)
{
    const char *template = web_asset_template("row.html");
    bool shown = false;

    if (section->count == 0)
        return;
    for (size_t i = 0; i < section->count && !shown; i++)
        shown = matches(&section->rows[i], status->query);
    g_string_append_printf(out, "<tbody%s>\n", hidden_unless(shown));
    append_heading(out, section);
    for (size_t i = 0; i < section->count; i++)
        append_row(out, template, status, &section->rows[i]);
    g_string_append(out, "</tbody>\n");
}

static int compare_rows(const void *a, const void *b)
{
    const Row *left = a, *right = b;

    return (int)is_single(right->instance) - (int)is_single(left->instance);
}

static const char *section_name(const Row *row)
{
    return is_single(row->instance) ? NULL : group_name(instance_group(row->instance));
}

static GArray *make_rows(const WebStatus *status)
{
    g_autoptr(GPtrArray) instances = manager_instances(status->manager, ORDER_LEXICAL);
    GArray *rows = g_array_sized_new(FALSE, TRUE, sizeof(Row), instances->len);

    g_array_set_clear_func(rows, (GDestroyNotify)row_clear);
    g_array_set_size(rows, instances->len);
    for (unsigned i = 0; i < instances->len; i++)
        row_fill(&g_array_index(rows, Row, i), status, g_ptr_array_index(instances, i));
    /* Stable. */
    g_array_sort(rows, compare_rows);
    return rows;
}

static void append_sections(GString *out, const WebStatus *status, const GArray *rows)
{
    for (unsigned begin = 0, end; begin < rows->len; begin = end) {
        const Row *first = &g_array_index(rows, Row, begin);
        const char *group = section_name(first);
        for (end = begin + 1; end < rows->len; end++) {
            if (g_strcmp0(section_name(&g_array_index(rows, Row, end)), group) != 0)
                break;
        }
        append_section(out, status, &(Section){group, first, end - begin});
    }
}

/* --- the page --- */

static const ProcessState shown_states[] = {PROCESS_RUNNING, PROCESS_STARTING, PROCESS_BACKOFF,
                                            PROCESS_FATAL,   PROCESS_STOPPING, PROCESS_STOPPED,
                                            PROCESS_EXITED,  PROCESS_UNKNOWN};

static void append_chip(GString *out, const char *query, const char *word, size_t count, bool current)
{
    g_string_append_printf(out,
                           "<a class=\"chip %s\" href=\"./%s%s\" data-state=\"%s\"%s%s><b>%zu</b> %s</a>\n",
                           word, *query ? "?q=" : "", query, query, current ? " aria-current=\"true\"" : "",
                           hidden_unless(count > 0 || !*query), count, *query ? word : "in all");
}

static GString *make_chips(const WebStatus *status, const GArray *rows)
{
    GString *out = g_string_new(NULL);

    append_chip(out, "", "all", rows->len, !*status->query);
    for (size_t i = 0; i < G_N_ELEMENTS(shown_states); i++) {
        g_autofree char *word = g_ascii_strdown(process_state_name(shown_states[i]), -1);
        size_t count = 0;
        for (unsigned j = 0; j < rows->len; j++)
            count += g_array_index(rows, Row, j).state == shown_states[i];
        append_chip(out, word, word, count, strcmp(status->query, word) == 0);
    }
    return out;
}

/* What went wrong looks like it. The page's script knows the same words. */
static bool is_problem(const char *message)
{
    static const char *const words[] = {"ERROR", "unexpected", "No such", "Could not"};

    for (size_t i = 0; message && i < G_N_ELEMENTS(words); i++) {
        if (g_str_has_prefix(message, words[i]))
            return true;
    }
    return false;
}

GString *web_status_page(const WebStatus *status)
{
    g_autoptr(GArray) rows = make_rows(status);
    g_autoptr(GString) sections = g_string_new(NULL);
    g_autoptr(GString) chips = make_chips(status, rows);
    GString *page = g_string_new(NULL);

    append_sections(sections, status, rows);
    const HtmlField fields[] = {
        {"identifier", manager_identifier(status->manager)},
        {"host", g_get_host_name()},
        {"version", SUPERSEDE_VERSION},
        {"supervisor", SUPERVISOR_VERSION},
        {"assets", web_asset_version},
        {"token", status->token},
        {"query", status->query},
        {"message", status->message},
        {"message_kind", is_problem(status->message) ? " problem" : ""},
        {"hide_message", hidden_unless(status->message)},
        {"hide_none", hidden_unless(rows->len == 0)},
        {"hide_table", hidden_unless(rows->len > 0)},
        {"chips", chips->str},
        {"sections", sections->str},
        {NULL, NULL},
    };
    html_render(page, web_asset_template("status.html"), fields);
    return page;
}

static void append_json_row(GString *out, const Row *row)
{
    const char *texts[] = {
        instance_namespec(row->instance), row->word, row->description, row->memory, row->cpu, row->restarts};

    g_string_append_c(out, '[');
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        web_text_append_json(out, texts[i]);
        g_string_append_c(out, ',');
    }
    g_string_append_printf(out, "%" G_GUINT64_FORMAT "]", row->cpu_usec);
}

GString *web_status_json(const WebStatus *status)
{
    g_autoptr(GArray) rows = make_rows(status);
    GString *out = g_string_new("{\"token\":");

    web_text_append_json(out, status->token);
    g_string_append(out, ",\"assets\":");
    web_text_append_json(out, web_asset_version);
    g_string_append_printf(out, ",\"at\":%" G_GINT64_FORMAT ",\"processes\":[",
                           (gint64)accounting_time(status->accounting));
    for (unsigned i = 0; i < rows->len; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        append_json_row(out, &g_array_index(rows, Row, i));
    }
    g_string_append(out, "]}");
    return out;
}
