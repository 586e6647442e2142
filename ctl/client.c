#include "ctl/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "ctl/answer.h"
#include "ctl/body.h"

/* Far more than any daemon sends: headers come one by one and are not kept, but they shall come to an end. */
#define HEADERS_SIZE_MAX ((size_t)256 << 10)
#define NESTING_MAX      32

struct Client {
    Transport *transport;
    CURL *easy;
    struct curl_slist *headers;
};

/* One call under way. */
typedef struct Exchange {
    GString *body;
    GString *reason;
    size_t headers_size;
    bool too_large;
} Exchange;

void reply_clear(Reply *reply)
{
    g_clear_pointer(&reply->text, g_free);
    g_clear_pointer(&reply->value, xmlrpc_DECREF);
}

char *reply_describe(const Reply *reply)
{
    char *quoted, *text;

    switch (reply->kind) {
    case REPLY_FAULT:
        quoted = command_repr(reply->text);
        text = g_strdup_printf("<Fault %d: %s>", reply->code, quoted ? quoted : "");
        free(quoted);
        return text;
    case REPLY_HTTP:
        return g_strdup_printf("<ProtocolError for 127.0.0.1/RPC2: %d %s>", reply->code, reply->text);
    case REPLY_SYSTEM:
        return g_strdup_printf("[Errno %d] %s", reply->code, g_strerror(reply->code));
    default:
        return g_strdup(reply->text ? reply->text : "");
    }
}

static size_t take_body(char *data, size_t size, size_t count, void *userdata)
{
    Exchange *exchange = userdata;

    if (exchange->body->len + size * count > BODY_SIZE_MAX) {
        exchange->too_large = true;
        return 0;
    }
    g_string_append_len(exchange->body, data, (gssize)(size * count));
    return size * count;
}

/* "HTTP/1.1 404 Not Found": the reason is told to the user when the status is not 200. */
static void take_status_line(Exchange *exchange, const char *line, size_t size)
{
    g_autofree char *text = g_strndup(line, size);
    const char *reason = strchr(text, ' ');

    if (reason)
        reason = strchr(reason + 1, ' ');
    g_string_assign(exchange->reason, reason ? g_strchomp((char *)reason + 1) : "");
}

static size_t take_header(char *data, size_t size, size_t count, void *userdata)
{
    Exchange *exchange = userdata;

    exchange->headers_size += size * count;
    if (exchange->headers_size > HEADERS_SIZE_MAX) {
        exchange->too_large = true;
        return 0;
    }
    if (size * count > 5 && strncmp(data, "HTTP/", 5) == 0)
        take_status_line(exchange, data, size * count);
    return size * count;
}

int client_new(Transport *transport, Client **ret)
{
    g_autoptr(Client) client = g_new0(Client, 1);

    client->transport = transport;
    client->easy = curl_easy_init();
    client->headers = curl_slist_append(NULL, "Content-Type: text/xml");
    if (!client->easy || !client->headers)
        return -ENOMEM;
    /* Or libcurl asks for permission to send more than a kilobyte, and the oracle's server does not answer
     * that. */
    if (!curl_slist_append(client->headers, "Expect:") ||
        !curl_slist_append(client->headers, "Accept: text/xml"))
        return -ENOMEM;
    xmlrpc_limit_set(XMLRPC_XML_SIZE_LIMIT_ID, BODY_SIZE_MAX * 2);
    xmlrpc_limit_set(XMLRPC_NESTING_LIMIT_ID, NESTING_MAX);
    *ret = g_steal_pointer(&client);
    return 0;
}

void client_free(Client *client)
{
    if (!client)
        return;
    if (client->easy)
        curl_easy_cleanup(client->easy);
    curl_slist_free_all(client->headers);
    g_free(client);
}

