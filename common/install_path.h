/* Where the programs of one installation find each other, whatever its prefix. */
#pragma once

/* Directory of the helpers (supersede-exec, supersede-gate) or of the programs (supervisord, …): from the
 * path of the running executable by way of the relative path between the two that the build fixed, so that an
 * installation can be moved as a whole. Returns 0 with a newly allocated absolute path, or negative errno. */
int install_path_libexec(char **ret);
int install_path_bin(char **ret);
