/* What a daemon answers to the client. */
#include <stdlib.h>
#include <string.h>
#include <xmlrpc-c/base.h>

#include "ctl/answer.h"
#include "ctl/body.h"
#include "ctl/client.h"
#include "ctl/json.h"
#include "ctl/record.h"
#include "tests/fuzz/fuzz.h"

/* The quick reader says what xmlrpc-c says, or nothing. */
static void compare(const char *body, size_t size)
{
    g_autoptr(GString) quick_text = g_string_new(NULL), slow_text = g_string_new(NULL);
    g_autoptr(xmlrpc_value) quick = NULL, slow = NULL;
    g_autofree char *clean = NULL, *problem = NULL;
    const char *fault_text = NULL;
    int fault_code = 0;
    xmlrpc_env env;

    if (body_clean(body, size, &clean, &problem) < 0 || answer_read(clean, &quick) < 0)
        return;
    xmlrpc_env_init(&env);
    xmlrpc_parse_response2(&env, clean, strlen(clean), &slow, &fault_code, &fault_text);
    if (env.fault_occurred || !slow)
        abort();
    json_append(quick_text, quick);
    json_append(slow_text, slow);
    if (!g_string_equal(quick_text, slow_text))
        abort();
    xmlrpc_env_clean(&env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_auto(Reply) reply = {0};
    g_autofree char *problem = NULL, *said = NULL;
    g_autoptr(GArray) infos = NULL;
    g_autoptr(GString) text = g_string_new(NULL);

    compare((const char *)data, size);
    client_decode((const char *)data, size, &reply);
    said = reply_describe(&reply);
    if (reply.kind != REPLY_VALUE)
        return 0;
    (void)record_read_process_infos(reply.value, &infos, &problem);
    json_append(text, reply.value);
    return 0;
}
