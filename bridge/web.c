#include "bridge/web.h"

#include <string.h>

#include "bridge/accounting.h"
#include "bridge/html.h"
#include "bridge/metrics.h"
#include "bridge/web_action.h"
#include "bridge/web_asset.h"
#include "bridge/web_guard.h"
#include "bridge/web_status.h"
#include "bridge/web_tail.h"
#include "bridge/web_text.h"

#define HTML "text/html;charset=utf-8"
#define JSON "application/json"

/* Of a form; the page's own stay far below. */
enum { FORM_LIMIT = 64 << 10 };

struct Web {
    Manager *manager;
    Accounting *accounting;
    WebGuard *guard;
    GHashTable *visits; /* set of Visit */
};

typedef struct Visit Visit;
/* `message`: what came of an action; NULL where there was none. */
typedef void (*VisitReply)(Visit *visit, const char *message);

/* A request that waits: for figures, or for what it asked to be done. */
struct Visit {
    Web *web;
    HttpRequest *request;
    GHashTable *form; /* of a POST; NULL */
    WebJob *job;
    WebTail *tail;
    char *token;
    VisitReply reply;
};

/* --- answers --- */

/* Nothing but the page's own files and requests, whatever somebody smuggles into a name or a log. The
 * referrer policy is not the strictest, since with that browsers would call the page's own forms foreign. */
#define SAFETY                                                                                               \
    {"Content-Security-Policy",                                                                              \
     "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "         \
     "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},                                         \
        {"X-Content-Type-Options", "nosniff"}, {"X-Frame-Options", "DENY"},                                  \
        {"Referrer-Policy", "same-origin"}, {"Cross-Origin-Resource-Policy", "same-origin"},                 \
    {                                                                                                        \
        "Cross-Origin-Opener-Policy", "same-origin"                                                          \
    }
/* What shows a state is old when it arrives; for HTTP/1.0 as the oracle says it. */
#define FRESH                                                                                                \
    {"Cache-Control", "no-cache"}, {"Pragma", "no-cache"},                                                   \
    {                                                                                                        \
        "Expires", "Thu, 01 Jan 1970 00:00:00 GMT"                                                           \
    }

static void reply(HttpRequest *request, unsigned status, const char *type, const GString *body)
{
    static const HttpHeader headers[] = {SAFETY, FRESH, {NULL, NULL}};

    http_request_reply_with(request, status, type, headers, body->str, body->len);
}

static void reply_text(HttpRequest *request, const char *type, const char *text)
{
    g_autoptr(GString) body = g_string_new(text);

    reply(request, 200, type, body);
}

static void redirect(HttpRequest *request, unsigned status, const char *location)
{
    const HttpHeader headers[] = {{"Location", location}, SAFETY, FRESH, {NULL, NULL}};

    http_request_reply_with(request, status, "text/plain", headers, "", 0);
}

/* As the oracle's last handler does. */
static void reply_nothing_here(HttpRequest *request)
{
    bool reads =
        g_str_equal(http_request_method(request), "GET") || g_str_equal(http_request_method(request), "HEAD");

    http_request_reply_error(request, reads ? 404 : 400);
}

/* --- visits --- */

static Visit *visit_new(Web *web, HttpRequest *request, GHashTable *form)
{
    Visit *visit = g_new0(Visit, 1);

    visit->web = web;
    visit->request = request;
    visit->form = form;
    visit->token = web_guard_token(web->guard, request);
    g_hash_table_add(web->visits, visit);
    return visit;
}

static void visit_free(Visit *visit)
{
    g_hash_table_remove(visit->web->visits, visit);
    accounting_forget(visit->web->accounting, visit);
    web_job_cancel(visit->job);
    web_tail_cancel(visit->tail);
    g_clear_pointer(&visit->form, g_hash_table_unref);
    g_free(visit->token);
    g_free(visit);
}

static void on_abandoned(void *userdata)
{
    visit_free(userdata);
}

/* A value of the form or, if that has none, of the query; NULL. */
static const char *visit_value(const Visit *visit, const char *name)
{
    const char *value = visit->form ? g_hash_table_lookup(visit->form, name) : NULL;

    return value ? value : http_request_query(visit->request, name);
}

int web_new(Manager *manager, Web **ret)
{
    Web *web = g_new0(Web, 1);

    web->manager = manager;
    web->accounting = accounting_new(manager_event(manager), NULL, NULL);
    web->guard = web_guard_new();
    web->visits = g_hash_table_new(NULL, NULL);
    *ret = web;
    return 0;
}

void web_free(Web *web)
{
    GHashTableIter iter;
    gpointer key;

    if (!web)
        return;
    g_hash_table_iter_init(&iter, web->visits);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        Visit *visit = key;
        g_hash_table_iter_remove(&iter);
        http_request_reply_error(visit->request, 500);
        visit_free(visit);
    }
    g_hash_table_unref(web->visits);
    accounting_free(web->accounting);
    web_guard_free(web->guard);
    g_free(web);
}

