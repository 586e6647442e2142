/* supervisorctl */
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "ctl/command.h"
#include "ctl/controller.h"
#include "ctl/shell.h"

/* What was executed, with its path: how the oracle, a script, knows itself. */
static const char *program_path(char **argv)
{
    const char *path = (const char *)getauxval(AT_EXECFN);

    return path ? path : argv[0];
}

/* Or the connection to the daemon would get a number below 3, and what is printed would go there. What is
 * written to such a descriptor fails, as it should. */
static void keep_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
            _exit(EXIT_STATUS_GENERIC);
}

static int refuse(const char *program, const char *message)
{
    fprintf(stderr, "Error: %s\nFor help, use %s -h\n", message, program);
    return 2;
}

static int run(const Settings *settings)
{
    g_autoptr(Controller) controller = controller_new(settings, stdout);

    if (!settings->command) {
        shell_run(controller);
        return 0;
    }
    command_execute(controller, settings->command);
    return (int)controller_exit_status(controller);
}

int main(int argc, char **argv)
{
    g_auto(Settings) settings = {0};
    g_autofree char *message = NULL, *help = NULL;
    const char *program = program_path(argv);
    int status;

    keep_standard_streams();
    /* For the line editor: it asks the locale which bytes are characters. */
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
    if (settings_parse(program, argv + (argc > 0), &settings, &message) < 0)
        return refuse(program, message);
    if (settings.help) {
        help = settings_help(program);
        fputs(help, stdout);
        return 0;
    }
    if (settings_configure(&settings, &message) < 0)
        return refuse(program, message);
    if (settings.warnings && *settings.warnings)
        fprintf(stderr, "Warning: %s\n", settings.warnings);
    status = run(&settings);
    if (fflush(stdout) == EOF && status == 0)
        status = EXIT_STATUS_GENERIC;
    return status;
}
