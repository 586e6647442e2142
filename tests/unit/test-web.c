/* The web pages behind a real socket, over a manager of puppets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "bridge/accounting.h"
#include "bridge/html.h"
#include "bridge/web_text.h"
#include "tests/unit/rpc-fixture.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_event, sd_event_unref)

#define BROWSER "Accept-Language: en\r\nUser-Agent: Mozilla/5.0\r\n"

/* --- asking --- */

static HttpAnswer get(Fixture *fixture, const char *path, const char *headers)
{
    g_autofree char *head = g_strdup_printf("GET %s HTTP/1.1\r\nHost: box:9001\r\n%s\r\n", path, headers);

    http_client_send(fixture->client, head, -1);
    return http_client_receive(fixture->client);
}

static void send_form(HttpClient *client, const char *form, const char *headers)
{
    g_autofree char *head = g_strdup_printf("POST / HTTP/1.1\r\nHost: box:9001\r\n%sContent-Type: "
                                            "application/x-www-form-urlencoded\r\n"
                                            "Content-Length: %zu\r\n\r\n%s",
                                            headers, strlen(form), form);

    http_client_send(client, head, -1);
}

static HttpAnswer post_form(Fixture *fixture, const char *form, const char *headers)
{
    send_form(fixture->client, form, headers);
    return http_client_receive(fixture->client);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void assert_has_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" is in: %s", part, text);
}

static void assert_location(const HttpAnswer *answer, int status, const char *location)
{
    g_autofree char *line = g_strdup_printf("\r\nLocation: %s\r\n", location);

    assert_int_equal(answer->status, status);
    assert_has(answer->head, line);
}

static char *token_of(Fixture *fixture)
{
    g_auto(HttpAnswer) answer = get(fixture, "/", BROWSER);
    const char *mark = "name=\"token\" value=\"";
    const char *token = strstr(answer.body, mark);

    assert_non_null(token);
    return g_strndup(token + strlen(mark), 64);
}

/* --- texts --- */

static void text_is_escaped_whatever_it_is(void **state)
{
    static const struct {
        const char *bytes;
        gssize size;
        const char *expected;
    } cases[] = {
        {"plain", -1, "plain"},
        {"<script>alert('x')</script> & \"y\"", -1,
         "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;"},
        {"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC", -1, "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC"},
        {"a\tb\nc\r\nd\re", -1,
         "a\tb\nc\nd\xEF\xBF\xBD"
         "e"},
        {"\x1B[31mred\x7F", -1, "\xEF\xBF\xBD[31mred\xEF\xBF\xBD"},
        {"\xC2\x85\xC2\x9F", -1, "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"a\0b", 3,
         "a\xEF\xBF\xBD"
         "b"},
        /* Cut, overlong, a surrogate, beyond Unicode. */
        {"\xE2\x82", -1, "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xC0\xBC", -1, "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xED\xA0\x80", -1, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xF4\x90\x80\x80", -1, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xC3<", -1, "\xEF\xBF\xBD&lt;"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        html_append_text(out, cases[i].bytes, cases[i].size);
        assert_string_equal(out->str, cases[i].expected);
    }
}

static void templates_are_filled(void **state)
{
    static const HtmlField fields[] = {{"a", "<1>"}, {"ab", "{{a}}"}, {"none", NULL}, {NULL, NULL}};
    g_autoptr(GString) out = g_string_new("=");

    html_render(out, "{{a}}{{{a}}}|{{ab}}|{{none}}{{unknown}}|{ } {", fields);
    assert_string_equal(out->str, "=&lt;1&gt;<1>|{{a}}||{ } {");
}

static void figures_are_readable(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } sizes[] = {{0, "0 B"},
                 {1023, "1023 B"},
                 {1024, "1.0 KiB"},
                 {12888064, "12.3 MiB"},
                 {1048575, "1.0 MiB"},
                 {UINT64_C(300) << 30, "300 GiB"},
                 {UINT64_MAX, "16.0 EiB"}};
    static const struct {
        uint64_t usec;
        const char *text;
    } times[] = {{0, "0.00 s"},           {999999, "0.99 s"},         {1000000, "1.0 s"},
                 {59999999, "59.9 s"},    {60000000, "1:00"},         {3599999999, "59:59"},
                 {3725000000, "1:02:05"}, {360000000000, "100:00:00"}};

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *text = web_text_bytes(sizes[i].bytes);
        assert_string_equal(text, sizes[i].text);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        g_autofree char *text = web_text_duration(times[i].usec);
        assert_string_equal(text, times[i].text);
    }
}