/* --- pages that show figures --- */

static WebStatus status_of(const Visit *visit)
{
    const char *query = visit_value(visit, "q");
    const char *message = visit_value(visit, "message");

    return (WebStatus){
        .manager = visit->web->manager,
        .accounting = visit->web->accounting,
        .token = visit->token,
        .query = query ? query : "",
        .message = message && *message ? message : NULL,
    };
}

static void reply_page(Visit *visit, const char *message)
{
    WebStatus status = status_of(visit);
    g_autoptr(GString) page = web_status_page(&status);

    reply(visit->request, 200, HTML, page);
}

static void reply_json(Visit *visit, const char *message)
{
    WebStatus status = status_of(visit);
    g_autoptr(GString) page = web_status_json(&status);

    reply(visit->request, 200, JSON, page);
}

static void reply_metrics(Visit *visit, const char *message)
{
    g_autoptr(GString) text = metrics_text(visit->web->manager, visit->web->accounting);

    reply(visit->request, 200, METRICS_CONTENT_TYPE, text);
}

static void on_figures(void *userdata)
{
    Visit *visit = userdata;

    visit->reply(visit, NULL);
    visit_free(visit);
}

static void show(Visit *visit, VisitReply how)
{
    size_t count;
    g_autofree AccountingUnit *units = web_status_units(visit->web->manager, &count);

    visit->reply = how;
    http_request_on_abandon(visit->request, on_abandoned, visit);
    accounting_refresh(visit->web->accounting, units, count, on_figures, visit);
}

/* --- actions --- */

/* What is asked for, in the oracle's way (action=stop, processname=x) or by one of the page's buttons
 * (stop=x). */
typedef struct Wish {
    const char *word; /* NULL: nothing is asked for */
    const WebAction *action;
    const char *target;
} Wish;

static Wish wish_of(const Visit *visit)
{
    Wish wish = {.word = visit_value(visit, "action"), .target = visit_value(visit, "processname")};

    if (wish.word && *wish.word) {
        wish.action = web_action_find(wish.word);
        return wish;
    }
    wish.word = NULL;
    for (size_t i = 0; visit->form && web_action_at(i); i++) {
        const WebAction *action = web_action_at(i);
        const char *target = g_hash_table_lookup(visit->form, web_action_word(action));
        if (target)
            return (Wish){web_action_word(action), action, target};
    }
    return wish;
}

/* http://HOST/?message=…, where HOST is what the client calls us; the oracle leaves out the port that goes
 * without saying. */
static char *absolute_location(const Visit *visit, const char *message)
{
    g_autofree char *quoted = html_quote(message);
    const char *host = http_request_header(visit->request, "Host");

    if (!host || !*host)
        return g_strconcat("/?message=", quoted, NULL);
    bool plain = g_str_has_suffix(host, ":80");
    g_autofree char *name = g_strndup(host, strlen(host) - (plain ? strlen(":80") : 0));
    return g_strconcat("http://", name, "/?message=", quoted, NULL);
}

