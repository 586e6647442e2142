/* An option's text with %(name)s in it. */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "translator/expand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(ExpandMapping) base = expand_mapping_new();
    g_autoptr(ExpandMapping) over = expand_mapping_new();
    g_autofree char *format = g_strndup((const char *)data, size);
    g_autofree char *text = NULL, *error = NULL;

    expand_mapping_set(base, "here", "/somewhere");
    expand_mapping_set_variable(base, "HOME", "/root");
    expand_mapping_set(over, "program_name", "web");
    expand_mapping_set_integer(over, "process_num", 7);
    int r = expand_text(format, base, over, "option", &text, &error);
    /* One of the two, never both. */
    if ((r == 0) != (text != NULL) || (r == 0) == (error != NULL))
        abort();
    return 0;
}
