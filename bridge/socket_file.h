/* Owner and mode of the file of a unix socket that is there already. Its directory may belong to somebody who
 * would like to see them set on another file: links are not followed, and nothing but a socket is touched. */
#pragma once

#include <sys/types.h>

/* 0 or negative errno: -ENOTSOCK when it is something else, a link included. */
int socket_file_set_owner(const char *path, uid_t uid, gid_t gid);
int socket_file_set_mode(const char *path, mode_t mode);
