#include "translator/host.h"

#include <netdb.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What systemd searches when ExecStart= has no path. */
#define SEARCH_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Where administrators, packages and the running system have units. */
static const char *const system_directories[] = {"/etc/systemd/system",           "/run/systemd/system",
                                                 "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                                 "/lib/systemd/system",           NULL};
static const char *const user_directories[] = {"/etc/systemd/user", "/usr/local/lib/systemd/user",
                                               "/usr/lib/systemd/user", NULL};

static bool is_program(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static char *find_program(const char *name, const char *search_path)
{
    g_auto(GStrv) directories = g_strsplit(search_path ?: SEARCH_PATH, ":", -1);

    for (size_t i = 0; directories[i]; i++) {
        g_autofree char *path = g_build_filename(directories[i], name, NULL);
        if (*path == '/' && is_program(path))
            return g_steal_pointer(&path);
    }
    return NULL;
}

static char *find_address(const char *name)
{
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char text[NI_MAXHOST];

    if (strcmp(name, "localhost") == 0)
        return g_strdup("127.0.0.1");
    if (getaddrinfo(name, NULL, &wanted, &found) != 0)
        return NULL;
    int r = getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    return r == 0 ? g_strdup(text) : NULL;
}

/* Exporting again must find the names that it has given before. */
static bool has_unit(const char *name, bool user_manager)
{
    const char *const *directories = user_manager ? user_directories : system_directories;

    for (size_t i = 0; directories[i]; i++) {
        g_autofree char *path = g_build_filename(directories[i], name, NULL);
        struct stat status;
        if (lstat(path, &status) == 0 && !export_unit_is_exported(path))
            return true;
    }
    return false;
}

ExportHost host_for_export(bool user_manager, const char *directory)
{
    return (ExportHost){.find_program = find_program,
                        .find_address = find_address,
                        .has_unit = has_unit,
                        .user_manager = user_manager,
                        .directory = directory};
}
