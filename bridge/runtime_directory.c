#include "bridge/runtime_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "translator/unitname.h"

static const char *const parts[] = {"process", "log"};

int runtime_directory_path(const char *identifier, bool user_manager, char **ret)
{
    const char *base = user_manager ? g_getenv("XDG_RUNTIME_DIR") : "/run";
    g_autofree char *fallback = g_strdup_printf("/run/user/%u", (unsigned)getuid());

    if (!base || !*base)
        base = fallback;
    if (access(base, W_OK | X_OK) < 0)
        return -errno;
    /* An identifier is free text; as a directory it must be one name, and fit into ExecStart= as it is. */
    g_autofree char *name = unitname_directory(identifier);
    *ret = g_build_filename(base, "supersede", name, NULL);
    return 0;
}

static int make_directory(const char *path, mode_t mode)
{
    struct stat status;

    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return -errno;
    if (lstat(path, &status) < 0)
        return -errno;
    if (!S_ISDIR(status.st_mode))
        return -ENOTDIR;
    return status.st_uid == geteuid() ? 0 : -EPERM;
}

static bool is_still_at(int fd, const char *path)
{
    struct stat held, named;

    return fstat(fd, &held) >= 0 && stat(path, &named) >= 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

/* -EAGAIN: the daemon that held it has just ended and taken the file with it. */
static int lock(const char *path)
{
    g_autofree char *name = g_build_filename(path, "lock", NULL);

    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == ENOENT ? -EAGAIN : -errno;
    int r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? (errno == EWOULDBLOCK ? -EBUSY : -errno) : 0;
    if (r >= 0 && !is_still_at(fd, name))
        r = -EAGAIN;
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}

static int make_and_lock(const char *path)
{
    g_autofree char *parent = g_path_get_dirname(path);

    int r = make_directory(parent, 0755);
    if (r >= 0)
        r = make_directory(path, 0700);
    return r < 0 ? r : lock(path);
}

static int make_parts(const char *path)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *part = g_build_filename(path, parts[i], NULL);
        r = make_directory(part, 0700);
    }
    return r;
}

int runtime_directory_prepare(const char *path, int *ret_lock)
{
    enum { TRIES = 10 };
    mode_t before = umask(0);
    int fd = -EAGAIN;

    for (unsigned i = 0; i < TRIES && fd == -EAGAIN; i++)
        fd = make_and_lock(path);
    int r = fd < 0 ? fd : make_parts(path);
    umask(before);
    if (r < 0) {
        if (fd >= 0)
            close(fd);
        return r;
    }
    *ret_lock = fd;
    return 0;
}

void runtime_directory_sign(int lock, const char *configuration)
{
    g_autofree char *text = g_strdup_printf("%d\n%s\n", (int)getpid(), configuration);

    /* Half a text is none to those who read it. */
    if (ftruncate(lock, 0) < 0 || pwrite(lock, text, strlen(text), 0) < 0)
        return;
}

int runtime_directory_holder(const char *path, pid_t *ret_pid, char **ret_configuration)
{
    g_autofree char *name = g_build_filename(path, "lock", NULL), *text = NULL;
    guint64 pid;

    if (!g_file_get_contents(name, &text, NULL, NULL))
        return -ENOENT;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    if (g_strv_length(lines) != 3 || !g_ascii_string_to_unsigned(lines[0], 10, 2, INT32_MAX, &pid, NULL))
        return -ENOENT;
    *ret_pid = (pid_t)pid;
    *ret_configuration = g_strdup(lines[1]);
    return 0;
}

static void remove_contents(const char *path, const char *keep)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_type != DT_DIR && g_strcmp0(entry->d_name, keep) != 0)
            (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    closedir(directory);
}

void runtime_directory_remove(const char *path, const char *keep)
{
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *part = g_build_filename(path, parts[i], NULL);
        remove_contents(part, NULL);
        (void)rmdir(part);
    }
    remove_contents(path, keep);
    (void)rmdir(path);
}
