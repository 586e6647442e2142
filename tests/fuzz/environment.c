/* environment=: a list of KEY="value" pairs. */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "translator/environment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(Environment) environment = NULL;
    g_autofree char *error = NULL;
    int r = environment_parse(text, &environment, &error);

    if ((r == 0) != (environment != NULL) || (r == 0) == (error != NULL))
        abort();
    for (size_t i = 0; environment && i < environment_count(environment); i++) {
        if (!environment_get(environment, i)->name || !environment_get(environment, i)->value)
            abort();
    }
    return 0;
}
