/* supersede status: finds the configuration; a program of its own, which can speak to a daemon, does the
 * rest. */
#include <errno.h>
#include <getopt.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/install_path.h"
#include "translator/host_daemon.h"
#include "translator/supersede.h"

int supersede_status(int argc, char **argv)
{
    static const struct option known[] = {{"json", no_argument, NULL, 'j'}, {0}};
    CLEANUP_FREE char *libexec = NULL;
    bool json = false;

    optind = 0;
    for (int option; (option = getopt_long(argc, argv, ":", known, NULL)) != -1;) {
        if (option != 'j')
            return supersede_usage("status");
        json = true;
    }
    if (argc - optind > 1)
        return supersede_usage("status");

    g_autofree char *found = NULL;
    if (optind == argc && supersede_find_configuration(&found) != STATUS_OK)
        return STATUS_ERROR;
    int r = install_path_libexec(&libexec);
    if (r < 0)
        return supersede_complain("cannot find its own installation: %s", g_strerror(-r));
    g_autofree char *program = g_build_filename(libexec, "supersede-status", NULL);
    const char *path = found ?: argv[optind];
    execl(program, "supersede-status", json ? "--json" : "--", json ? "--" : path, json ? path : NULL, NULL);
    return supersede_complain("cannot execute %s: %s", program, g_strerror(errno));
}
