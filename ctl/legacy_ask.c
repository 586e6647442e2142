#include "ctl/legacy_ask.h"

#include <errno.h>
#include <stddef.h>

#include "ctl/client.h"
#include "ctl/wire.h"

typedef struct Answer {
    char *group;
    char *name;
    int64_t state;
    int64_t pid;
    int64_t start;
    int64_t stop;
    int64_t exitstatus;
    char *spawnerr;
    char *stdout_logfile;
    char *stderr_logfile;
} Answer;

static const WireField fields[] = {
    {"group", WIRE_TEXT, offsetof(Answer, group)},
    {"name", WIRE_TEXT, offsetof(Answer, name)},
    {"state", WIRE_INTEGER, offsetof(Answer, state)},
    {"pid", WIRE_INTEGER, offsetof(Answer, pid)},
    {"start", WIRE_INTEGER, offsetof(Answer, start)},
    {"stop", WIRE_INTEGER, offsetof(Answer, stop)},
    {"exitstatus", WIRE_INTEGER, offsetof(Answer, exitstatus)},
    {"spawnerr", WIRE_TEXT, offsetof(Answer, spawnerr)},
    {"stdout_logfile", WIRE_TEXT, offsetof(Answer, stdout_logfile)},
    {"stderr_logfile", WIRE_TEXT, offsetof(Answer, stderr_logfile)},
};

static void clear_answer(void *answer)
{
    wire_clear_struct(fields, G_N_ELEMENTS(fields), answer);
}

static void add_process(LegacyDaemon *daemon, Answer *answer)
{
    LegacyProcess *process = legacy_daemon_add(daemon, answer->group, answer->name);

    process->state = (ProcessState)answer->state;
    process->pid = (pid_t)CLAMP(answer->pid, 0, INT32_MAX);
    process->start = answer->start;
    process->stop = answer->stop;
    process->exitstatus = (int)answer->exitstatus;
    g_free(process->spawnerr);
    process->spawnerr = g_steal_pointer(&answer->spawnerr);
    g_free(process->logfiles[STREAM_STDOUT]);
    process->logfiles[STREAM_STDOUT] = g_steal_pointer(&answer->stdout_logfile);
    g_free(process->logfiles[STREAM_STDERR]);
    process->logfiles[STREAM_STDERR] = g_steal_pointer(&answer->stderr_logfile);
}

/* One call; the value is the reply's. */
static int ask(Client *client, const char *method, Reply *reply, char **ret_problem)
{
    client_call(client, reply, method, "()");
    if (reply->kind == REPLY_VALUE)
        return 0;
    g_autofree char *text = reply_describe(reply);
    *ret_problem = g_strdup_printf("%s: %s", method, text);
    return -EIO;
}

static int ask_pid(Client *client, LegacyDaemon *daemon, char **ret_problem)
{
    g_auto(Reply) reply = {0};
    int pid = 0;
    xmlrpc_env env;

    int r = ask(client, "supervisor.getPID", &reply, ret_problem);
    if (r < 0)
        return r;
    xmlrpc_env_init(&env);
    xmlrpc_read_int(&env, reply.value, &pid);
    if (env.fault_occurred || pid <= 1) {
        *ret_problem = g_strdup("supervisor.getPID: no number");
        r = -EIO;
    }
    xmlrpc_env_clean(&env);
    daemon->pid = pid;
    return r;
}

static int ask_processes(Client *client, LegacyDaemon *daemon, char **ret_problem)
{
    g_auto(Reply) reply = {0};
    g_autoptr(GArray) answers = NULL;

    int r = ask(client, "supervisor.getAllProcessInfo", &reply, ret_problem);
    if (r < 0)
        return r;
    r = wire_read_structs(reply.value, fields, G_N_ELEMENTS(fields), sizeof(Answer), clear_answer, &answers,
                          ret_problem);
    if (r < 0)
        return -EIO;
    for (unsigned i = 0; i < answers->len; i++)
        add_process(daemon, &g_array_index(answers, Answer, i));
    return 0;
}

int legacy_ask(const DaemonAddress *address, LegacyDaemon **ret, char **ret_problem)
{
    g_autoptr(LegacyDaemon) daemon = legacy_daemon_new();
    g_autoptr(Transport) transport = transport_new();
    g_autoptr(Client) client = client_new(transport);

    transport_set_server(transport, address->url);
    transport_set_credentials(transport, address->username, address->password);
    int r = ask_pid(client, daemon, ret_problem);
    if (r >= 0)
        r = ask_processes(client, daemon, ret_problem);
    if (r < 0)
        return r;
    *ret = g_steal_pointer(&daemon);
    return 0;
}
