/* What every command works with: the link to the daemon, the place for its lines, its exit status. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <xmlrpc-c/base.h>

#include "ctl/client.h"
#include "ctl/input.h"
#include "ctl/settings.h"

/* LSB's numbers for init scripts, as the oracle uses them. */
typedef enum ExitStatus {
    EXIT_STATUS_SUCCESS = 0,
    EXIT_STATUS_GENERIC = 1,
    EXIT_STATUS_INVALID_ARGUMENTS = 2,
    EXIT_STATUS_UNIMPLEMENTED = 3,
    EXIT_STATUS_NO_PRIVILEGE = 4,
    EXIT_STATUS_NOT_INSTALLED = 5,
    EXIT_STATUS_NOT_RUNNING = 7,
    /* These two only for status. */
    EXIT_STATUS_STATUS_STOPPED = 3,
    EXIT_STATUS_STATUS_UNKNOWN = 4,
} ExitStatus;

typedef struct Controller Controller;

/* `settings` must outlive it. Lines go to `output`. */
Controller *controller_new(const Settings *settings, FILE *output);
void controller_free(Controller *controller);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Controller, controller_free)

const Settings *controller_settings(const Controller *controller);
Transport *controller_transport(Controller *controller);
FILE *controller_stream(Controller *controller);
Input *controller_input(Controller *controller);
const char *controller_serverurl(const Controller *controller);
void controller_set_serverurl(Controller *controller, const char *url);
void controller_set_credentials(Controller *controller, const char *username, const char *password);

ExitStatus controller_exit_status(const Controller *controller);
void controller_set_exit_status(Controller *controller, ExitStatus status);
/* What a fault makes of the exit status: nothing for FAULT_SUCCESS and `ignored`. */
void controller_count_fault(Controller *controller, int64_t code, int ignored);

/* Prints a line. Control characters but tab and newline become U+FFFD: names come from the other side of the
 * network. */
void controller_output(Controller *controller, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same on standard error, for commands whose output is read by programs. */
void controller_complain(Controller *controller, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Prints what a program logged, as it is, and a newline. */
void controller_output_log(Controller *controller, const char *text);

/* A command that cannot go on raises: it leaves a text here and returns the negative result of these
 * functions at once. */
int controller_raise(Controller *controller, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* What it returns: -EACCES for HTTP's 401, -EINTR for Ctrl-C, else -EPROTO. */
int controller_raise_reply(Controller *controller, const Reply *reply);
/* The last text; newly allocated, and gone. */
char *controller_take_raised(Controller *controller);

/* Asks the user. Returns 0 with the answer, -EINTR after Ctrl-C, or raises at the end of input. */
int controller_ask(Controller *controller, const char *prompt, char **ret);
int controller_ask_password(Controller *controller, const char *prompt, char **ret);

/* A call whose result or fault counts; everything else raises. Returns 0 with a value, CALL_FAULT with the
 * fault in `ret_fault` (free with reply_clear()), or negative. */
#define CALL_FAULT 1
int controller_call(Controller *controller, xmlrpc_value **ret_value, Reply *ret_fault, const char *method,
                    const char *format, ...);
/* The same with every outcome in `ret`: for who has words for a refused connection. */
void controller_call_raw(Controller *controller, Reply *ret, const char *method, const char *format, ...);

/* Whether the daemon is there and speaks our version. Returns 1, 0 when it is not (told, exit status set), or
 * negative when it raised. */
int controller_check_up(Controller *controller);
