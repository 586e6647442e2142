#include "bridge/web_tail.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/html.h"
#include "bridge/rpc_call.h"
#include "bridge/web_asset.h"
#include "common/fault.h"

enum {
    LEAST = 1024, /* of the oracle */
    MOST = 1 << 20,
};

/* The oracle takes nothing but digits, and at least LEAST. */
static int64_t limit_of(const char *text)
{
    size_t digits = text ? strspn(text, "0123456789") : 0;

    if (digits == 0 || text[digits] != '\0')
        return LEAST;
    return (int64_t)CLAMP(g_ascii_strtoull(text, NULL, 10), LEAST, MOST);
}

typedef struct Log {
    const char *name;
    char *text;
    char *problem;
} Log;

static void on_read(GVariant *value, int fault, const char *text, void *userdata)
{
    Log *log = userdata;

    if (value)
        log->text = g_variant_dup_string(value, NULL);
    else if (fault == FAULT_NO_FILE)
        log->problem = g_strdup_printf("No file for %s", log->name);
    else
        log->problem = g_strdup_printf("ERROR: unexpected rpc fault [%d] %s", fault, text);
}

static void add(GPtrArray *arguments, GVariant *value)
{
    g_ptr_array_add(arguments, g_variant_ref_sink(value));
}

/* The method that clients use: it answers at once. */
static void read_log(const WebTail *tail, bool is_stderr, int64_t limit, Log *log)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);
    const char *method = is_stderr ? "supervisor.readProcessStderrLog" : "supervisor.readProcessStdoutLog";

    log->name = tail->name;
    if (!tail->name || !*tail->name || !g_utf8_validate(tail->name, -1, NULL)) {
        log->problem = g_strdup("No process name found");
        return;
    }
    add(arguments, g_variant_new_string(tail->name));
    add(arguments, g_variant_new_int32((gint32)-limit));
    add(arguments, g_variant_new_int32(0));
    rpc_call_run(rpc_call_new(tail->manager, method, arguments, false, on_read, log));
}

/* Links to more and less of it. */
static char *make_sizes(const char *quoted, bool is_stderr, int64_t current)
{
    static const struct {
        int64_t size;
        const char *label;
    } sizes[] = {{LEAST, "1 KiB"}, {16 << 10, "16 KiB"}, {128 << 10, "128 KiB"}, {MOST, "1 MiB"}};
    GString *out = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
        g_string_append_printf(
            out, "<a class=\"chip\" href=\"tail.html?processname=%s%s&amp;limit=%d\"%s>%s</a>\n", quoted,
            is_stderr ? "&amp;stream=stderr" : "", (int)sizes[i].size,
            sizes[i].size == current ? " aria-current=\"true\"" : "", sizes[i].label);
    return g_string_free(out, FALSE);
}

GString *web_tail_page(const WebTail *tail)
{
    bool is_stderr = g_strcmp0(tail->stream, "stderr") == 0;
    int64_t limit = limit_of(tail->limit);
    Log log = {0};
    GString *page = g_string_new(NULL);

    read_log(tail, is_stderr, limit, &log);
    g_autofree char *owned_text = log.text;
    g_autofree char *owned_problem = log.problem;
    g_autofree char *quoted = html_quote(tail->name ? tail->name : "");
    g_autofree char *sizes = make_sizes(quoted, is_stderr, limit);
    g_autofree char *number = g_strdup_printf("%d", (int)limit);
    const HtmlField fields[] = {
        {"assets", web_asset_version},
        {"identifier", manager_identifier(tail->manager)},
        {"name", tail->name ? tail->name : "None"},
        {"quoted", quoted},
        {"limit", number},
        {"sizes", sizes},
        {"stream", is_stderr ? "stderr" : "stdout"},
        {"stderr_query", is_stderr ? "&stream=stderr" : ""},
        {"stderr_path", is_stderr ? "/stderr" : ""},
        {"stdout_current", is_stderr ? "" : " aria-current=\"true\""},
        {"stderr_current", is_stderr ? " aria-current=\"true\"" : ""},
        {"text", owned_problem ? owned_problem : owned_text},
        {"problem", owned_problem ? " problem" : ""},
        {"hide_links", owned_problem && !tail->name ? " hidden" : ""},
        {NULL, NULL},
    };
    html_render(page, web_asset_template("tail.html"), fields);
    return page;
}
