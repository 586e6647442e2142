/* A daemon for the client's tests: a thread behind a unix socket that answers each XML-RPC method with what
 * it was told, well-formed or not, and writes down what it was asked. */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef struct FakeDaemon FakeDaemon;

FakeDaemon *fake_daemon_new(void);
void fake_daemon_free(FakeDaemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeDaemon, fake_daemon_free)

/* unix://… */
const char *fake_daemon_url(const FakeDaemon *daemon);

/* `method` without "supervisor.". The value is XML: "<int>1</int>". */
void fake_daemon_value(FakeDaemon *daemon, const char *method, const char *value);
void fake_daemon_fault(FakeDaemon *daemon, const char *method, int code, const char *text);
/* A body with status 200. */
void fake_daemon_body(FakeDaemon *daemon, const char *method, const char *body, size_t size);
/* Bytes instead of an HTTP answer; the connection is closed behind them. */
void fake_daemon_raw(FakeDaemon *daemon, const char *method, const char *bytes, size_t size);
/* `prefix` and then `size` times 'x', sent as long as somebody takes them; the connection is closed behind
 * them. */
void fake_daemon_flood(FakeDaemon *daemon, const char *method, const char *prefix, size_t size);

/* "getVersion() reloadConfig() stopProcessGroup(x) …": everything it was asked since the last call. Newly
 * allocated. */
char *fake_daemon_take_calls(FakeDaemon *daemon);
