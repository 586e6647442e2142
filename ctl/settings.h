/* The client's command line and what the configuration file adds to it. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Settings {
    const char *program; /* as the oracle names itself: the path that was executed */
    bool interactive;
    bool help;
    char *configuration; /* NULL: search */
    char *serverurl;
    char *username; /* NULL when unset */
    char *password;
    char *prompt;
    char *history_file; /* NULL when unset */
    char *command;      /* the words behind the settings, joined by spaces; NULL: a shell */
    char *warnings;     /* what of the configuration file has no effect, a line each; NULL or "" when there is
                           nothing */
} Settings;

void settings_clear(Settings *settings);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Settings, settings_clear)

/* Reads the arguments (without the program's name). Returns 0, or -EINVAL with `ret_message` newly allocated.
 */
int settings_parse(const char *program, char *const *arguments, Settings *ret, char **ret_message);

/* Fills what the command line left open from the configuration file or, when there is none, with the
 * defaults. Same result. */
int settings_configure(Settings *settings, char **ret_message);

/* The text of -h; newly allocated. */
char *settings_help(const char *program);
