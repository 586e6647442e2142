#include "translator/path.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "translator/text.h"

char *path_join(const char *directory, const char *path)
{
    if (path[0] == '/')
        return g_strdup(path);
    if (directory[0] == '\0' || g_str_has_suffix(directory, "/"))
        return g_strconcat(directory, path, NULL);
    return g_strconcat(directory, "/", path, NULL);
}

char *path_dirname(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    size_t kept = length;
    while (kept > 0 && path[kept - 1] == '/')
        kept--;
    return g_strndup(path, kept > 0 ? kept : length);
}

const char *path_basename(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *path_absolute(const char *path)
{
    g_autofree char *working_directory = g_get_current_dir();
    g_autofree char *joined = path_join(working_directory, path);
    g_auto(GStrv) parts = g_strsplit(joined, "/", -1);
    g_autoptr(GPtrArray) kept = g_ptr_array_new();
    for (char **part = parts; *part; part++) {
        if (**part == '\0' || strcmp(*part, ".") == 0)
            continue;
        if (strcmp(*part, "..") != 0)
            g_ptr_array_add(kept, *part);
        else if (kept->len > 0)
            g_ptr_array_remove_index(kept, kept->len - 1);
    }
    g_ptr_array_add(kept, NULL);
    g_autofree char *rest = g_strjoinv("/", (char **)kept->pdata);
    /* POSIX gives exactly two slashes at the beginning a meaning of their own, so Python keeps them. */
    bool doubled = g_str_has_prefix(joined, "//") && !g_str_has_prefix(joined, "///");
    return g_strconcat(doubled ? "//" : "/", rest, NULL);
}

char *path_expand_user(const char *path, const ConfigHost *host)
{
    if (path[0] != '~')
        return g_strdup(path);
    size_t length = strcspn(path, "/");
    g_autofree char *user = length > 1 ? g_strndup(path + 1, length - 1) : NULL;
    g_autofree char *home = host->find_home(user);
    if (!home)
        return g_strdup(path);
    size_t kept = strlen(home);
    while (kept > 0 && home[kept - 1] == '/')
        kept--;
    home[kept] = '\0';
    char *expanded = g_strconcat(home, path + length, NULL);
    if (expanded[0] != '\0')
        return expanded;
    g_free(expanded);
    return g_strdup("/");
}

char *path_normalize(const char *path, const ConfigHost *host)
{
    g_autofree char *expanded = path_expand_user(path, host);
    return path_absolute(expanded);
}

/* Whether `character` is in the set between `set` and `end`: "a-z0". A dash in first or last place is itself.
 */
static bool path_set_holds(const char *set, const char *end, gunichar character)
{
    while (set < end) {
        gunichar low, high, dash;
        const char *next = text_next(set, end, &low);
        high = low;
        if (next < end && *next == '-' && next + 1 < end) {
            next = text_next(next, end, &dash);
            next = text_next(next, end, &high);
        }
        if (character >= low && character <= high)
            return true;
        set = next;
    }
    return false;
}

/* The "]" that ends the set whose "[" is at `pattern`, or NULL: then the bracket is an ordinary character. */
static const char *path_set_end(const char *pattern)
{
    const char *at = pattern + 1;
    if (*at == '!')
        at++;
    if (*at == ']')
        at++;
    return strchr(at, ']');
}

/* Matches one character of `name` against the head of `pattern` (no "*"). Both move on; false when they
 * differ. */
static bool path_match_one(const char **pattern, const char **name)
{
    const char *name_end = *name + strlen(*name), *pattern_end = *pattern + strlen(*pattern);
    gunichar character, wanted;
    const char *next_name = text_next(*name, name_end, &character);
    const char *set_end = **pattern == '[' ? path_set_end(*pattern) : NULL;
    bool matches;
    if (set_end) {
        bool negated = (*pattern)[1] == '!';
        matches = path_set_holds(*pattern + 1 + negated, set_end, character) != negated;
        *pattern = set_end + 1;
    } else {
        *pattern = text_next(*pattern, pattern_end, &wanted);
        matches = wanted == '?' || wanted == character;
    }
    *name = next_name;
    return matches;
}

/* Goes back to the last "*" only, so that no pattern takes exponential time. */
static bool path_match(const char *pattern, const char *name)
{
    const char *star_pattern = NULL, *star_name = NULL;
    for (;;) {
        if (*pattern == '*') {
            star_pattern = ++pattern;
            star_name = name;
            continue;
        }
        if (*pattern == '\0' && *name == '\0')
            return true;
        if (*pattern != '\0' && *name != '\0' && path_match_one(&pattern, &name))
            continue;
        if (!star_pattern || *star_name == '\0')
            return false;
        gunichar skipped;
        star_name = text_next(star_name, star_name + strlen(star_name), &skipped);
        pattern = star_pattern;
        name = star_name;
    }
}

static bool path_has_magic(const char *path)
{
    return strpbrk(path, "*?[") != NULL;
}

static bool path_is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Adds what `pattern` (one component) matches in `directory`. */
static void path_glob_in(const char *directory, const char *pattern, GPtrArray *matches)
{
    struct stat status;
    if (!path_has_magic(pattern)) {
        g_autofree char *path = path_join(directory, pattern);
        /* A pattern that ends in a slash wants a directory. */
        if (pattern[0] == '\0' ? path_is_directory(directory) : lstat(path, &status) == 0)
            g_ptr_array_add(matches, g_steal_pointer(&path));
        return;
    }
    GDir *entries = g_dir_open(directory[0] ? directory : ".", 0, NULL);
    const char *name;
    while (entries && (name = g_dir_read_name(entries))) {
        if ((name[0] != '.' || pattern[0] == '.') && path_match(pattern, name))
            g_ptr_array_add(matches, path_join(directory, name));
    }
    g_clear_pointer(&entries, g_dir_close);
}

static int path_compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *path_glob(const char *pattern)
{
    GPtrArray *matches = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *directory = path_dirname(pattern);
    const char *name = strrchr(pattern, '/');
    name = name ? name + 1 : pattern;

    struct stat status;
    if (!path_has_magic(pattern)) {
        if (name[0] == '\0' ? path_is_directory(directory) : lstat(pattern, &status) == 0)
            g_ptr_array_add(matches, g_strdup(pattern));
    } else if (directory[0] != '\0' && path_has_magic(directory) && strcmp(directory, pattern) != 0) {
        g_autoptr(GPtrArray) directories = path_glob(directory);
        for (unsigned i = 0; i < directories->len; i++) {
            if (path_is_directory(g_ptr_array_index(directories, i)))
                path_glob_in(g_ptr_array_index(directories, i), name, matches);
        }
    } else {
        path_glob_in(directory, name, matches);
    }
    g_ptr_array_sort(matches, path_compare);
    return matches;
}
