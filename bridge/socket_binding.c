#include "bridge/socket_binding.h"

#include <errno.h>
#include <glib.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"

/* The kernel's own numbers for devices are not those of stat(2). */
enum { MINOR_BITS = 20 };

typedef struct Binding {
    dev_t device;
    uint32_t inode;
} Binding;

typedef struct Question {
    struct nlmsghdr header;
    struct unix_diag_req request;
} Question;

static int send_question(int netlink, ino_t inode)
{
    const Question question = {
        .header = {.nlmsg_len = sizeof question,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = AF_UNIX,
                    .udiag_states = UINT32_MAX,
                    .udiag_ino = (uint32_t)inode,
                    .udiag_show = UDIAG_SHOW_VFS,
                    /* Any generation of it: there is one, since it is open. */
                    .udiag_cookie = {UINT32_MAX, UINT32_MAX}},
    };
    return send(netlink, &question, sizeof question, 0) < 0 ? -errno : 0;
}

static int read_attributes(const struct unix_diag_msg *answer, unsigned size, Binding *ret)
{
    const struct rtattr *attribute = (const struct rtattr *)(answer + 1);

    if (size < NLMSG_LENGTH(sizeof *answer))
        return -EBADMSG;
    for (size -= NLMSG_LENGTH(sizeof *answer); RTA_OK(attribute, size);
         attribute = RTA_NEXT(attribute, size)) {
        struct unix_diag_vfs file;
        if (attribute->rta_type != UNIX_DIAG_VFS || RTA_PAYLOAD(attribute) < sizeof file)
            continue;
        memcpy(&file, RTA_DATA(attribute), sizeof file);
        *ret = (Binding){
            .device =
                makedev(file.udiag_vfs_dev >> MINOR_BITS, file.udiag_vfs_dev & ((1U << MINOR_BITS) - 1)),
            .inode = file.udiag_vfs_ino,
        };
        return 0;
    }
    return -ENOENT;
}

static int ask_kernel(ino_t inode, Binding *ret)
{
    CLEANUP_CLOSE int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    union {
        struct nlmsghdr header;
        char bytes[4096];
    } answer;

    if (netlink < 0)
        return -errno;
    int r = send_question(netlink, inode);
    if (r < 0)
        return r;
    ssize_t size = recv(netlink, &answer, sizeof answer, 0);
    if (size < 0)
        return -errno;
    if (!NLMSG_OK(&answer.header, (size_t)size) || answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return -EBADMSG;
    return read_attributes(NLMSG_DATA(&answer.header), answer.header.nlmsg_len, ret);
}

/* The oracle binds it to FILE.PID. */
static bool is_name_of(const char *bound, const char *path)
{
    g_autofree char *one = g_path_get_basename(bound), *other = g_path_get_basename(path);
    size_t length = strlen(other);

    if (strncmp(one, other, length) != 0)
        return false;
    return one[length] == '\0' || (one[length] == '.' && one[length + 1] != '\0' &&
                                   strspn(one + length + 1, "0123456789") == strlen(one + length + 1));
}

static bool has_name_of(int fd, const char *path)
{
    struct sockaddr_un address = {0};
    socklen_t size = sizeof address - 1;

    return getsockname(fd, (struct sockaddr *)&address, &size) == 0 && address.sun_path[0] == '/' &&
           is_name_of(address.sun_path, path);
}

bool socket_binding_is_at(int fd, const char *path)
{
    struct stat socket, file;
    Binding binding;

    if (fstat(fd, &socket) < 0 || stat(path, &file) < 0 || !S_ISSOCK(file.st_mode))
        return false;
    int r = ask_kernel(socket.st_ino, &binding);
    if (r == -ENOENT)
        return false;
    if (r < 0)
        return has_name_of(fd, path);
    /* It tells half of the inode's number, and the device of the file system, which is not that of stat(2) on
     * btrfs. */
    return binding.inode == (uint32_t)file.st_ino && (binding.device == file.st_dev || has_name_of(fd, path));
}
