#include "translator/value.h"

#include <errno.h>
#include <string.h>

#include "common/signal_name.h"
#include "translator/path.h"
#include "translator/text.h"

/* Python refuses to convert longer ones. */
#define MOST_DIGITS 4300
/* Python cuts the repr in its message there. */
#define LONGEST_LITERAL 200

static int value_fail(char **ret_error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static int value_fail(char **ret_error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    *ret_error = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return -EINVAL;
}

/* With repr(text) between two pieces of the message. */
static int value_fail_shown(char **ret_error, const char *before, const char *text, const char *after)
{
    g_autofree char *shown = text_repr(text);
    return value_fail(ret_error, "%s%s%s", before, shown, after);
}

static int value_fail_literal(char **ret_error, int base, const char *start, const char *end)
{
    g_autofree char *shown = text_repr_range(start, end);
    *(char *)text_offset(shown, LONGEST_LITERAL) = '\0';
    return value_fail(ret_error, "invalid literal for int() with base %d: %s", base, shown);
}

/* In a text of ASCII alone Python's int() knows only C's white space; else all of Unicode's. */
static bool value_is_space(gunichar character, bool ascii)
{
    return ascii ? character == ' ' || (character >= '\t' && character <= '\r') : text_is_space(character);
}

static void value_strip(const char **start, const char **end)
{
    bool ascii = true;
    for (const char *at = *start; at < *end; at++)
        ascii = ascii && (unsigned char)*at < 0x80;
    gunichar character;
    while (*start < *end && (text_next(*start, *end, &character), value_is_space(character, ascii)))
        *start = text_next(*start, *end, &character);
    while (*start < *end &&
           ((unsigned char)(*end)[-1] < 0x80 || g_utf8_validate(*start, *end - *start, NULL)) &&
           value_is_space(text_previous(*end, *start), ascii))
        *end = g_utf8_find_prev_char(*start, *end);
}

/* What stands behind the sign: digits with single underscores between them. Counts the digits; false when it
 * is no number. The number is cut at what 64 bits hold, and `ret_fits` tells. */
static bool value_read_digits(const char *at, const char *end, unsigned base, uint64_t *ret_number,
                              bool *ret_fits, size_t *ret_count)
{
    uint64_t number = 0;
    bool fits = true, after_digit = false;
    size_t count = 0;
    while (at < end) {
        gunichar character;
        at = text_next(at, end, &character);
        if (character == '_' && after_digit) {
            after_digit = false;
            continue;
        }
        int digit = g_unichar_isdigit(character) ? g_unichar_digit_value(character) : -1;
        if (digit < 0 || (unsigned)digit >= base)
            return false;
        fits = fits && !__builtin_mul_overflow(number, base, &number) &&
               !__builtin_add_overflow(number, (uint64_t)digit, &number);
        after_digit = true;
        count++;
    }
    *ret_number = number;
    *ret_fits = fits;
    *ret_count = count;
    return after_digit;
}

static int value_clamp(bool negative, bool fits, uint64_t magnitude, int64_t *ret)
{
    uint64_t limit = (uint64_t)INT64_MAX + negative;
    bool clamped = !fits || magnitude > limit;
    magnitude = clamped ? limit : magnitude;
    *ret = negative ? (int64_t)-magnitude : (int64_t)magnitude;
    return clamped;
}

static int value_number(const char *start, const char *end, unsigned base, int64_t *ret, char **ret_error)
{
    const char *at = start, *stop = end;
    value_strip(&at, &stop);
    bool negative = at < stop && *at == '-';
    at += at < stop && (*at == '-' || *at == '+');
    if (base == 8 && stop - at >= 2 && at[0] == '0' && (at[1] == 'o' || at[1] == 'O')) {
        at += 2;
        at += at < stop && *at == '_';
    }
    uint64_t magnitude;
    size_t count;
    bool fits;
    if (!value_read_digits(at, stop, base, &magnitude, &fits, &count))
        return value_fail_literal(ret_error, (int)base, start, end);
    if (base == 10 && count > MOST_DIGITS)
        return value_fail(
            ret_error,
            "Exceeds the limit (%d digits) for integer string conversion: value has %zu digits; "
            "use sys.set_int_max_str_digits() to increase the limit",
            MOST_DIGITS, count);
    return value_clamp(negative, fits, magnitude, ret);
}

int value_integer(const char *text, int64_t *ret, char **ret_error)
{
    return value_number(text, text + strlen(text), 10, ret, ret_error);
}

int value_size(const char *text, int64_t *ret, char **ret_error)
{
    static const struct {
        const char *suffix;
        int64_t factor;
    } units[] = {{"kb", 1 << 10}, {"mb", 1 << 20}, {"gb", 1 << 30}};

    g_autofree char *lower = text_lower(text);
    const char *end = lower + strlen(lower);
    int64_t factor = 1, number;
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (factor == 1 && g_str_has_suffix(lower, units[i].suffix)) {
            factor = units[i].factor;
            end -= 2;
        }
    }
    int clamped = value_number(lower, end, 10, &number, ret_error);
    if (clamped < 0)
        return clamped;
    if (__builtin_mul_overflow(number, factor, ret)) {
        *ret = number < 0 ? INT64_MIN : INT64_MAX;
        return 1;
    }
    return clamped;
}

