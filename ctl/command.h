/* The commands of the client: one row each, from which dispatch, help and completion come. */
#pragma once

#include "ctl/controller.h"

/* Returns 0, COMMAND_STOP when the shell shall end, or what controller_raise() returned. `arguments` is
 * stripped. */
#define COMMAND_STOP 1
typedef int (*CommandHandler)(Controller *controller, const char *arguments);

typedef enum CommandCompletion {
    COMPLETE_NOTHING,
    COMPLETE_COMMANDS,
    COMPLETE_GROUPS,
    COMPLETE_PROCESSES,
} CommandCompletion;

typedef struct CommandRow {
    const char *name;
    CommandHandler run;
    CommandCompletion completion;
    const char *help; /* lines: usage, tabs, explanation */
} CommandRow;

/* What a command can do that the oracle's cannot. */
typedef struct CommandAddition {
    const char *name;
    const char *option; /* for the completion; NULL: none */
    const char *help;   /* as above; shown by `help`, not to those who used the command wrongly */
} CommandAddition;

/* In the order of their names. */
const CommandRow *command_rows(size_t *ret_count);
/* NULL when there is none of that name. */
const CommandRow *command_find(const char *name);
/* NULL when the command is the oracle's and no more. */
const CommandAddition *command_find_addition(const char *name);
/* Prints the help of a command, for those who were used wrongly. */
void command_show_help(Controller *controller, const char *name);

/* Runs one line as if it had been typed. Returns 0, COMMAND_STOP, or -EINTR after Ctrl-C; everything else has
 * been told and is in the exit status. */
int command_execute(Controller *controller, const char *line);
