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

struct WebTail {
    Manager *manager;
    char *name; /* NULL: none was given */
    bool is_stderr;
    int64_t limit;
    WebTailDone done;
    void *userdata;
    RpcCall *call;
    bool starting; /* web_tail_read() is on the stack */
    bool finished;
};

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

static GString *make_page(const WebTail *tail, const char *text, bool is_problem)
{
    GString *page = g_string_new(NULL);
    g_autofree char *quoted = html_quote(tail->name ? tail->name : "");
    g_autofree char *sizes = make_sizes(quoted, tail->is_stderr, tail->limit);
    g_autofree char *number = g_strdup_printf("%d", (int)tail->limit);
    const HtmlField fields[] = {
        {"assets", web_asset_version},
        {"identifier", manager_identifier(tail->manager)},
        {"name", tail->name ? tail->name : "None"},
        {"quoted", quoted},
        {"limit", number},
        {"sizes", sizes},
        {"stream", tail->is_stderr ? "stderr" : "stdout"},
        {"stderr_query", tail->is_stderr ? "&stream=stderr" : ""},
        {"stderr_path", tail->is_stderr ? "/stderr" : ""},
        {"stdout_current", tail->is_stderr ? "" : " aria-current=\"true\""},
        {"stderr_current", tail->is_stderr ? " aria-current=\"true\"" : ""},
        {"text", text},
        {"problem", is_problem ? " problem" : ""},
        {"hide_links", tail->name ? "" : " hidden"},
        {NULL, NULL},
    };

    html_render(page, web_asset_template("tail.html"), fields);
    return page;
}

static void tail_free(WebTail *tail)
{
    g_free(tail->name);
    g_free(tail);
}

static void finish(WebTail *tail, const char *text, bool is_problem)
{
    g_autoptr(GString) page = make_page(tail, text, is_problem);

    tail->finished = true;
    tail->done(page, tail->userdata);
    if (!tail->starting)
        tail_free(tail);
}

static void on_read(GVariant *value, int fault, const char *text, void *userdata)
{
    WebTail *tail = userdata;
    g_autofree char *problem = NULL;

    tail->call = NULL;
    if (value) {
        finish(tail, g_variant_get_string(value, NULL), false);
        return;
    }
    if (fault == FAULT_NO_FILE)
        problem = g_strdup_printf("No file for %s", tail->name);
    else
        problem = g_strdup_printf("ERROR: unexpected rpc fault [%d] %s", fault, text);
    finish(tail, problem, true);
}

static void add(GPtrArray *arguments, GVariant *value)
{
    g_ptr_array_add(arguments, g_variant_ref_sink(value));
}

/* The method that clients use. */
static void begin(WebTail *tail)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);
    const char *method =
        tail->is_stderr ? "supervisor.readProcessStderrLog" : "supervisor.readProcessStdoutLog";

    if (!tail->name || !*tail->name || !g_utf8_validate(tail->name, -1, NULL)) {
        finish(tail, "No process name found", true);
        return;
    }
    add(arguments, g_variant_new_string(tail->name));
    add(arguments, g_variant_new_int32((gint32)-tail->limit));
    add(arguments, g_variant_new_int32(0));
    tail->call = rpc_call_new(tail->manager, method, arguments, false, on_read, tail);
    rpc_call_run(tail->call);
}

WebTail *web_tail_read(Manager *manager, const WebTailWish *wish, WebTailDone done, void *userdata)
{
    WebTail *tail = g_new0(WebTail, 1);

    tail->manager = manager;
    tail->name = g_strdup(wish->name);
    tail->is_stderr = g_strcmp0(wish->stream, "stderr") == 0;
    tail->limit = limit_of(wish->limit);
    tail->done = done;
    tail->userdata = userdata;
    tail->starting = true;
    begin(tail);
    tail->starting = false;
    if (!tail->finished)
        return tail;
    tail_free(tail);
    return NULL;
}

void web_tail_cancel(WebTail *tail)
{
    if (!tail)
        return;
    if (tail->call)
        rpc_call_cancel(tail->call);
    tail_free(tail);
}
