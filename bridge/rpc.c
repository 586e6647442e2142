#include "bridge/rpc.h"

#include <errno.h>

#include "bridge/http_origin.h"
#include "bridge/rpc_call.h"
#include "bridge/rpc_decode.h"
#include "bridge/rpc_encode.h"

enum {
    SMALL_ANSWER = 512,
    SHOWN_BYTES = 100,
    LOGGED_BYTES = 512, /* of a request that makes no sense */
};

/* One request whose answer is not there yet. */
typedef struct Reply {
    RpcServer *server;
    HttpRequest *request;
    char *method;
    RpcCall *call;
} Reply;

struct RpcServer {
    Manager *manager;
    GHashTable *replies; /* set of Reply */
};

static void reply_free(Reply *reply)
{
    g_hash_table_remove(reply->server->replies, reply);
    g_free(reply->method);
    g_free(reply);
}

int rpc_server_new(Manager *manager, RpcServer **ret)
{
    RpcServer *server = g_new0(RpcServer, 1);

    server->manager = manager;
    server->replies = g_hash_table_new(NULL, NULL);
    *ret = server;
    return 0;
}

void rpc_server_free(RpcServer *server)
{
    GHashTableIter iter;
    gpointer key;

    if (!server)
        return;
    g_hash_table_iter_init(&iter, server->replies);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        Reply *reply = key;
        g_hash_table_iter_remove(&iter);
        rpc_call_cancel(reply->call);
        http_request_reply_error(reply->request, 500);
        reply_free(reply);
    }
    g_hash_table_unref(server->replies);
    g_free(server);
}

static void on_done(GVariant *value, int fault, const char *text, void *userdata)
{
    Reply *reply = userdata;
    MainLog *log = manager_log(reply->server->manager);
    GString *body = g_string_sized_new(SMALL_ANSWER);

    if (value) {
        rpc_encode_response(body, value);
        main_log_write(log, LOG_LEVEL_TRACE, "XML-RPC method %s() returned successfully", reply->method);
    } else {
        rpc_encode_fault(body, fault, text);
        main_log_write(log, LOG_LEVEL_TRACE, "XML-RPC method %s() returned fault: [%d] %s", reply->method,
                       fault, text);
    }
    http_request_reply_string(reply->request, 200, "text/xml", body);
    reply_free(reply);
}

static void on_abandoned(void *userdata)
{
    Reply *reply = userdata;

    rpc_call_cancel(reply->call);
    reply_free(reply);
}

static void run(RpcServer *server, HttpRequest *request, const RpcRequest *decoded)
{
    Reply *reply = g_new0(Reply, 1);

    main_log_write(manager_log(server->manager), LOG_LEVEL_TRACE, "XML-RPC method called: %s()",
                   decoded->method);
    reply->server = server;
    reply->request = request;
    reply->method = g_strdup(decoded->method);
    reply->call = rpc_call_new(server->manager, decoded->method, decoded->arguments, false, on_done, reply);
    g_hash_table_add(server->replies, reply);
    http_request_on_abandon(request, on_abandoned, reply);
    rpc_call_run(reply->call);
}

static void refuse(RpcServer *server, HttpRequest *request, const char *why)
{
    size_t size;
    const char *body = http_request_body(request, &size);
    g_autofree char *head = g_strndup(body, MIN(size, LOGGED_BYTES));
    g_autofree char *escaped = g_strescape(head, NULL);

    main_log_write(manager_log(server->manager), LOG_LEVEL_ERROR,
                   "XML-RPC request data '%s%s' is invalid: %s", escaped, size > LOGGED_BYTES ? "..." : "",
                   why);
    http_request_reply_error(request, 400);
}

/* Browsers send a foreign page's XML along without asking, and the server's password, too. */
static bool is_foreign(RpcServer *server, HttpRequest *request)
{
    const char *host = http_request_header(request, "Host");
    const char *origin = http_request_header(request, "Origin");

    if (!http_origin_is_cross_site(request) && !http_origin_is_rebound(request))
        return false;
    g_autofree char *shown_host = g_strescape(host ? host : "", NULL);
    g_autofree char *shown_origin = g_strescape(origin ? origin : "", NULL);
    main_log_write(manager_log(server->manager), LOG_LEVEL_WARN,
                   "refused an XML-RPC request that a web page of '%.*s' sent to '%.*s'", SHOWN_BYTES,
                   shown_origin, SHOWN_BYTES, shown_host);
    return true;
}

void rpc_server_handle(RpcServer *server, HttpRequest *request)
{
    g_auto(RpcRequest) decoded = {0};
    size_t size;
    const char *body = http_request_body(request, &size);

    if (!g_str_equal(http_request_method(request), "POST"))
        http_request_reply_error(request, 400);
    else if (is_foreign(server, request))
        http_request_reply_error(request, 403);
    else if (rpc_decode(body, size, &decoded) < 0)
        refuse(server, request, "unmarshallable");
    else if (!decoded.method)
        refuse(server, request, "no method name");
    else
        run(server, request, &decoded);
}
