#include "bridge/host_lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

enum { WAIT_MSEC = 1000 };

typedef struct Answer {
    int result; /* of getaddrinfo() */
    int error;  /* errno */
    struct in_addr address;
} Answer;

static Answer ask(const char *host, int flags)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *addresses = NULL;
    Answer answer = {.result = getaddrinfo(host, NULL, &hints, &addresses)};

    answer.error = errno;
    if (answer.result == 0) {
        answer.address = ((const struct sockaddr_in *)(const void *)addresses->ai_addr)->sin_addr;
        freeaddrinfo(addresses);
    }
    return answer;
}

__attribute__((noreturn)) static void be_child(const char *host, int fd)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    Answer answer = ask(host, 0);
    /* Less than a pipe takes at once. */
    _exit(write(fd, &answer, sizeof answer) == (ssize_t)sizeof answer ? EXIT_SUCCESS : EXIT_FAILURE);
}

static Answer hear(int fd)
{
    struct pollfd event = {.fd = fd, .events = POLLIN};
    Answer answer;

    if (poll(&event, 1, WAIT_MSEC) > 0 && read(fd, &answer, sizeof answer) == (ssize_t)sizeof answer)
        return answer;
    return (Answer){.result = EAI_AGAIN};
}

static Answer ask_by_child(const char *host)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return (Answer){.result = EAI_SYSTEM, .error = errno};
    CLEANUP_CLOSE int read_end = fds[0];
    CLEANUP_CLOSE int write_end = fds[1];
    pid_t pid = fork();
    if (pid < 0)
        return (Answer){.result = EAI_SYSTEM, .error = errno};
    if (pid == 0)
        be_child(host, write_end);
    /* A child that dies without an answer is heard of. */
    close(write_end);
    write_end = -1;
    Answer answer = hear(read_end);
    (void)kill(pid, SIGKILL);
    (void)TEMP_FAILURE_RETRY(waitpid(pid, NULL, 0));
    return answer;
}

int host_lookup(const char *host, struct in_addr *ret)
{
    Answer answer = ask(host, AI_NUMERICHOST);

    if (answer.result == EAI_NONAME)
        answer = ask_by_child(host);
    if (answer.result == 0)
        *ret = answer.address;
    else
        errno = answer.error;
    return answer.result;
}
