#include "translator/supersede.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/install_path.h"
#include "translator/config.h"
#include "translator/host_daemon.h"
#include "translator/unitname.h"

int supersede_complain(const char *format, ...)
{
    va_list arguments;

    fputs("supersede: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return STATUS_ERROR;
}

int supersede_finish(int status)
{
    if (fflush(stdout) == EOF || ferror(stdout))
        return supersede_complain("cannot write: %s", g_strerror(errno));
    return status;
}

bool supersede_wants_colour(void)
{
    const char *terminal = getenv("TERM");
    const char *refused = getenv("NO_COLOR");

    return isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb") != 0 && !(refused && *refused);
}

void surroundings_clear(Surroundings *surroundings)
{
    free(surroundings->libexec);
    g_free(surroundings->runtime);
}

int surroundings_fill(Surroundings *surroundings, const char *identifier)
{
    bool user_manager = geteuid() != 0;
    const char *base = user_manager ? getenv("XDG_RUNTIME_DIR") : "/run";
    g_autofree char *fallback = g_strdup_printf("/run/user/%u", (unsigned)getuid());
    g_autofree char *directory = unitname_directory(identifier);

    int r = install_path_libexec(&surroundings->libexec);
    if (r < 0)
        return r;
    surroundings->runtime = g_build_filename(base && *base ? base : fallback, "supersede", directory, NULL);
    surroundings->mapping = (MappingContext){.libexecdir = surroundings->libexec,
                                             .runtime_directory = surroundings->runtime,
                                             .user_manager = user_manager};
    return 0;
}

int supersede_read_plan(const char *path, Diagnostics *diagnostics, Plan **ret_plan)
{
    g_autoptr(Config) config = NULL;

    int r = config_load_daemon(path, config_host_real(), diagnostics, &config);
    if (r < 0) {
        if (diagnostics_worst(diagnostics) < SEVERITY_ERROR)
            diagnostics_add(diagnostics, SEVERITY_ERROR, path, 0, NULL, "cannot be read: %s", g_strerror(-r));
        return r;
    }
    const DaemonConfig *daemon = config_daemon(config);
    r = plan_new(config, daemon->identifier, ret_plan);
    if (r < 0) {
        Origin origin = config_option_origin(config, "supervisord", "identifier");
        diagnostics_add(diagnostics, SEVERITY_ERROR, origin.file, origin.line, "supervisord.identifier",
                        "identifier is too long for the names of units");
    }
    return r;
}

int supersede_choose_configuration(const GPtrArray *daemons, char **ret_path)
{
    g_autofree char *tried = NULL;

    if (host_daemon_configuration(daemons, "/usr/bin/supervisord", ret_path, &tried) < 0)
        return supersede_complain(
            "no supervisord runs, no unit starts one, and there is no configuration (%s)", tried);
    return STATUS_OK;
}

int supersede_find_configuration(char **ret_path)
{
    g_autoptr(GPtrArray) daemons = host_daemon_find();

    return supersede_choose_configuration(daemons, ret_path);
}
