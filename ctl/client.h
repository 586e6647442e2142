/* XML-RPC calls to the daemon. What comes back is a value: a result, a fault, or what went wrong on the way.
 */
#pragma once

#include <glib.h>
#include <xmlrpc-c/base.h>

#include "ctl/transport.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlrpc_value, xmlrpc_DECREF)

typedef enum ReplyKind {
    REPLY_VALUE,       /* value */
    REPLY_FAULT,       /* code, text: the daemon said no */
    REPLY_HTTP,        /* code, text: status and reason other than 200 */
    REPLY_SYSTEM,      /* code: errno of a connection that could not be made or broke */
    REPLY_BROKEN,      /* text: everything else */
    REPLY_INTERRUPTED, /* Ctrl-C */
} ReplyKind;

typedef struct Reply {
    ReplyKind kind;
    int code;
    char *text;
    xmlrpc_value *value;
} Reply;

void reply_clear(Reply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reply, reply_clear)
/* In the words of the oracle's exceptions: "<Fault 10: 'BAD_NAME'>", "[Errno 13] Permission denied". Newly
 * allocated. */
char *reply_describe(const Reply *reply);

typedef struct Client Client;

/* `transport` must outlive it. */
Client *client_new(Transport *transport);
void client_free(Client *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

/* Calls `method` and waits. `format` and what follows are xmlrpc_build_value()'s, an array: "()", "(s)",
 * "(sii)". */
void client_call(Client *client, Reply *ret, const char *method, const char *format, ...);
void client_call_va(Client *client, Reply *ret, const char *method, const char *format, va_list arguments);

/* Takes a whole answer apart; for tests, too. */
void client_decode(const char *body, size_t size, Reply *ret);