static void set_broken(Reply *reply, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void set_broken(Reply *reply, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    *reply = (Reply){.kind = REPLY_BROKEN, .text = g_strdup_vprintf(format, arguments)};
    va_end(arguments);
}

/* Returns the request, or NULL with `ret` saying why there is none. */
static xmlrpc_mem_block *encode(const char *method, const char *format, va_list arguments, Reply *ret)
{
    xmlrpc_mem_block *request = NULL;
    xmlrpc_value *parameters = NULL;
    const char *rest = NULL;
    xmlrpc_env env;

    xmlrpc_env_init(&env);
    xmlrpc_build_value_va(&env, format, arguments, &parameters, &rest);
    /* It leaves a pointer to something freed behind when a string is no UTF-8. */
    if (env.fault_occurred)
        parameters = NULL;
    else
        request = xmlrpc_mem_block_new(&env, 0);
    if (!env.fault_occurred)
        xmlrpc_serialize_call(&env, request, method, parameters);
    if (env.fault_occurred) {
        set_broken(ret, "%s", env.fault_string);
        g_clear_pointer(&request, xmlrpc_mem_block_free);
    }
    g_clear_pointer(&parameters, xmlrpc_DECREF);
    xmlrpc_env_clean(&env);
    return request;
}

void client_decode(const char *body, size_t size, Reply *ret)
{
    g_autofree char *clean = NULL, *problem = NULL;
    const char *fault_text = NULL;
    xmlrpc_value *value = NULL;
    xmlrpc_env env;
    int fault_code = 0;

    if (body_clean(body, size, &clean, &problem) < 0) {
        set_broken(ret, "%s", problem);
        return;
    }
    if (answer_read(clean, &value) >= 0) {
        *ret = (Reply){.kind = REPLY_VALUE, .value = value};
        return;
    }
    xmlrpc_env_init(&env);
    xmlrpc_parse_response2(&env, clean, strlen(clean), &value, &fault_code, &fault_text);
    if (env.fault_occurred) {
        set_broken(ret, "the server's answer is not XML-RPC: %s", env.fault_string);
    } else if (fault_text) {
        *ret = (Reply){.kind = REPLY_FAULT, .code = fault_code, .text = g_strdup(fault_text)};
        free((char *)fault_text);
    } else {
        *ret = (Reply){.kind = REPLY_VALUE, .value = value};
    }
    xmlrpc_env_clean(&env);
}

static int run(Client *client, Transfer *transfer)
{
    int r = transport_start(client->transport, transfer);

    while (r >= 0 && transfer->running)
        r = transport_step(client->transport, -1);
    transport_stop(client->transport, transfer);
    return r;
}

static void judge(Client *client, const Transfer *transfer, const Exchange *exchange, Reply *ret)
{
    int error = transport_errno(transfer);
    long status = 0;

    if (exchange->too_large) {
        set_broken(ret, "the server's answer is too large");
        return;
    }
    if (error > 0) {
        *ret = (Reply){.kind = REPLY_SYSTEM, .code = error};
        return;
    }
    if (transfer->result != CURLE_OK) {
        *ret = (Reply){.kind = REPLY_BROKEN, .text = transport_describe(client->transport, transfer)};
        return;
    }
    curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        *ret = (Reply){.kind = REPLY_HTTP, .code = (int)status, .text = g_strdup(exchange->reason->str)};
    else
        client_decode(exchange->body->str, exchange->body->len, ret);
}

static void perform(Client *client, xmlrpc_mem_block *request, Reply *ret)
{
    g_autoptr(GString) body = g_string_new(NULL);
    g_autoptr(GString) reason = g_string_new(NULL);
    Exchange exchange = {.body = body, .reason = reason};
    Transfer transfer = {.easy = client->easy};
    g_autofree char *problem = NULL;
    int r;

    curl_easy_reset(client->easy);
    if (transport_aim(client->transport, client->easy, "/RPC2", &problem) < 0) {
        set_broken(ret, "%s", problem);
        return;
    }
    curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, client->headers);
    curl_easy_setopt(client->easy, CURLOPT_POSTFIELDS, xmlrpc_mem_block_contents(request));
    curl_easy_setopt(client->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)xmlrpc_mem_block_size(request));
    curl_easy_setopt(client->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(client->easy, CURLOPT_WRITEDATA, &exchange);
    curl_easy_setopt(client->easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(client->easy, CURLOPT_HEADERDATA, &exchange);
    r = run(client, &transfer);
    if (r == -EINTR)
        *ret = (Reply){.kind = REPLY_INTERRUPTED};
    else if (r < 0)
        *ret = (Reply){.kind = REPLY_SYSTEM, .code = -r};
    else
        judge(client, &transfer, &exchange, ret);
}

void client_call_va(Client *client, Reply *ret, const char *method, const char *format, va_list arguments)
{
    xmlrpc_mem_block *request = encode(method, format, arguments, ret);

    if (!request)
        return;
    perform(client, request, ret);
    xmlrpc_mem_block_free(request);
}

void client_call(Client *client, Reply *ret, const char *method, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    client_call_va(client, ret, method, format, arguments);
    va_end(arguments);
}
