/* XML-RPC: decode a call, find the method, run it, encode the answer. */
#pragma once

#include "bridge/http.h"
#include "bridge/manager.h"

/* Handler of POST /RPC2; `userdata` is an RpcServer. */
typedef struct RpcServer RpcServer;

/* `manager` must outlive it. Returns 0 or negative errno. */
/* Handlers run with the manager; calls that wait are cancelled by rpc_server_free and answered with 500. */
int rpc_server_new(Manager *manager, RpcServer **ret);
void rpc_server_free(RpcServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RpcServer, rpc_server_free)

void rpc_server_handle(RpcServer *server, HttpRequest *request);
