#include "common/signal_name.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct SignalRow {
    int number;
    const char *name;
} SignalRow;

/* Where a number has two names the first row is the one shown: the oracle walks Python's signal module in
 * order of definition and the later name wins, which makes SIGABRT, SIGPOLL and SIGCHLD. */
static const SignalRow signals[] = {
    {SIGABRT, "SIGABRT"},   {SIGALRM, "SIGALRM"},     {SIGBUS, "SIGBUS"},   {SIGCHLD, "SIGCHLD"},
    {SIGCONT, "SIGCONT"},   {SIGFPE, "SIGFPE"},       {SIGHUP, "SIGHUP"},   {SIGILL, "SIGILL"},
    {SIGINT, "SIGINT"},     {SIGPOLL, "SIGPOLL"},     {SIGKILL, "SIGKILL"}, {SIGPIPE, "SIGPIPE"},
    {SIGPROF, "SIGPROF"},   {SIGPWR, "SIGPWR"},       {SIGQUIT, "SIGQUIT"}, {SIGSEGV, "SIGSEGV"},
    {SIGSTOP, "SIGSTOP"},   {SIGSTKFLT, "SIGSTKFLT"}, {SIGSYS, "SIGSYS"},   {SIGTERM, "SIGTERM"},
    {SIGTRAP, "SIGTRAP"},   {SIGTSTP, "SIGTSTP"},     {SIGTTIN, "SIGTTIN"}, {SIGTTOU, "SIGTTOU"},
    {SIGURG, "SIGURG"},     {SIGUSR1, "SIGUSR1"},     {SIGUSR2, "SIGUSR2"}, {SIGVTALRM, "SIGVTALRM"},
    {SIGWINCH, "SIGWINCH"}, {SIGXCPU, "SIGXCPU"},     {SIGXFSZ, "SIGXFSZ"}, {SIGCHLD, "SIGCLD"},
    {SIGIO, "SIGIO"},       {SIGABRT, "SIGIOT"},
};

const char *signal_name(int signal)
{
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        if (signals[i].number == signal)
            return signals[i].name;
    }
    if (signal == SIGRTMIN)
        return "SIGRTMIN";
    if (signal == SIGRTMAX)
        return "SIGRTMAX";
    return NULL;
}

static int signal_from_name(const char *name, size_t length)
{
    if (length >= 3 && strncasecmp(name, "SIG", 3) == 0) {
        name += 3;
        length -= 3;
    }
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        const char *candidate = signals[i].name + 3;
        if (strlen(candidate) == length && strncasecmp(candidate, name, length) == 0)
            return signals[i].number;
    }
    if (length == 5 && strncasecmp(name, "RTMIN", 5) == 0)
        return SIGRTMIN;
    if (length == 5 && strncasecmp(name, "RTMAX", 5) == 0)
        return SIGRTMAX;
    return -EINVAL;
}

int signal_from_string(const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    if (length == 0)
        return -EINVAL;

    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end != text + length)
        return signal_from_name(text, length);
    if (errno != 0 || number < 0 || number > SIGRTMAX || (number > 0 && !signal_name((int)number)))
        return -ERANGE;
    return (int)number;
}