/* The page may be seen through a proxy under any name and path: nothing but what follows its last slash. */
static char *relative_location(const Visit *visit, const char *message)
{
    const char *query = visit_value(visit, "q");
    g_autofree char *quoted = html_quote(message);
    g_autofree char *search = html_quote(query ? query : "");

    return g_strconcat("./?message=", quoted, *search ? "&q=" : "", search, NULL);
}

static void reply_redirect(Visit *visit, const char *message)
{
    bool posted = visit->form && g_hash_table_contains(visit->form, "token");
    g_autofree char *location =
        posted ? relative_location(visit, message) : absolute_location(visit, message);

    /* 301 as the oracle. After a POST of a form 303 is what makes a browser fetch the page. */
    redirect(visit->request, posted ? 303 : 301, location);
}

static void append_message(GString *out, const char *message)
{
    g_string_append(out, "{\"message\":");
    web_text_append_json(out, message);
    g_string_append_c(out, '}');
}

static void reply_message(Visit *visit, const char *message)
{
    g_autoptr(GString) body = g_string_new(NULL);

    append_message(body, message);
    reply(visit->request, 200, JSON, body);
}

static void on_acted(const char *message, void *userdata)
{
    Visit *visit = userdata;

    visit->job = NULL;
    visit->reply(visit, message);
    visit_free(visit);
}

static bool is_from_script(const Visit *visit)
{
    return g_strcmp0(http_request_header(visit->request, "Accept"), JSON) == 0;
}

static void act(Visit *visit, const Wish *wish)
{
    visit->reply = is_from_script(visit) ? reply_message : reply_redirect;
    http_request_on_abandon(visit->request, on_abandoned, visit);
    WebJob *job = web_action_run(wish->action, visit->web->manager, wish->target, on_acted, visit);
    if (job)
        visit->job = job;
}

static void ask_first(Visit *visit, const Wish *wish, unsigned status)
{
    bool has_target = web_action_scope(wish->action) != WEB_SCOPE_ALL;
    g_autoptr(GString) page = g_string_new(NULL);
    const HtmlField fields[] = {
        {"assets", web_asset_version},
        {"identifier", manager_identifier(visit->web->manager)},
        {"token", visit->token},
        {"word", wish->word},
        {"label", web_action_label(wish->action)},
        {"target", has_target && wish->target ? wish->target : ""},
        {NULL, NULL},
    };

    html_render(page, web_asset_template("confirm.html"), fields);
    reply(visit->request, status, HTML, page);
    visit_free(visit);
}

static void refuse(Visit *visit, unsigned status)
{
    http_request_reply_error(visit->request, status);
    visit_free(visit);
}

/* Says why, since it may hit the user of a server without a password that has a public name. */
static void refuse_foreign(Visit *visit)
{
    static const char why[] = "Could not do that: the browser says that another site sent it, or this server "
                              "has no password and is called by a name that anybody may own.";
    const HtmlField fields[] = {{"assets", web_asset_version}, {"why", why}, {NULL, NULL}};
    g_autoptr(GString) body = g_string_new(NULL);

    if (is_from_script(visit)) {
        append_message(body, why);
        reply(visit->request, 403, JSON, body);
    } else {
        html_render(body, web_asset_template("refused.html"), fields);
        reply(visit->request, 403, HTML, body);
    }
    visit_free(visit);
}

static void consider(Visit *visit, const Wish *wish)
{
    const char *token = visit->form ? g_hash_table_lookup(visit->form, "token") : NULL;
    WebVerdict verdict = web_guard_judge(visit->web->guard, visit->request, token);

    bool complete = wish->action && (web_action_scope(wish->action) == WEB_SCOPE_ALL || wish->target);

    if (!complete)
        refuse(visit, 400);
    else if (verdict == WEB_TRUSTED || web_action_is_harmless(wish->action))
        act(visit, wish);
    else if (verdict == WEB_FOREIGN)
        refuse_foreign(visit);
    else
        ask_first(visit, wish, visit->form ? 403 : 200);
}

