#include "bridge/identity.h"

#include <errno.h>
#include <glib.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

/* Like the umask, it belongs to the process. */
static bool taken;
static Identity file_owner;

/* The oracle's way: the primary group, and every group of the database that names the user as a member. */
static int take_groups(const char *user, gid_t primary)
{
    g_autoptr(GArray) groups = g_array_new(FALSE, FALSE, sizeof(gid_t));

    g_array_append_val(groups, primary);
    setgrent();
    for (struct group *group; (group = getgrent());) {
        if (g_strv_contains((const char *const *)group->gr_mem, user))
            g_array_append_val(groups, group->gr_gid);
    }
    endgrent();
    return setgroups(groups->len, (const gid_t *)(void *)groups->data) < 0 ? -errno : 0;
}

int identity_take(uid_t uid)
{
    if (getuid() == uid || geteuid() != 0)
        return 0;
    errno = 0;
    const struct passwd *entry = getpwuid(uid);
    if (!entry)
        return errno > 0 ? -errno : -ENOENT;
    gid_t primary = entry->pw_gid;
    g_autofree char *name = g_strdup(entry->pw_name); /* getgrent() may look users up */
    int r = take_groups(name, primary);
    if (r < 0)
        return r;
    /* The oracle's daemon is that user's, who may send it signals: listeners end it with `kill $PPID`. The
     * kernel goes by the saved user ID, which means nothing else here. */
    if (setresuid((uid_t)-1, (uid_t)-1, uid) < 0)
        return -errno;
    file_owner = (Identity){.uid = uid, .gid = primary};
    taken = true;
    return 0;
}

/* The group first while we may choose it. With the user goes what root may do to files; the kernel gives it
 * back when the user is root again. */
Identity identity_enter(void)
{
    Identity before = {0};

    if (!taken)
        return before;
    before.gid = (gid_t)setfsgid(file_owner.gid);
    before.uid = (uid_t)setfsuid(file_owner.uid);
    return before;
}

void identity_leave(const Identity *before)
{
    int saved_errno = errno;

    if (!taken)
        return;
    (void)setfsuid(before->uid);
    (void)setfsgid(before->gid);
    errno = saved_errno;
}
