/* Paths, by the rules of Python's os.path. Results are newly allocated, where nothing else is said. */
#pragma once

#include <stdbool.h>

#include "translator/config.h"

char *path_join(const char *directory, const char *path);
/* Everything before the last slash; "" when there is none. */
char *path_dirname(const char *path);
/* What is behind the last slash: a part of `path`. */
const char *path_basename(const char *path);
/* Absolute, from the working directory, without "." and ".." and doubled slashes. */
char *path_absolute(const char *path);
/* "~" and "~user" replaced by the home directory; unchanged when there is no such user. */
char *path_expand_user(const char *path, const ConfigHost *host);
/* The oracle's normalize_path(): both of the above. */
char *path_normalize(const char *path, const ConfigHost *host);

/* Paths that match a shell pattern, sorted. Python's glob: a backslash is no escape, "[!x]" negates and
 * "[^x]" does not,
 * "*" leaves hidden files alone. */
GPtrArray *path_glob(const char *pattern);
