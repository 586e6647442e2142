/* What a daemon answers over HTTP, in two pieces: the first byte says where they meet. */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/http_reply.h"
#include "tests/fuzz/fuzz.h"

static bool take_head(int status, const char *reason, void *userdata)
{
    if (status < 200 || status > 999 || strchr(reason, '\n'))
        abort();
    return true;
}

static bool take_body(const char *data, size_t size, void *userdata)
{
    size_t *total = userdata;

    *total += size;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const HttpSink sink = {.head = take_head, .body = take_body};
    size_t total = 0, cut;
    g_autoptr(HttpReply) reply = http_reply_new(&sink, &total);

    if (size < 1)
        return 0;
    cut = MIN(data[0], size - 1);
    if (http_reply_feed(reply, (const char *)data + 1, cut) == 0 &&
        http_reply_feed(reply, (const char *)data + 1 + cut, size - 1 - cut) == 0)
        (void)http_reply_finish(reply);
    if (total > size)
        abort();
    return 0;
}
