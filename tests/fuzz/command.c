/* command=, split and looked up, and what repr() makes of it. */
#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    Command command = {0};
    char *message = NULL;
    int r = text ? command_resolve(text, "/usr/bin:/bin", &command, &message) : 0;

    if (text && (r == COMMAND_OK) != (command.argv != NULL))
        abort();
    free(message);
    command_clear(&command);
    free(text ? command_repr(text) : NULL);
    free(text);
    return 0;
}