static void json_strings_are_escaped(void **state)
{
    g_autoptr(GString) out = g_string_new(NULL);

    web_text_append_json(out, "a\"\\\n\x1F\xFF</script>");
    assert_string_equal(out->str, "\"a\\\"\\\\\\u000a\xEF\xBF\xBD\xEF\xBF\xBD</script>\"");
}

/* --- figures --- */

static void write_file(const char *directory, const char *path, const char *text)
{
    g_autofree char *whole = g_build_filename(directory, path, NULL);
    g_autofree char *parent = g_path_get_dirname(whole);

    assert_int_equal(g_mkdir_with_parents(parent, 0700), 0);
    assert_true(g_file_set_contents(whole, text, -1, NULL));
}

static void count_call(void *userdata)
{
    ++*(unsigned *)userdata;
}

static void accounting_reads_cgroups(void **state)
{
    g_autofree char *directory = g_dir_make_tmp("accounting-XXXXXX", NULL);
    g_autoptr(sd_event) event = NULL;
    static const AccountingUnit units[] = {
        {"s:a.service", 11}, {"s:b.service", 12}, {"s:c.service", 13}, {"s:d.service", 0}};
    unsigned calls = 0, forgotten = 0;

    write_file(directory, "11/cgroup", "9:name=systemd:/\n0::/s.slice/s:a.service\n");
    write_file(directory, "s.slice/s:a.service/memory.current", "4096\n");
    write_file(directory, "s.slice/s:a.service/cpu.stat", "usage_usec 1234567\nuser_usec 1\n");
    /* Moved out of its unit: says nothing about it. */
    write_file(directory, "12/cgroup", "0::/\n");
    write_file(directory, "memory.current", "1\n");
    /* No memory controller. */
    write_file(directory, "13/cgroup", "0::/s:c.service\n");
    write_file(directory, "s:c.service/cgroup.procs", "13\n14\n");
    write_file(directory, "13/statm", "100 2 1 1 0 1 0\n");
    write_file(directory, "14/statm", "100 3 1 1 0 1 0\n");
    write_file(directory, "s:c.service/cpu.stat", "nonsense\n");

    assert_true(sd_event_new(&event) >= 0);
    g_autoptr(Accounting) accounting = accounting_new(event, directory, directory);
    accounting_refresh(accounting, units, G_N_ELEMENTS(units), count_call, &calls);
    accounting_refresh(accounting, units, G_N_ELEMENTS(units), count_call, &forgotten);
    accounting_forget(accounting, &forgotten);
    for (int i = 0; i < 100 && calls == 0; i++)
        assert_true(sd_event_run(event, 1000000) >= 0);
    assert_int_equal(calls, 1);
    assert_int_equal(forgotten, 0);
    AccountingUsage a = accounting_usage(accounting, &units[0]), b = accounting_usage(accounting, &units[1]);
    AccountingUsage c = accounting_usage(accounting, &units[2]), d = accounting_usage(accounting, &units[3]);
    assert_true(a.has_memory && a.memory == 4096 && a.has_cpu && a.cpu_usec == 1234567);
    assert_false(b.has_memory || b.has_cpu || d.has_memory || d.has_cpu || c.has_cpu);
    assert_true(c.has_memory && c.memory == 5 * (uint64_t)sysconf(_SC_PAGESIZE));
    /* Another process of that unit: what is known is not about it. */
    a = accounting_usage(accounting, &(AccountingUnit){"s:a.service", 99});
    assert_false(a.has_memory);
    /* Fresh: answered at once. */
    accounting_refresh(accounting, units, G_N_ELEMENTS(units), count_call, &calls);
    assert_int_equal(calls, 2);
    g_autoptr(GError) error = NULL;
    const char *const argv[] = {"/bin/rm", "-r", directory, NULL};
    int status = -1;
    assert_true(g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, &status, &error));
    assert_int_equal(status, 0);
}

