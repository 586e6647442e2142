"""Users of a box, made for a test: the box forgets them."""

import os
import pwd


def add_user(name, uid, members_of=()):
    """A user with a group of its own, and a member of groups of these numbers, which are made as well."""
    with open("/etc/passwd", "a", encoding="utf-8") as passwd:
        passwd.write(f"{name}:x:{uid}:{uid}::/nonexistent:/bin/sh\n")
    with open("/etc/group", "a", encoding="utf-8") as group:
        group.write(f"{name}:x:{uid}:\n")
        for number in members_of:
            group.write(f"of-{name}-{number}:x:{number}:{name}\n")
    return pwd.getpwnam(name)


def describe(path):
    """Owner, group and mode."""
    status = os.lstat(path)
    return f"{status.st_uid}:{status.st_gid} {status.st_mode:o}"
