/* Names of units: which bytes they may hold, how the others are escaped, how long they may be. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* systemd allows 255 bytes. The limit here leaves room for what systemd and journald put around a name in
 * names of files of their own
 * ("log-rate-limit-interval:NAME" in /run/systemd/units, "NAME.d"), which are 255 bytes at most as well. */
#define UNITNAME_MAX 220

/* `text` as `systemd-escape TEXT` prints it, newly allocated, but for three things that would break names
 * built from several parts: a slash is \x2f and no dash (dashes nest slices), a colon is \x3a (it separates
 * the parts), and an empty text is \x00 (an empty part of a slice is not valid). systemd-escape -u reads all
 * but the last back. */
char *unitname_escape(const char *text);

/* The same, but a text that is fine in the name of a service stays as it is, dashes included:
 * supervisor:my-app.service. */
char *unitname_escape_if_needed(const char *text);

/* PREFIX[@INSTANCE]SUFFIX, newly allocated. When that would be longer than UNITNAME_MAX, or when `force_hash`
 * is set, the prefix is cut as needed and ends in ":" and a hash of the whole name and of `salt` (NULL:
 * nothing). `instance` may be NULL; instance and suffix together must leave room for the hash. */
char *unitname_compose(const char *prefix, const char *instance, const char *suffix, bool force_hash,
                       const char *salt);

/* `name` without its suffix (".service"), every byte but [A-Za-z0-9:_.@-] as =XX, newly allocated. When that
 * would be longer than `limit` it is cut and ends in ":" and a hash of the name. */
char *unitname_file_stem(const char *name, size_t limit);

/* The directory of a daemon's `identifier` below /run/supersede, escaped and cut in the same way (it is part
 * of ExecStart= too): one name, never empty, "." or "..". Newly allocated. */
char *unitname_directory(const char *identifier);