/* --- pages --- */

static void the_page_shows_every_process(void **state)
{
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_RUNNING;
    fixture->web->restarts = 7;
    fixture->a->state = PROCESS_FATAL;
    fixture->a->spawnerr = "can't find \"<x>\"";
    g_auto(HttpAnswer) answer = get(fixture, "/?message=Process%20%3Cb%3E%20started", BROWSER);
    assert_int_equal(answer.status, 200);
    assert_has(answer.head, "Content-Type: text/html;charset=utf-8\r\n");
    assert_has(answer.head, "Content-Security-Policy: default-src 'none'; style-src 'self'; ");
    assert_has_not(answer.head, "unsafe");
    assert_has(answer.head, "X-Content-Type-Options: nosniff\r\n");
    assert_has(answer.head, "Referrer-Policy: same-origin\r\n");
    assert_has(answer.head, "Cache-Control: no-cache\r\n");
    assert_has(answer.body, "role=\"status\">Process &lt;b&gt; started</p>");
    assert_has(answer.body, "<tr class=\"process running\" data-name=\"web\">");
    assert_has(answer.body, "<td class=\"number restarts\">7</td>");
    assert_has(answer.body, "<tr class=\"process fatal\" data-name=\"g:a\">");
    assert_has(answer.body, "can&#39;t find &quot;&lt;x&gt;&quot;");
    assert_has(answer.body, "<bdi>g</bdi> <small>0 of 3 running</small>");
    assert_has(answer.body, "<button name=\"start\" value=\"web\" aria-label=\"Start web\" hidden>");
    assert_has(answer.body, "<button name=\"stop\" value=\"web\" aria-label=\"Stop web\">");
    assert_has(answer.body, "<a href=\"logtail/g%3Aa/stderr\"");
    /* Nothing inline, nothing from elsewhere. */
    assert_has_not(answer.body, "style=");
    assert_has_not(answer.body, "onclick");
    assert_has_not(answer.body, "http://");
    assert_has_not(answer.body, "https://");
    assert_has_not(answer.body, "<script>");
    assert_has_not(answer.body, "{{");
}

static void searching_works_without_scripts(void **state)
{
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_RUNNING;
    g_auto(HttpAnswer) answer = get(fixture, "/?q=G:%20stop%20%22", BROWSER);
    assert_has(answer.body, "value=\"G: stop &quot;\"");
    g_auto(HttpAnswer) stopped = get(fixture, "/?q=G:%20stop", BROWSER);
    assert_has(stopped.body, "data-name=\"g:b\">");
    assert_has(stopped.body, "data-name=\"web\" hidden>");
    g_auto(HttpAnswer) running = get(fixture, "/?q=running", BROWSER);
    assert_has(running.body, "data-name=\"web\">");
    assert_has(running.body, "data-name=\"g:b\" hidden>");
    assert_has(running.body, "<tbody hidden>");
}

static void the_script_gets_the_same_as_json(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *token = token_of(fixture);

    fixture->a->state = PROCESS_BACKOFF;
    fixture->a->spawnerr = "a\"b";
    g_auto(HttpAnswer) answer = get(fixture, "/status.json", BROWSER);
    assert_int_equal(answer.status, 200);
    assert_has(answer.head, "Content-Type: application/json\r\n");
    assert_has(answer.body, token);
    assert_has(answer.body, "[\"g:a\",\"backoff\",\"a\\\"b\",\"\",\"\",\"0\",0]");
}

