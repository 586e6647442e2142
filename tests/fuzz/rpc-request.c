/* The body of a request: decoded, looked at as methods do, encoded again. */
#include <stdlib.h>

#include "bridge/rpc_decode.h"
#include "bridge/rpc_encode.h"
#include "bridge/rpc_value.h"
#include "tests/fuzz/fuzz.h"

static void use(GVariant *value)
{
    char *text = rpc_value_to_text(value);
    g_autoptr(GString) answer = g_string_new(NULL);
    int64_t integer;

    (void)rpc_value_to_integer(value, &integer);
    g_free(text);
    (void)rpc_value_is_true(value);
    (void)rpc_value_is_hashable(value);
    rpc_encode_response(answer, value);
    /* What came in as XML can go out as such. */
    if (!g_utf8_validate(answer->str, (gssize)answer->len, NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_auto(RpcRequest) request = {0};

    if (rpc_decode((const char *)data, size, &request) < 0)
        return 0;
    for (unsigned i = 0; i < request.arguments->len; i++)
        use(g_ptr_array_index(request.arguments, i));
    return 0;
}
