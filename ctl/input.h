/* Lines from the user: edited by libedit when there is a terminal on both sides, plain otherwise, as Python's
 * input() does. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Input Input;

Input *input_new(void);
void input_free(Input *input);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Input, input_free)

/* What could stand where `word` stands in `line`; free with g_strfreev(). */
typedef char **(*InputCompleter)(const char *line, const char *word, void *userdata);
void input_set_completer(Input *input, InputCompleter complete, void *userdata);

/* Keeps lines in `path`, one a line, as GNU readline does: what the oracle wrote is read. Failures are not
 * told: neither does the oracle. */
void input_load_history(Input *input, const char *path);
void input_save_history(Input *input, const char *path);

/* Shows the prompt and reads a line, without its newline; with `remember`, it goes into the history. Returns
 * 0, -ENODATA at the end of input, -EINTR after Ctrl-C. */
int input_read_line(Input *input, const char *prompt, bool remember, char **ret);
/* The same from the controlling terminal without showing what is typed; from standard input when there is
 * none. */
int input_read_password(Input *input, const char *prompt, char **ret);

/* For who waits for lines and for other things at once: input_take_line() gives what has come (-EAGAIN: no
 * whole line yet), input_fill() reads more when standard input is ready. */
int input_take_line(Input *input, char **ret);
int input_fill(Input *input);
