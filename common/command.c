#include "common/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/unicode_printable.h"

/* Splitting: the state machine of shlex in POSIX mode with whitespace_split. Every character that means
 * something to it is ASCII, so bytes will do for UTF-8. */

typedef enum SplitState {
    SPLIT_BETWEEN, /* between words */
    SPLIT_WORD,
    SPLIT_SINGLE,         /* inside '…' */
    SPLIT_DOUBLE,         /* inside "…" */
    SPLIT_ESCAPED,        /* after a backslash outside quotes */
    SPLIT_DOUBLE_ESCAPED, /* after a backslash inside "…" */
} SplitState;

typedef struct Splitter {
    SplitState state;
    char *text; /* the words, each with its NUL: never longer than the text and one byte */
    char *end;
    size_t words;
} Splitter;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void append(Splitter *splitter, char c)
{
    *splitter->end++ = c;
}

static void end_word(Splitter *splitter)
{
    append(splitter, '\0');
    splitter->words++;
}

static void split_unquoted(Splitter *splitter, char c)
{
    if (is_blank(c)) {
        if (splitter->state == SPLIT_WORD)
            end_word(splitter);
        splitter->state = SPLIT_BETWEEN;
        return;
    }
    splitter->state = SPLIT_WORD;
    if (c == '\'')
        splitter->state = SPLIT_SINGLE;
    else if (c == '"')
        splitter->state = SPLIT_DOUBLE;
    else if (c == '\\')
        splitter->state = SPLIT_ESCAPED;
    else
        append(splitter, c);
}

static void split_double(Splitter *splitter, char c)
{
    if (c == '"')
        splitter->state = SPLIT_WORD;
    else if (c == '\\')
        splitter->state = SPLIT_DOUBLE_ESCAPED;
    else
        append(splitter, c);
}

static void split_character(Splitter *splitter, char c)
{
    switch (splitter->state) {
    case SPLIT_BETWEEN:
    case SPLIT_WORD:
        split_unquoted(splitter, c);
        break;
    case SPLIT_SINGLE:
        if (c == '\'')
            splitter->state = SPLIT_WORD;
        else
            append(splitter, c);
        break;
    case SPLIT_DOUBLE:
        split_double(splitter, c);
        break;
    case SPLIT_ESCAPED:
        append(splitter, c);
        splitter->state = SPLIT_WORD;
        break;
    case SPLIT_DOUBLE_ESCAPED:
        if (c != '"' && c != '\\')
            append(splitter, '\\');
        append(splitter, c);
        splitter->state = SPLIT_DOUBLE;
        break;
    }
}

/* What shlex raises when the text ends here; NULL when it may. */
static const char *split_end(Splitter *splitter)
{
    switch (splitter->state) {
    case SPLIT_WORD:
        end_word(splitter);
        return NULL;
    case SPLIT_SINGLE:
    case SPLIT_DOUBLE:
        return "No closing quotation";
    case SPLIT_ESCAPED:
    case SPLIT_DOUBLE_ESCAPED:
        return "No escaped character";
    case SPLIT_BETWEEN:
        break;
    }
    return NULL;
}

static char **make_argv(const char *words, size_t count)
{
    char **argv = calloc(count + 1, sizeof *argv);

    for (size_t i = 0; argv && i < count; i++) {
        argv[i] = strdup(words);
        if (!argv[i]) {
            while (i > 0)
                free(argv[--i]);
            free(argv);
            return NULL;
        }
        words += strlen(words) + 1;
    }
    return argv;
}

static int split(const char *text, char ***ret_argv, const char **ret_problem)
{
    CLEANUP_FREE char *words = malloc(strlen(text) + 1);
    if (!words)
        return -ENOMEM;

    Splitter splitter = {.text = words, .end = words};
    for (const char *c = text; *c; c++)
        split_character(&splitter, *c);
    const char *problem = split_end(&splitter);
    if (problem) {
        *ret_problem = problem;
        return COMMAND_BAD;
    }
    char **argv = make_argv(words, splitter.words);
    if (!argv)
        return -ENOMEM;
    *ret_argv = argv;
    return COMMAND_OK;
}

/* Messages */

__attribute__((format(printf, 3, 4))) static int problem_message(int problem, char **ret_message,
                                                                 const char *format, ...)
{
    va_list arguments;
    char *message = NULL;

    va_start(arguments, format);
    int r = vasprintf(&message, format, arguments);
    va_end(arguments);
    if (r < 0)
        return -ENOMEM;
    *ret_message = message;
    return problem;
}

static int file_problem(int problem, const char *before, const char *file, const char *after,
                        char **ret_message)
{
    CLEANUP_FREE char *shown = command_repr(file);
    if (!shown)
        return -ENOMEM;
    return problem_message(problem, ret_message, "%s%s%s", before, shown, after);
}

static int parse_problem(const char *text, const char *reason, char **ret_message)
{
    CLEANUP_FREE char *shown = command_repr(text);
    if (!shown)
        return -ENOMEM;
    return problem_message(COMMAND_BAD, ret_message, "can't parse command %s: %s", shown, reason);
}

/* Finding the file */

