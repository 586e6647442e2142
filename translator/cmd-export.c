/* supersede export: writes permanent units. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "translator/export.h"
#include "translator/host.h"
#include "translator/path.h"
#include "translator/supersede.h"

typedef struct ExportOptions {
    const char *output;
    const char *unit_directory;
    const char *conf;
    bool force;
    bool user_manager;
} ExportOptions;

static bool parse_options(int argc, char **argv, ExportOptions *options)
{
    static const struct option known[] = {
        {"output", required_argument, NULL, 'o'},
        {"unit-directory", required_argument, NULL, 'd'},
        {"force", no_argument, NULL, 'f'},
        {"user", no_argument, NULL, 'u'},
        {0},
    };

    /* 0 makes getopt begin anew. */
    optind = 0;
    for (int option; (option = getopt_long(argc, argv, ":o:f", known, NULL)) != -1;) {
        switch (option) {
        case 'o':
            options->output = optarg;
            break;
        case 'd':
            options->unit_directory = optarg;
            break;
        case 'f':
            options->force = true;
            break;
        case 'u':
            options->user_manager = true;
            break;
        default:
            return false;
        }
    }
    options->conf = optind < argc ? argv[optind] : NULL;
    return options->output && *options->output && argc - optind == 1;
}

static char *unit_directory(const ExportOptions *options)
{
    if (options->unit_directory)
        return path_absolute(options->unit_directory);
    if (options->user_manager)
        return g_build_filename(g_get_user_config_dir(), "systemd", "user", NULL);
    return g_strdup("/etc/systemd/system");
}

/* Nothing is written before all is known to be new. */
static int refuse_existing(const GPtrArray *files, const char *output)
{
    size_t existing = 0;

    for (size_t i = 0; i < files->len; i++) {
        const ExportFile *file = files->pdata[i];
        g_autofree char *path = g_build_filename(output, file->name, NULL);
        struct stat status;
        if (lstat(path, &status) < 0)
            continue;
        (void)supersede_complain("%s exists", path);
        existing++;
    }
    if (existing > 0)
        return supersede_complain("nothing was written (--force overwrites)");
    return STATUS_OK;
}

static int write_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        ssize_t written = write(fd, text, left);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            text += written;
            left -= (size_t)written;
        }
    }
    return 0;
}

/* Under a name of its own first: whoever looks sees the old file or the new one, and a secret never has the
 * old file's permissions. */
static int write_file(int directory, const ExportFile *file)
{
    g_autofree char *temporary = g_strdup_printf(".%.200s.%d", file->name, (int)getpid());
    int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;

    int r = write_all(fd, file->text);
    if (r == 0 && fchmod(fd, file->mode) < 0)
        r = -errno;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && renameat(directory, temporary, directory, file->name) < 0)
        r = -errno;
    if (r < 0)
        (void)unlinkat(directory, temporary, 0);
    return r;
}

static int write_files(const GPtrArray *files, const char *output)
{
    if (g_mkdir_with_parents(output, 0755) < 0)
        return supersede_complain("cannot make %s: %s", output, g_strerror(errno));
    int directory = open(output, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return supersede_complain("cannot open %s: %s", output, g_strerror(errno));
    int status = STATUS_OK;
    for (size_t i = 0; i < files->len && status == STATUS_OK; i++) {
        const ExportFile *file = files->pdata[i];
        int r = write_file(directory, file);
        if (r < 0)
            status = supersede_complain("cannot write %s/%s: %s", output, file->name, g_strerror(-r));
    }
    (void)close(directory);
    return status;
}

static void tell(const Diagnostics *diagnostics, const GPtrArray *files, const char *output)
{
    for (size_t i = 0; i < diagnostics_count(diagnostics); i++) {
        const Diagnostic *diagnostic = diagnostics_get(diagnostics, i);
        if (diagnostic->ours)
            fprintf(stderr, "%s:%u: %s\n", diagnostic->file ?: "-", diagnostic->line, diagnostic->text);
    }
    printf("%u files in %s; %s/README tells how to install them\n", files->len, output, output);
}

int supersede_export(int argc, char **argv)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Plan) plan = NULL;
    ExportOptions options = {0};

    if (!parse_options(argc, argv, &options))
        return supersede_usage("export");
    if (supersede_read_plan(options.conf, diagnostics, &plan) < 0)
        return supersede_complain("%s", diagnostics_first_error(diagnostics)->text);

    g_autofree char *directory = unit_directory(&options);
    const ExportHost host = host_for_export(options.user_manager, directory);
    g_autoptr(GPtrArray) files = export_files(plan, &host, diagnostics);
    int status = options.force ? STATUS_OK : refuse_existing(files, options.output);
    if (status == STATUS_OK)
        status = write_files(files, options.output);
    if (status != STATUS_OK)
        return status;
    tell(diagnostics, files, options.output);
    return supersede_finish(STATUS_OK);
}