int value_octal(const char *text, mode_t *ret, char **ret_error)
{
    int64_t number;
    g_autofree char *message = NULL;
    int result = value_number(text, text + strlen(text), 8, &number, &message);
    if (result < 0)
        return value_fail(ret_error, "%s can not be converted to an octal type", text);
    /* The oracle takes it and breaks when it comes to umask() or chmod(). */
    if (result > 0 || number < INT32_MIN || number > UINT32_MAX)
        return value_fail(ret_error, "%s is too large for a mode", text);
    *ret = (mode_t)number;
    return 0;
}

static const struct {
    const char *word;
    bool value;
} booleans[] = {
    {"yes", true}, {"true", true},   {"on", true},   {"1", true},
    {"no", false}, {"false", false}, {"off", false}, {"0", false},
};

static bool value_is_boolean(const char *lower, bool *ret)
{
    for (size_t i = 0; i < G_N_ELEMENTS(booleans); i++) {
        if (strcmp(lower, booleans[i].word) == 0) {
            *ret = booleans[i].value;
            return true;
        }
    }
    return false;
}

int value_boolean(const char *text, bool *ret, char **ret_error)
{
    g_autofree char *lower = text_lower(text);
    return value_is_boolean(lower, ret)
               ? 0
               : value_fail_shown(ret_error, "not a valid boolean value: ", text, "");
}

int value_autorestart(const char *text, Autorestart *ret, char **ret_error)
{
    g_autofree char *lower = text_lower(text);
    bool always;
    if (strcmp(lower, "unexpected") == 0)
        *ret = AUTORESTART_UNEXPECTED;
    else if (value_is_boolean(lower, &always))
        *ret = always ? AUTORESTART_ALWAYS : AUTORESTART_NEVER;
    else
        return value_fail_shown(ret_error, "invalid 'autorestart' value ", lower, "");
    return 0;
}

/* Python's signal module has more names that begin with SIG than signals, and the oracle takes them all. */
static int value_pseudo_signal(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } names[] = {{"_DFL", 0}, {"_IGN", 1}, {"_BLOCK", 0}, {"_UNBLOCK", 1}, {"_SETMASK", 2}};

    name += g_str_has_prefix(name, "SIG") ? 3 : 0;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(name, names[i].name) == 0)
            return names[i].number;
    }
    return -EINVAL;
}

int value_signal(const char *text, int *ret, char **ret_error)
{
    int64_t number;
    g_autofree char *message = NULL;
    int signal;
    if (value_integer(text, &number, &message) >= 0) {
        g_autofree char *decimal = g_strdup_printf("%" G_GINT64_FORMAT, number);
        signal = signal_from_string(decimal);
        if (signal < 0)
            return value_fail_shown(ret_error, "value ", text, " is not a valid signal number");
    } else {
        g_autofree char *stripped = text_stripped(text), *upper = text_upper(stripped);
        signal = signal_from_string(upper);
        if (signal < 0)
            signal = value_pseudo_signal(upper);
        if (signal < 0)
            return value_fail_shown(ret_error, "value ", text, " is not a valid signal name");
    }
    *ret = signal;
    return 0;
}

int value_loglevel(const char *text, int *ret, char **ret_error)
{
    static const struct {
        const char *word;
        int level;
    } levels[] = {{"critical", 50}, {"error", 40}, {"warn", 30},  {"info", 20},
                  {"debug", 10},    {"trace", 5},  {"blather", 3}};

    g_autofree char *lower = text_lower(text);
    for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
        if (strcmp(lower, levels[i].word) == 0) {
            *ret = levels[i].level;
            return 0;
        }
    }
    return value_fail_shown(ret_error, "bad logging level name ", text, "");
}

int value_exitcodes(const char *text, int **ret, size_t *ret_count, char **ret_error)
{
    g_autoptr(GArray) codes = g_array_new(FALSE, FALSE, sizeof(int));
    g_auto(GStrv) parts = value_list(text);
    for (char **part = parts; *part; part++) {
        g_autofree char *message = NULL;
        int64_t number;
        if (value_integer(*part, &number, &message) < 0 || number < 0 || number > 255)
            return value_fail_shown(ret_error, "not a valid list of exit codes: ", text, "");
        int code = (int)number;
        g_array_append_val(codes, code);
    }
    *ret_count = codes->len;
    *ret = (int *)g_array_steal(codes, NULL);
    return 0;
}

GStrv value_list(const char *text)
{
    if (text[0] == '\0')
        return g_new0(char *, 1);
    GStrv parts = g_strsplit(text, ",", -1);
    for (char **part = parts; *part; part++) {
        char *stripped = text_stripped(*part);
        g_free(*part);
        *part = stripped;
    }
    return parts;
}

