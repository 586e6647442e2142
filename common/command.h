/* Turning `command=` into a file and arguments, with the oracle's rules and messages. Used by the bridge
 * before a start that a client waits for, and by the launcher at every start. */
#pragma once

typedef enum CommandProblem {
    COMMAND_OK,
    COMMAND_BAD,            /* cannot be split, or is empty: fault NOT_EXECUTABLE */
    COMMAND_NOT_FOUND,      /* fault NO_FILE */
    COMMAND_NOT_EXECUTABLE, /* a directory, no x bit, or no permission: fault NOT_EXECUTABLE */
} CommandProblem;

typedef struct Command {
    char *file;  /* what to execute: as written when it holds a slash, else found in the search path */
    char **argv; /* NULL-terminated */
} Command;

/* Splits `text` as Python's shlex.split does (POSIX mode, no comments), finds the file and checks that it can
 * be executed. `search_path` is colon-separated; relative names are looked up from the working directory.
 * Returns COMMAND_OK and fills `ret_command`, or a problem and fills `ret_message` with the oracle's text
 * ("can't find command 'x'"), newly allocated; -ENOMEM. Whatever is not filled is left alone. */
int command_resolve(const char *text, const char *search_path, Command *ret_command, char **ret_message);
void command_clear(Command *command);

/* Only the splitting: `ret_argv` is NULL-terminated, to be freed with its strings. COMMAND_BAD when it cannot
 * be split; -ENOMEM. */
int command_split(const char *text, char ***ret_argv);

/* A string as Python's repr() shows it: quotes, \n, \x00; UTF-8 that is printable stays. Newly allocated,
 * NULL without memory. */
char *command_repr(const char *text);