static void static_files_are_kept_by_browsers(void **state)
{
    static const struct {
        const char *path;
        const char *type;
    } files[] = {{"/style.css", "text/css;charset=utf-8"},
                 {"/status.js", "text/javascript;charset=utf-8"},
                 {"/icon.svg?v=1", "image/svg+xml"}};
    static const char *const missing[] = {"/row.html", "/web/style.css", "/style.css/", "/../style.css",
                                          "/x"};
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *line = g_strdup_printf("Content-Type: %s\r\n", files[i].type);
        g_auto(HttpAnswer) answer = get(fixture, files[i].path, "");
        assert_int_equal(answer.status, 200);
        assert_has(answer.head, line);
        assert_has(answer.head, "immutable");
        assert_true(strlen(answer.body) > 100);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(missing); i++) {
        g_auto(HttpAnswer) answer = get(fixture, missing[i], "");
        assert_int_equal(answer.status, 404);
    }
    g_auto(HttpAnswer) ok = get(fixture, "//ok.html", "");
    assert_string_equal(ok.body, "OK");
}

static void tails_are_escaped_and_bounded(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *filler = g_strnfill(3000, 'x');
    g_autofree char *text = g_strconcat("early", filler, "\n</pre><script>\x1B\n", NULL);

    assert_true(g_file_set_contents(fixture->log_path, text, -1, NULL));
    g_auto(HttpAnswer) answer = get(fixture, "/tail.html?processname=web", "");
    assert_int_equal(answer.status, 200);
    assert_has(answer.body, "<title>Supervisor tail of process web</title>");
    assert_has(answer.body, "&lt;/pre&gt;&lt;script&gt;\xEF\xBF\xBD\n</pre>");
    assert_has_not(answer.body, "early");
    g_auto(HttpAnswer) more = get(fixture, "/tail.html?processname=web&limit=4000", "");
    assert_has(more.body, "early");
    g_auto(HttpAnswer) no_file = get(fixture, "/tail.html?processname=web&stream=stderr", "");
    assert_has(no_file.body, "No file for web");
    g_auto(HttpAnswer) nobody = get(fixture, "/tail.html?processname=%3Cx%3E", "");
    assert_has(nobody.body, "ERROR: unexpected rpc fault [10] BAD_NAME: &lt;x&gt;");
    g_auto(HttpAnswer) nothing = get(fixture, "/tail.html", "");
    assert_has(nothing.body, "No process name found");
}

/* --- who may --- */

static void a_script_uses_the_links_of_old(void **state)
{
    Fixture *fixture = *state;

    fixture->web->after_start = PROCESS_RUNNING;
    g_auto(HttpAnswer) started = get(fixture, "/index.html?processname=web&action=start", "");
    assert_location(&started, 301, "http://box:9001/?message=Process%20web%20started");
    assert_int_equal(fixture->web->starts, 1);
    g_auto(HttpAnswer) again = get(fixture, "/?processname=web&action=start", "User-Agent: curl/8\r\n");
    assert_location(&again, 301, "http://box:9001/?message=ERROR%3A%20Process%20web%3A%20already%20started");
    fixture->web->after_stop = PROCESS_STOPPED;
    g_auto(HttpAnswer) stopped = post_form(fixture, "action=stop&processname=web", "");
    assert_location(&stopped, 301, "http://box:9001/?message=Process%20web%20stopped");
    g_auto(HttpAnswer) unknown = get(fixture, "/?processname=nobody&action=stop", "");
    assert_location(&unknown, 301, "http://box:9001/?message=No%20such%20process%20named%20nobody");
    g_auto(HttpAnswer) nonsense = get(fixture, "/?processname=web&action=explode", "");
    assert_int_equal(nonsense.status, 400);
    g_auto(HttpAnswer) nameless = get(fixture, "/?action=stop", "");
    assert_int_equal(nameless.status, 400);
}

