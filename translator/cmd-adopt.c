/* supersede adopt: a program of its own, which can speak to a daemon, does it. */
#include <errno.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/install_path.h"
#include "translator/supersede.h"

int supersede_adopt(int argc, char **argv)
{
    CLEANUP_FREE char *libexec = NULL;

    int r = install_path_libexec(&libexec);
    if (r < 0)
        return supersede_complain("cannot find its own installation: %s", g_strerror(-r));
    g_autofree char *program = g_build_filename(libexec, "supersede-adopt", NULL);
    execv(program, argv);
    return supersede_complain("cannot execute %s: %s", program, g_strerror(errno));
}
