/* The RPC server and the web pages behind a real socket with a manager of puppets, and how the tests ask it:
 * for test-rpc.c and test-rpc-control.c. */
#pragma once

#include <glib.h>

#include "bridge/http.h"
#include "bridge/rpc.h"
#include "bridge/web.h"
#include "tests/unit/fake-config.h"
#include "tests/unit/fake-manager.h"
#include "tests/unit/http-client.h"

/* Arguments */
#define TEXT(text)    "<param><value><string>" text "</string></value></param>"
#define NUMBER(text)  "<param><value><int>" text "</int></value></param>"
#define BOOL(text)    "<param><value><boolean>" text "</boolean></value></param>"
#define ARRAY(inside) "<param><value><array><data>" inside "</data></array></value></param>"
#define NIL           "<param><value><nil/></value></param>"
/* Results */
#define R_TEXT(text)          "<value><string>" text "</string></value>\n"
#define R_NUMBER(text)        "<value><int>" text "</int></value>\n"
#define R_TRUE                "<value><boolean>1</boolean></value>\n"
#define R_FALSE               "<value><boolean>0</boolean></value>\n"
#define R_ARRAY(inside)       "<value><array><data>\n" inside "</data></array></value>\n"
#define R_STRUCT(inside)      "<value><struct>\n" inside "</struct></value>\n"
#define R_MEMBER(name, value) "<member>\n<name>" name "</name>\n" value "</member>\n"
#define R_STATUS(name_, group_, status_, text_)                                                              \
    R_STRUCT(R_MEMBER("name", R_TEXT(name_)) R_MEMBER("group", R_TEXT(group_))                               \
                 R_MEMBER("status", R_NUMBER(status_)) R_MEMBER("description", R_TEXT(text_)))
#define R_FAULT(code, text)                                                                                  \
    R_STRUCT(R_MEMBER("faultCode", R_NUMBER(code)) R_MEMBER("faultString", R_TEXT(text)))
/* Entries of system.multicall */
#define CALL(name, params)                                                                                   \
    "<value><struct><member><name>methodName</name><value>" name "</value></member>"                         \
    "<member><name>params</name><value><array><data>" params                                                 \
    "</data></array></value></member></struct></value>"

typedef struct Fixture {
    char *directory;
    char *socket;
    char *log_path;
    char *main_log_path;
    sd_event *event;
    MainLog *log;
    ProcessConfig processes[5];
    const ProcessConfig *web_processes[1];
    const ProcessConfig *g_processes[3];
    const ProcessConfig *spare_processes[1];
    GroupConfig groups[3];
    Config *config;
    Manager *manager;
    RpcServer *rpc;
    Web *web_pages;
    Http *http;
    HttpClient *client;
    Instance *web, *a, *b, *c;
} Fixture;

int rpc_fixture_set_up(void **state);
int rpc_fixture_tear_down(void **state);

/* Sends the body of a request, or a call; `params` is XML. */
void post(HttpClient *client, const char *body);
void send_call(HttpClient *client, const char *method, const char *params);
/* The body of an answer that must be 200 and text/xml. */
char *receive(HttpClient *client);
char *call(Fixture *fixture, const char *method, const char *params);

/* The next answer is this value or fault, byte for byte. */
void assert_received_value(HttpClient *client, const char *value);
void assert_received_fault(HttpClient *client, int code, const char *text);
/* Both in one. */
void assert_value(Fixture *fixture, const char *method, const char *params, const char *value);
void assert_fault(Fixture *fixture, const char *method, const char *params, int code, const char *text);
/* Nothing has been answered yet. */
void assert_waits(HttpClient *client);