/* Whatever a browser can be made to send without having read the page. */
static void browsers_need_the_token(void **state)
{
    static const char *const headers[] = {
        "Accept-Language: en\r\n",          "User-Agent: Mozilla/5.0 (X11)\r\n",
        "Upgrade-Insecure-Requests: 1\r\n", "Referer: http://box:9001/\r\n",
        "Origin: http://box:9001\r\n",      "Sec-Fetch-Site: none\r\n",
        "Sec-Fetch-Site: same-origin\r\n",
    };
    Fixture *fixture = *state;

    fixture->web->state = PROCESS_RUNNING;
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        g_auto(HttpAnswer) link = get(fixture, "/?processname=web&action=stop", headers[i]);
        assert_int_equal(link.status, 200);
        assert_has(link.body, "Stop <bdi>web</bdi>?");
        assert_has(link.body, "<button name=\"stop\" value=\"web\"");
        g_auto(HttpAnswer) form = post_form(fixture, "stop=web", headers[i]);
        assert_int_equal(form.status, 403);
        g_auto(HttpAnswer) guess = post_form(fixture, "token=0&stop=web", headers[i]);
        assert_int_equal(guess.status, 403);
        /* A token in the address would be in logs and referrers: it does not count there. */
        g_autofree char *token = token_of(fixture);
        g_autofree char *path = g_strdup_printf("/?processname=web&action=stop&token=%s", token);
        g_auto(HttpAnswer) get_token = get(fixture, path, headers[i]);
        assert_int_equal(get_token.status, 200);
    }
    assert_int_equal(fixture->web->stops, 0);
    g_auto(HttpAnswer) refresh = get(fixture, "/?action=refresh", BROWSER);
    assert_int_equal(refresh.status, 301);
}

static void other_sites_are_refused(void **state)
{
    static const char *const headers[] = {
        BROWSER "Sec-Fetch-Site: cross-site\r\n",
        BROWSER "Sec-Fetch-Site: same-site\r\nOrigin: http://box:9001\r\n",
    };
    Fixture *fixture = *state;
    g_autofree char *token = token_of(fixture);
    g_autofree char *form = g_strdup_printf("token=%s&stopall=1", token);

    fixture->web->state = PROCESS_RUNNING;
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        /* Even if the token had leaked. */
        g_auto(HttpAnswer) posted = post_form(fixture, form, headers[i]);
        assert_int_equal(posted.status, 403);
        g_auto(HttpAnswer) link = get(fixture, "/?action=stopall", headers[i]);
        assert_int_equal(link.status, 403);
    }
    g_auto(HttpAnswer) origin =
        post_form(fixture, "action=stopall", BROWSER "Origin: http://evil.example\r\n");
    assert_int_equal(origin.status, 403);
    g_auto(HttpAnswer) null = post_form(fixture, "action=stopall", BROWSER "Origin: null\r\n");
    assert_int_equal(null.status, 403);
    assert_int_equal(fixture->web->stops, 0);
}

static void tokens_belong_to_credentials(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *token = token_of(fixture);
    g_autofree char *form = g_strdup_printf("token=%s&stop=web", token);

    fixture->web->state = PROCESS_RUNNING;
    g_auto(HttpAnswer) answer = post_form(fixture, form, BROWSER "Authorization: Basic eDp5\r\n");
    assert_int_equal(answer.status, 403);
    assert_int_equal(fixture->web->stops, 0);
}

static void the_page_acts_and_waits(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *token = token_of(fixture);
    g_autofree char *start = g_strdup_printf("token=%s&q=we%%26&start=web", token);

    send_form(fixture->client, start, BROWSER "Origin: http://box:9001\r\n");
    assert_waits(fixture->client);
    g_autoptr(HttpClient) other = http_client_new(fixture->event, fixture->socket);
    http_client_send(other, "GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n", -1);
    g_auto(HttpAnswer) meanwhile = http_client_receive(other);
    assert_int_equal(meanwhile.status, 200);
    fake_instance_set_state(fixture->web, PROCESS_RUNNING);
    g_auto(HttpAnswer) answer = http_client_receive(fixture->client);
    assert_location(&answer, 303, "./?message=Process%20web%20started&q=we%26");
    g_autofree char *stop = g_strdup_printf("token=%s&stop=web", token);
    fixture->web->after_stop = PROCESS_STOPPED;
    g_auto(HttpAnswer) json = post_form(fixture, stop, BROWSER "Accept: application/json\r\n");
    assert_int_equal(json.status, 200);
    assert_string_equal(json.body, "{\"message\":\"Process web stopped\"}");
}

