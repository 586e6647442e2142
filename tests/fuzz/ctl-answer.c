/* What a daemon answers to the client. */
#include <xmlrpc-c/base.h>

#include "ctl/client.h"
#include "ctl/json.h"
#include "ctl/record.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_auto(Reply) reply = {0};
    g_autofree char *problem = NULL, *said = NULL;
    g_autoptr(GArray) infos = NULL;
    g_autoptr(GString) text = g_string_new(NULL);

    client_decode((const char *)data, size, &reply);
    said = reply_describe(&reply);
    if (reply.kind != REPLY_VALUE)
        return 0;
    (void)record_read_process_infos(reply.value, &infos, &problem);
    json_append(text, reply.value);
    return 0;
}
