/* The value of an Authorization header. */
#include <stdlib.h>
#include <string.h>

#include "bridge/auth.h"
#include "bridge/base64.h"
#include "tests/fuzz/fuzz.h"
#include <glib.h>

#define USERNAME "user"
#define PASSWORD "a password that no mutation hits"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *header = g_strndup((const char *)data, size);
    g_autofree char *decoded = NULL;
    size_t length = 0;

    decoded = base64_decode(header, &length);
    if (decoded && decoded[length] != '\0')
        abort();
    if (auth_check(USERNAME, PASSWORD, header) == AUTH_GRANTED)
        abort();
    (void)auth_check(USERNAME, "{SHA}0000000000000000000000000000000000000000", header);
    return 0;
}