static void failures_are_told(void **state)
{
    Fixture *fixture = *state;

    fixture->web->after_start = PROCESS_BACKOFF;
    fixture->web->spawnerr_after_start = "nope";
    g_auto(HttpAnswer) restart = get(fixture, "/?processname=web&action=restart", "");
    assert_location(&restart, 301, "http://box:9001/?message=ERROR%3A%20Process%20web%3A%20spawn%20error");
    fixture->web->state = PROCESS_STOPPED;
    g_auto(HttpAnswer) stop = get(fixture, "/?processname=web&action=stop", "");
    assert_location(&stop, 301,
                    "http://box:9001/?message=unexpected%20rpc%20fault%20%5B70%5D%20NOT_RUNNING%3A%20web");
    fixture->a->after_start = fixture->b->after_start = fixture->c->after_start = PROCESS_BACKOFF;
    fixture->a->spawnerr_after_start = fixture->b->spawnerr_after_start = "nope";
    fixture->c->spawnerr_after_start = "nope";
    g_auto(HttpAnswer) group = get(fixture, "/?processname=g&action=startgroup", "");
    assert_int_equal(group.status, 301);
    assert_has(group.head, "SPAWN_ERROR");
    assert_has(group.head, "%20and%202%20more\r\n");
}

static void all_and_groups(void **state)
{
    Fixture *fixture = *state;

    fixture->web->after_start = fixture->a->after_start = PROCESS_RUNNING;
    fixture->b->after_start = fixture->c->after_start = PROCESS_RUNNING;
    fixture->web->after_stop = fixture->a->after_stop = PROCESS_STOPPED;
    fixture->b->after_stop = fixture->c->after_stop = PROCESS_STOPPED;
    g_auto(HttpAnswer) started = get(fixture, "/?action=startall", "");
    assert_int_equal(started.status, 301);
    assert_has(started.head, "?message=All%20started%20at%20");
    g_auto(HttpAnswer) restarted = get(fixture, "/?action=restartall", "");
    assert_has(restarted.head, "?message=All%20restarted%20at%20");
    assert_int_equal(fixture->web->starts, 2);
    g_auto(HttpAnswer) group = get(fixture, "/?action=stopgroup&processname=g", "");
    assert_location(&group, 301, "http://box:9001/?message=Group%20g%20stopped");
    assert_int_equal(fixture->web->stops, 1);
    assert_int_equal(fixture->a->stops, 2);
    g_auto(HttpAnswer) refreshed = get(fixture, "/?action=refresh", "");
    assert_has(refreshed.head, "?message=Page%20refreshed%20at%20");
}

static void nothing_is_done_for_head_and_half_a_form(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *large = g_strnfill(70000, 'x');

    fixture->web->state = PROCESS_RUNNING;
    http_client_send(fixture->client,
                     "HEAD /?action=stopall HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", -1);
    g_autofree char *head = http_client_receive_all(fixture->client);
    assert_has(head, "HTTP/1.1 200 OK\r\n");
    assert_int_equal(fixture->web->stops, 0);
    http_client_free(fixture->client);
    fixture->client = http_client_new(fixture->event, fixture->socket);
    g_auto(HttpAnswer) bad = post_form(fixture, "action=stopall&x=%zz", "");
    assert_int_equal(bad.status, 400);
    g_auto(HttpAnswer) too_large = post_form(fixture, large, "");
    assert_int_equal(too_large.status, 400);
    assert_int_equal(fixture->web->stops, 0);
}