/* --- paths --- */

static void on_index(Visit *visit)
{
    Wish wish = wish_of(visit);

    /* A HEAD is no reason to do anything. */
    if (wish.word && !g_str_equal(http_request_method(visit->request), "HEAD"))
        consider(visit, &wish);
    else
        show(visit, reply_page);
}

static void on_status_json(Visit *visit)
{
    show(visit, reply_json);
}

static void on_metrics(Visit *visit)
{
    if (config_daemon(manager_config(visit->web->manager))->metrics)
        show(visit, reply_metrics);
    else
        refuse(visit, 404);
}

static void on_tail_read(const GString *page, void *userdata)
{
    Visit *visit = userdata;

    visit->tail = NULL;
    reply(visit->request, 200, HTML, page);
    visit_free(visit);
}

static void on_tail(Visit *visit)
{
    WebTailWish wish = {
        .name = visit_value(visit, "processname"),
        .limit = visit_value(visit, "limit"),
        .stream = visit_value(visit, "stream"),
    };

    http_request_on_abandon(visit->request, on_abandoned, visit);
    WebTail *tail = web_tail_read(visit->web->manager, &wish, on_tail_read, visit);
    if (tail)
        visit->tail = tail;
}

static void on_ok(Visit *visit)
{
    reply_text(visit->request, "text/plain", "OK");
    visit_free(visit);
}

static const struct {
    const char *path;
    void (*handle)(Visit *visit);
} pages[] = {
    {"", on_index},         {"index.html", on_index}, {"status.json", on_status_json},
    {"tail.html", on_tail}, {"ok.html", on_ok},       {"metrics", on_metrics},
};

static void reply_asset(HttpRequest *request, const WebAsset *asset)
{
    /* Pages name the version in their links. */
    static const HttpHeader headers[] = {
        SAFETY, {"Cache-Control", "private, max-age=31536000, immutable"}, {NULL, NULL}};

    http_request_reply_with(request, 200, asset->content_type, headers, asset->data, asset->size);
}

/* Also "/index.html/" and its like are other pages; slashes in front do not count, as in the oracle. */
static const char *path_of(const HttpRequest *request)
{
    const char *path = http_request_path(request);

    return path + strspn(path, "/");
}

/* NULL when it is none; an empty one when there is no form. */
static GHashTable *read_form(HttpRequest *request)
{
    size_t size;
    const char *body = http_request_body(request, &size);

    if (size > FORM_LIMIT)
        return NULL;
    return g_uri_parse_params(body, (gssize)size, "&", G_URI_PARAMS_WWW_FORM, NULL);
}

static void visit_page(Web *web, HttpRequest *request, void (*handle)(Visit *visit))
{
    const char *method = http_request_method(request);
    bool posted = g_str_equal(method, "POST");
    GHashTable *form = posted ? read_form(request) : NULL;

    if (posted && !http_request_header(request, "Content-Length"))
        http_request_reply_error(request, 411);
    else if (posted ? !form : !g_str_equal(method, "GET") && !g_str_equal(method, "HEAD"))
        http_request_reply_error(request, 400);
    else
        handle(visit_new(web, request, g_steal_pointer(&form)));
    g_clear_pointer(&form, g_hash_table_unref);
}

void web_handle(Web *web, HttpRequest *request)
{
    const char *path = path_of(request);
    const WebAsset *asset = web_asset_find(path);

    for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
        if (strcmp(pages[i].path, path) == 0) {
            visit_page(web, request, pages[i].handle);
            return;
        }
    }
    if (asset && asset->content_type && !g_str_equal(http_request_method(request), "POST"))
        reply_asset(request, asset);
    else
        reply_nothing_here(request);
}
