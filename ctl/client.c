#include "ctl/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "ctl/answer.h"
#include "ctl/body.h"

#define NESTING_MAX 32

struct Client {
    Transport *transport;
};

/* One call under way. */
typedef struct Exchange {
    int status;
    GString *reason;
    GString *body;
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

/* The reason is told to the user when the status is not 200. */
static bool take_head(int status, const char *reason, void *userdata)
{
    Exchange *exchange = userdata;

    exchange->status = status;
    g_string_assign(exchange->reason, reason);
    return true;
}

static bool take_body(const char *data, size_t size, void *userdata)
{
    Exchange *exchange = userdata;

    if (exchange->body->len + size > BODY_SIZE_MAX) {
        exchange->too_large = true;
        return false;
    }
    g_string_append_len(exchange->body, data, (gssize)size);
    return true;
}

static const HttpSink exchange_sink = {.head = take_head, .body = take_body};

Client *client_new(Transport *transport)
{
    Client *client = g_new0(Client, 1);

    client->transport = transport;
    xmlrpc_limit_set(XMLRPC_XML_SIZE_LIMIT_ID, BODY_SIZE_MAX * 2);
    xmlrpc_limit_set(XMLRPC_NESTING_LIMIT_ID, NESTING_MAX);
    return client;
}

void client_free(Client *client)
{
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

static int run(Client *client, const Transfer *transfer)
{
    int r = 0;

    while (r >= 0 && transfer_state(transfer) == TRANSFER_RUNNING)
        r = transport_step(client->transport, -1);
    return r;
}

static void judge(const Transfer *transfer, const Exchange *exchange, Reply *ret)
{
    int error = transfer_errno(transfer);

    if (exchange->too_large || transfer_state(transfer) == TRANSFER_TOO_LARGE)
        set_broken(ret, "the server's answer is too large");
    else if (error > 0)
        *ret = (Reply){.kind = REPLY_SYSTEM, .code = error};
    else if (transfer_state(transfer) != TRANSFER_COMPLETE)
        *ret = (Reply){.kind = REPLY_BROKEN, .text = transfer_describe(transfer)};
    else if (exchange->status != 200)
        *ret = (Reply){.kind = REPLY_HTTP, .code = exchange->status, .text = g_strdup(exchange->reason->str)};
    else
        client_decode(exchange->body->str, exchange->body->len, ret);
}

static void perform(Client *client, xmlrpc_mem_block *request, Reply *ret)
{
    g_autoptr(GString) body = g_string_new(NULL);
    g_autoptr(GString) reason = g_string_new(NULL);
    Exchange exchange = {.body = body, .reason = reason};
    g_autoptr(Transfer) transfer = NULL;
    g_autofree char *problem = NULL;
    int r = transfer_new(client->transport, "/RPC2", xmlrpc_mem_block_contents(request),
                         xmlrpc_mem_block_size(request), &exchange_sink, &exchange, &transfer, &problem);

    if (r < 0) {
        set_broken(ret, "%s", problem);
        return;
    }
    r = run(client, transfer);
    if (r == -EINTR)
        *ret = (Reply){.kind = REPLY_INTERRUPTED};
    else if (r < 0)
        *ret = (Reply){.kind = REPLY_SYSTEM, .code = -r};
    else
        judge(transfer, &exchange, ret);
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