static void who_leaves_takes_the_wait_along(void **state)
{
    Fixture *fixture = *state;
    HttpClient *other = http_client_new(fixture->event, fixture->socket);

    send_form(other, "action=start&processname=web", "");
    assert_false(http_client_has_answer(other, 10));
    assert_int_equal(fake_instance_watch_count(fixture->web), 1);
    http_client_free(other);
    for (int i = 0; i < 100 && fake_instance_watch_count(fixture->web) > 0; i++)
        assert_true(sd_event_run(fixture->event, 20000) >= 0);
    assert_int_equal(fake_instance_watch_count(fixture->web), 0);
    send_form(fixture->client, "action=start&processname=g:a", "");
    assert_waits(fixture->client);
    g_clear_pointer(&fixture->web_pages, web_free);
    g_auto(HttpAnswer) answer = http_client_receive(fixture->client);
    assert_int_equal(answer.status, 500);
    assert_int_equal(fake_instance_watch_count(fixture->a), 0);
}

/* --- metrics --- */

static void metrics_are_there_when_wanted(void **state)
{
    Fixture *fixture = *state;

    g_auto(HttpAnswer) off = get(fixture, "/metrics", "");
    assert_int_equal(off.status, 404);
    fake_config_daemon(fixture->config)->metrics = true;
    fixture->web->state = PROCESS_RUNNING;
    fixture->web->laststart = 1000.5;
    fixture->web->restarts = 3;
    fixture->web->log_bytes = UINT64_C(5000000000);
    fixture->a->state = PROCESS_FATAL;
    assert_fault(fixture, "supervisor.startProcess", TEXT("nobody"), 10, "BAD_NAME: nobody");
    assert_fault(fixture, "no.such", "", 1, "UNKNOWN_METHOD");
    g_auto(HttpAnswer) answer = get(fixture, "/metrics", "");
    assert_int_equal(answer.status, 200);
    assert_has(answer.head, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    assert_has(answer.body, "# TYPE supersede_process_state gauge\n");
    assert_has(answer.body, "supersede_process_state{group=\"web\",process=\"web\"} 20\n");
    assert_has(answer.body, "supersede_process_state{group=\"g\",process=\"a\"} 200\n");
    assert_has(answer.body, "supersede_process_up{group=\"g\",process=\"a\"} 0\n");
    assert_has(answer.body, "supersede_process_start_time_seconds{group=\"web\",process=\"web\"} 1000.5\n");
    assert_has(answer.body, "supersede_process_restarts_total{group=\"web\",process=\"web\"} 3\n");
    assert_has(
        answer.body,
        "supersede_process_log_bytes_total{group=\"web\",process=\"web\",stream=\"stdout\"} 5000000000\n");
    assert_has(answer.body,
               "supersede_rpc_calls_total{method=\"supervisor.startProcess\",fault=\"BAD_NAME\"} ");
    assert_has(answer.body, "supersede_rpc_calls_total{method=\"unknown\",fault=\"UNKNOWN_METHOD\"} ");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, rpc_fixture_set_up, rpc_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped_whatever_it_is),
        cmocka_unit_test(templates_are_filled),
        cmocka_unit_test(figures_are_readable),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(accounting_reads_cgroups),
        TEST(the_page_shows_every_process),
        TEST(searching_works_without_scripts),
        TEST(the_script_gets_the_same_as_json),
        TEST(static_files_are_kept_by_browsers),
        TEST(tails_are_escaped_and_bounded),
        TEST(a_script_uses_the_links_of_old),
        TEST(browsers_need_the_token),
        TEST(other_sites_are_refused),
        TEST(tokens_belong_to_credentials),
        TEST(the_page_acts_and_waits),
        TEST(failures_are_told),
        TEST(all_and_groups),
        TEST(nothing_is_done_for_head_and_half_a_form),
        TEST(who_leaves_takes_the_wait_along),
        TEST(metrics_are_there_when_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