int value_name(const char *text, char **ret, char **ret_error)
{
    g_autofree char *stripped = text_stripped(text);
    for (const char *forbidden = " :/"; *forbidden; forbidden++) {
        if (strchr(stripped, *forbidden)) {
            g_autofree char *shown = text_repr(text);
            return value_fail(ret_error, "Invalid name: %s because of character: '%c'", shown, *forbidden);
        }
    }
    *ret = g_steal_pointer(&stripped);
    return 0;
}

/* The oracle asks int() first, so " 5 " and "1_0" are numbers; the host is asked in plain decimal. Returns
 * what to look up: the name, or the number if it may be an ID at all, or NULL. */
static char *value_account(const char *text, bool *ret_is_number)
{
    g_autofree char *message = NULL;
    int64_t number;
    int result = value_integer(text, &number, &message);
    *ret_is_number = result >= 0;
    if (result < 0)
        return g_strdup(text);
    /* (uid_t)-1 means "none" everywhere. */
    return result > 0 || number < 0 || number >= UINT32_MAX ? NULL
                                                            : g_strdup_printf("%" G_GINT64_FORMAT, number);
}

int value_user(const char *text, const ConfigHost *host, uid_t *ret_uid, gid_t *ret_gid, char **ret_error)
{
    bool is_number;
    g_autofree char *account = value_account(text, &is_number);
    if (!account || host->find_user(account, ret_uid, ret_gid) < 0)
        return value_fail(ret_error, is_number ? "Invalid user id %s" : "Invalid user name %s", text);
    return 0;
}

static int value_group(const char *text, const ConfigHost *host, gid_t *ret_gid)
{
    bool is_number;
    g_autofree char *account = value_account(text, &is_number);
    return account ? host->find_group(account, ret_gid) : -ENOENT;
}

int value_owner(const char *text, const ConfigHost *host, uid_t *ret_uid, gid_t *ret_gid, char **ret_error)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", 2);
    g_autofree char *message = NULL;
    uid_t uid;
    gid_t own_gid, gid = (gid_t)-1;
    /* g_strsplit makes nothing of an empty text. */
    if (value_user(parts[0] ? parts[0] : "", host, &uid, &own_gid, &message) < 0 ||
        (parts[0] && parts[1] && value_group(parts[1], host, &gid) < 0))
        return value_fail(ret_error, "Invalid user:group definition %s", text);
    *ret_uid = uid;
    *ret_gid = gid;
    return 0;
}

static int value_port(const char *text, uint16_t *ret, char **ret_error)
{
    int64_t number;
    int result = value_integer(text, &number, ret_error);
    if (result < 0)
        return result;
    if (number < 1)
        return value_fail(ret_error, "%" G_GINT64_FORMAT " is below lower bound (1)", number);
    if (number > UINT16_MAX)
        return value_fail(ret_error, "%" G_GINT64_FORMAT " is above upper bound (65535)", number);
    *ret = (uint16_t)number;
    return 0;
}

int value_address(const char *text, char **ret_host, uint16_t *ret_port, char **ret_error)
{
    const char *colon = strrchr(text, ':');
    g_autofree char *message = NULL;
    uint16_t port = 0;
    if (!colon && value_port(text, &port, &message) < 0)
        return value_fail_shown(ret_error, "not a valid port number: ", text, " ");
    if (colon && colon[1] == '\0')
        return value_fail(ret_error, "no port number specified in ''");
    if (colon && value_port(colon + 1, &port, ret_error) < 0)
        return -EINVAL;
    g_autofree char *head = g_strndup(text, colon ? (size_t)(colon - text) : 0);
    *ret_host = strcmp(head, "*") == 0 ? g_strdup("") : text_lower(head);
    *ret_port = port;
    return 0;
}

int value_directory(const char *text, const ConfigHost *host, char **ret, char **ret_error)
{
    g_autofree char *path = path_expand_user(text, host);
    if (!host->is_directory(path))
        return value_fail(ret_error, "%s is not an existing directory", text);
    *ret = g_steal_pointer(&path);
    return 0;
}

int value_file(const char *text, const ConfigHost *host, char **ret, char **ret_error)
{
    g_autofree char *path = path_expand_user(text, host);
    g_autofree char *directory = path_dirname(path);
    if (directory[0] != '\0' && !host->is_directory(directory))
        return value_fail(ret_error, "The directory named as part of the path %s does not exist", text);
    *ret = g_steal_pointer(&path);
    return 0;
}

int value_logfile(const char *text, const ConfigHost *host, LogfileKind *ret_kind, char **ret_path,
                  bool *ret_syslog, char **ret_error)
{
    static const struct {
        const char *word;
        LogfileKind kind;
        bool syslog;
    } words[] = {
        {"none", LOGFILE_NONE, false},
        {"off", LOGFILE_NONE, false},
        {"auto", LOGFILE_AUTO, false},
        {"syslog", LOGFILE_NONE, true},
    };

    g_autofree char *lower = text_lower(text);
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(lower, words[i].word) == 0) {
            *ret_kind = words[i].kind;
            *ret_syslog = words[i].syslog;
            return 0;
        }
    }
    int result = value_file(text, host, ret_path, ret_error);
    if (result < 0)
        return result;
    *ret_kind = LOGFILE_PATH;
    *ret_syslog = false;
    return 0;
}
