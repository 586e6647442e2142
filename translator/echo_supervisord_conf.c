/* echo_supervisord_conf: prints a sample configuration. Arguments are ignored, as the oracle ignores them. */
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

#include "translator/sample.h"

int main(void)
{
    g_autofree char *text = sample_configuration();

    if (fputs(text, stdout) == EOF || fflush(stdout) == EOF) {
        fprintf(stderr, "echo_supervisord_conf: cannot write: %s\n", g_strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