/* Python's os.path.join: an empty element of the path is the working directory. */
static char *join(const char *directory, size_t length, const char *name)
{
    char *path = NULL;
    const char *slash = length > 0 && directory[length - 1] != '/' ? "/" : "";

    return asprintf(&path, "%.*s%s%s", (int)length, directory, slash, name) < 0 ? NULL : path;
}

/* The first entry of that name wins even if it is a directory or cannot be executed: the oracle stops there.
 */
static int find(const char *name, const char *search_path, char **ret_file, struct stat *ret_status)
{
    for (const char *directory = search_path;; directory++) {
        size_t length = strcspn(directory, ":");
        CLEANUP_FREE char *file = join(directory, length, name);
        if (!file)
            return -ENOMEM;
        if (stat(file, ret_status) == 0) {
            *ret_file = file;
            file = NULL;
            return 0;
        }
        directory += length;
        if (!*directory)
            return -ENOENT;
    }
}

static int locate(const char *program, const char *search_path, char **ret_file, struct stat *ret_status)
{
    if (!strchr(program, '/'))
        return find(program, search_path, ret_file, ret_status);
    if (stat(program, ret_status) < 0)
        return -ENOENT;
    *ret_file = strdup(program);
    return *ret_file ? 0 : -ENOMEM;
}

static int resolve(const char *program, const char *search_path, char **ret_file, char **ret_message)
{
    struct stat status;
    CLEANUP_FREE char *file = NULL;

    int r = locate(program, search_path, &file, &status);
    if (r == -ENOENT)
        return file_problem(COMMAND_NOT_FOUND, "can't find command ", program, "", ret_message);
    if (r < 0)
        return r;
    if (S_ISDIR(status.st_mode))
        return file_problem(COMMAND_NOT_EXECUTABLE, "command at ", file, " is a directory", ret_message);
    if ((status.st_mode & 0111) == 0)
        return file_problem(COMMAND_NOT_EXECUTABLE, "command at ", file, " is not executable", ret_message);
    if (access(file, X_OK) < 0)
        return file_problem(COMMAND_NOT_EXECUTABLE, "no permission to run command ", file, "", ret_message);
    *ret_file = file;
    file = NULL;
    return COMMAND_OK;
}

int command_resolve(const char *text, const char *search_path, Command *ret_command, char **ret_message)
{
    Command command = {0};
    const char *reason;

    int r = split(text, &command.argv, &reason);
    if (r == COMMAND_BAD)
        return parse_problem(text, reason, ret_message);
    if (r < 0)
        return r;
    if (!command.argv[0])
        r = problem_message(COMMAND_BAD, ret_message, "command is empty");
    else
        r = resolve(command.argv[0], search_path, &command.file, ret_message);
    if (r != COMMAND_OK) {
        command_clear(&command);
        return r;
    }
    *ret_command = command;
    return COMMAND_OK;
}

int command_split(const char *text, char ***ret_argv)
{
    const char *reason;

    return split(text, ret_argv, &reason);
}

void command_clear(Command *command)
{
    for (char **argument = command->argv; argument && *argument; argument++)
        free(*argument);
    free(command->argv);
    free(command->file);
    *command = (Command){0};
}

/* repr */

/* Decodes one character. A byte that belongs to none counts as the lone surrogate that Python's
 * surrogateescape makes of it. Returns the number of bytes. */
static size_t decode(const unsigned char *text, uint32_t *ret)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t minimum;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

    for (size_t length = 1; length <= sizeof forms / sizeof *forms; length++) {
        if ((text[0] & forms[length - 1].mask) != forms[length - 1].lead)
            continue;
        uint32_t character = text[0] & (unsigned char)~forms[length - 1].mask;
        size_t i = 1;
        while (i < length && (text[i] & 0xc0) == 0x80)
            character = character << 6 | (text[i++] & 0x3f);
        bool surrogate = character >= 0xd800 && character <= 0xdfff;
        if (i < length || character < forms[length - 1].minimum || character > 0x10ffff || surrogate)
            break;
        *ret = character;
        return length;
    }
    *ret = 0xdc00 + text[0];
    return 1;
}

static void print_escaped(FILE *stream, uint32_t character)
{
    static const char names[][2] = {{'\t', 't'}, {'\n', 'n'}, {'\r', 'r'}};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (character == (unsigned char)names[i][0]) {
            (void)fprintf(stream, "\\%c", names[i][1]);
            return;
        }
    }
    if (character < 0x100)
        (void)fprintf(stream, "\\x%02x", character);
    else if (character < 0x10000)
        (void)fprintf(stream, "\\u%04x", character);
    else
        (void)fprintf(stream, "\\U%08x", character);
}

char *command_repr(const char *text)
{
    char *shown = NULL;
    size_t size;
    char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';

    FILE *stream = open_memstream(&shown, &size);
    if (!stream)
        return NULL;
    (void)fputc(quote, stream);
    while (*text) {
        uint32_t character;
        size_t length = decode((const unsigned char *)text, &character);
        if (character == (unsigned char)quote || character == '\\')
            (void)fprintf(stream, "\\%c", (char)character);
        else if (unicode_printable(character))
            (void)fwrite(text, 1, length, stream);
        else
            print_escaped(stream, character);
        text += length;
    }
    (void)fputc(quote, stream);
    bool failed = ferror(stream);
    if (fclose(stream) != 0 || failed) {
        free(shown);
        return NULL;
    }
    return shown;
}
