/* From the text of an option to its value, by the oracle's converters (supervisor/datatypes.py) and Python's
 * int().
 *
 * Every function returns 0 (or 1, see value_integer) and fills its results, or returns -EINVAL and fills
 * `ret_error` with the oracle's message, newly allocated. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "translator/config.h"

/* int(text): white space around it, a sign, "1_000" and any script's digits count. Python's integers have no
 * limit: what does not fit comes out as the nearest that does, and 1 is returned. */
int value_integer(const char *text, int64_t *ret, char **ret_error);
/* "10MB"; 1 as above. */
int value_size(const char *text, int64_t *ret, char **ret_error);
/* "022", "0o22"; negative ones count as in C. */
int value_octal(const char *text, mode_t *ret, char **ret_error);
int value_boolean(const char *text, bool *ret, char **ret_error);
int value_autorestart(const char *text, Autorestart *ret, char **ret_error);
int value_signal(const char *text, int *ret, char **ret_error);
int value_loglevel(const char *text, int *ret, char **ret_error);
/* Newly allocated; NULL and 0 for none. */
int value_exitcodes(const char *text, int **ret, size_t *ret_count, char **ret_error);

/* Parts between commas, stripped; an empty text has none. NULL-terminated. */
GStrv value_list(const char *text);
/* A name of a process or group, stripped: no space, colon or slash in it. */
int value_name(const char *text, char **ret, char **ret_error);

int value_user(const char *text, const ConfigHost *host, uid_t *ret_uid, gid_t *ret_gid, char **ret_error);
/* user or user:group; a missing group is (gid_t)-1. */
int value_owner(const char *text, const ConfigHost *host, uid_t *ret_uid, gid_t *ret_gid, char **ret_error);
/* host:port, :port, *:port, port; "" for every address. */
int value_address(const char *text, char **ret_host, uint16_t *ret_port, char **ret_error);

/* A directory that exists, `~` expanded. */
int value_directory(const char *text, const ConfigHost *host, char **ret, char **ret_error);
/* A path whose directory exists. */
int value_file(const char *text, const ConfigHost *host, char **ret, char **ret_error);
/* `ret_path` is only filled for LOGFILE_PATH; `ret_syslog` says whether the deprecated word "syslog" stood
 * there. */
int value_logfile(const char *text, const ConfigHost *host, LogfileKind *ret_kind, char **ret_path,
                  bool *ret_syslog, char **ret_error);
