#include "bridge/rpc_method.h"

#include <stdlib.h>
#include <string.h>

/* The parameter lists; several methods share one. */

static const RpcParameter group[] = {
    {"string", "name", RPC_PARAMETER_KEY, false, "a group"},
    {0},
};

static const RpcParameter no_parameters[] = {
    {0},
};

static const RpcParameter process[] = {
    {"string", "name", RPC_PARAMETER_NAMESPEC, false, "a process: its name, or group:name"},
    {0},
};

static const RpcParameter range[] = {
    {"int", "offset", RPC_PARAMETER_ANY, false,
     "where to begin, in bytes; negative: that many bytes before the end"},
    {"int", "length", RPC_PARAMETER_ANY, false, "how many bytes; 0: all that follow"},
    {0},
};

static const RpcParameter process_range[] = {
    {"string", "name", RPC_PARAMETER_NAMESPEC, false, "a process: its name, or group:name"},
    {"int", "offset", RPC_PARAMETER_ANY, false,
     "where to begin, in bytes; negative: that many bytes before the end"},
    {"int", "length", RPC_PARAMETER_ANY, false, "how many bytes; 0: all that follow"},
    {0},
};

static const RpcParameter signal_only[] = {
    {"string", "signal", RPC_PARAMETER_ANY, false, "a signal's name, with or without SIG, or its number"},
    {0},
};

static const RpcParameter process_signal[] = {
    {"string", "name", RPC_PARAMETER_NAMESPEC, false,
     "a process: its name, or group:name; group:* for all of a group"},
    {"string", "signal", RPC_PARAMETER_ANY, false, "a signal's name, with or without SIG, or its number"},
    {0},
};

static const RpcParameter group_signal[] = {
    {"string", "name", RPC_PARAMETER_KEY, false, "a group"},
    {"string", "signal", RPC_PARAMETER_ANY, false, "a signal's name, with or without SIG, or its number"},
    {0},
};

static const RpcParameter wait_started[] = {
    {"boolean", "wait", RPC_PARAMETER_ANY, true,
     "answer only when all run, or have failed to (default: true)"},
    {0},
};

static const RpcParameter process_wait_started[] = {
    {"string", "name", RPC_PARAMETER_NAMESPEC, false,
     "a process: its name, or group:name; group:* for all of a group"},
    {"boolean", "wait", RPC_PARAMETER_ANY, true,
     "answer only when it runs, or has failed to (default: true)"},
    {0},
};

static const RpcParameter group_wait_started[] = {
    {"string", "name", RPC_PARAMETER_KEY, false, "a group"},
    {"boolean", "wait", RPC_PARAMETER_ANY, true,
     "answer only when all run, or have failed to (default: true)"},
    {0},
};

static const RpcParameter wait_stopped[] = {
    {"boolean", "wait", RPC_PARAMETER_ANY, true, "answer only when all have stopped (default: true)"},
    {0},
};

static const RpcParameter process_wait_stopped[] = {
    {"string", "name", RPC_PARAMETER_NAMESPEC, false,
     "a process: its name, or group:name; group:* for all of a group"},
    {"boolean", "wait", RPC_PARAMETER_ANY, true, "answer only when it has stopped (default: true)"},
    {0},
};

static const RpcParameter group_wait_stopped[] = {
    {"string", "name", RPC_PARAMETER_KEY, false, "a group"},
    {"boolean", "wait", RPC_PARAMETER_ANY, true, "answer only when all have stopped (default: true)"},
    {0},
};

static const RpcParameter process_tail[] = {
    {"string", "name", RPC_PARAMETER_NAMESPEC, false, "a process: its name, or group:name"},
    {"int", "offset", RPC_PARAMETER_ANY, false, "how far the caller has read"},
    {"int", "length", RPC_PARAMETER_ANY, false, "the most bytes to return"},
    {0},
};

static const RpcParameter process_text[] = {
    {"string", "name", RPC_PARAMETER_NAMESPEC, false, "a process: its name, or group:name"},
    {"string", "chars", RPC_PARAMETER_ANY, false, "what to write"},
    {0},
};

static const RpcParameter remote_event[] = {
    {"string", "type", RPC_PARAMETER_ANY, false, "goes into the event's first line"},
    {"string", "data", RPC_PARAMETER_ANY, false, "goes behind it"},
    {0},
};

static const RpcParameter method_name[] = {
    {"string", "name", RPC_PARAMETER_ANY, false, "a method"},
    {0},
};

static const RpcParameter calls[] = {
    {"array", "calls", RPC_PARAMETER_ANY, false, "structs of methodName and params"},
    {0},
};

/* Sorted by name: rpc_method_find() searches by halves, and system.listMethods answers in this order. */
static const RpcMethod methods[] = {
    {"supersede.updateGroup", rpc_update_group, false,
     "Makes an active group what the configuration that was read last says: stops what has changed or gone, "
     "starts what is new, and "
     "leaves the other processes alone. Not known to Supervisor.",
     "array", "one array that holds three: the names of processes added, changed and removed", group},
    {"supervisor.addProcessGroup", rpc_group_add, false,
     "Makes a group of the configuration that was read last active.", "boolean",
     "true unless there is a fault", group},
    {"supervisor.clearAllProcessLogs", rpc_log_clear_all, false, "Empties the logs of all processes.",
     "array", "one struct per process with its name, group, status code and description", no_parameters},
    {"supervisor.clearLog", rpc_daemon_clear_log, false, "Removes the daemon's own log and begins a new one.",
     "boolean", "true unless there is a fault", no_parameters},
    {"supervisor.clearProcessLog", rpc_log_clear, false, "Another name of supervisor.clearProcessLogs.",
     "boolean", "true unless there is a fault", process},
    {"supervisor.clearProcessLogs", rpc_log_clear, false,
     "Removes both logs of a process and begins new ones.", "boolean", "true unless there is a fault",
     process},
    {"supervisor.getAPIVersion", rpc_daemon_api_version, false, "The version of this interface.", "string",
     "version", no_parameters},
    {"supervisor.getAllConfigInfo", rpc_group_all_config_info, false,
     "What the configuration that was read last says about each process.", "array", "one struct per process",
     no_parameters},
    {"supervisor.getAllProcessInfo", rpc_info_all, false,
     "What getProcessInfo tells, for every process, ordered by group and name.", "array",
     "one struct per process", no_parameters},
    {"supervisor.getIdentification", rpc_daemon_identification, false,
     "The identifier that the configuration gives this daemon.", "string", "identifier", no_parameters},
    {"supervisor.getPID", rpc_daemon_pid, false, "The process ID of the daemon.", "int", "process ID",
     no_parameters},
    {"supervisor.getProcessInfo", rpc_info_process, false,
     "State, times, process ID and log files of a process.", "struct", "all that is known about it", process},
    {"supervisor.getState", rpc_daemon_state, false, "Whether the daemon runs, restarts or shuts down.",
     "struct", "int statecode and string statename", no_parameters},
    {"supervisor.getSupervisorVersion", rpc_daemon_supervisor_version, false,
     "The version of Supervisor that this daemon stands in for.", "string", "version", no_parameters},
    {"supervisor.getVersion", rpc_daemon_api_version, false, "Another name of supervisor.getAPIVersion.",
     "string", "version", no_parameters},
    {"supervisor.readLog", rpc_daemon_read_log, false, "A part of the daemon's own log.", "string",
     "the bytes; what XML cannot carry is replaced", range},
    {"supervisor.readMainLog", rpc_daemon_read_log, false, "Another name of supervisor.readLog.", "string",
     "the bytes; what XML cannot carry is replaced", range},
    {"supervisor.readProcessLog", rpc_log_read_stdout, false,
     "Another name of supervisor.readProcessStdoutLog.", "string",
     "the bytes; what XML cannot carry is replaced", process_range},
    {"supervisor.readProcessStderrLog", rpc_log_read_stderr, false,
     "A part of what a process wrote to stderr.", "string", "the bytes; what XML cannot carry is replaced",
     process_range},
    {"supervisor.readProcessStdoutLog", rpc_log_read_stdout, false,
     "A part of what a process wrote to stdout.", "string", "the bytes; what XML cannot carry is replaced",
     process_range},
    {"supervisor.reloadConfig", rpc_group_reload_config, false,
     "Reads the configuration again and tells which groups are new, have changed, or are gone. Changes "
     "nothing that runs.",
     "array", "one array that holds three: the names added, changed and removed", no_parameters},
    {"supervisor.removeProcessGroup", rpc_group_remove, false, "Forgets a group of which nothing runs.",
     "boolean", "true unless there is a fault", group},
    {"supervisor.restart", rpc_daemon_restart, false,
     "Stops everything, reads the configuration and starts again.", "boolean", "true unless there is a fault",
     no_parameters},
    {"supervisor.sendProcessStdin", rpc_input_send_process_stdin, false,
     "Writes text to the standard input of a process, as UTF-8.", "boolean", "true unless there is a fault",
     process_text},
    {"supervisor.sendRemoteCommEvent", rpc_input_send_remote_comm_event, true,
     "Hands an event to the listeners that want REMOTE_COMMUNICATION.", "boolean", "true", remote_event},
    {"supervisor.shutdown", rpc_daemon_shutdown, false, "Stops everything and ends.", "boolean",
     "true unless there is a fault", no_parameters},
    {"supervisor.signalAllProcesses", rpc_signal_all, false, "Sends a signal to every process that runs.",
     "array", "one struct per process with its name, group, status code and description", signal_only},
    {"supervisor.signalProcess", rpc_signal_process, false, "Sends a signal to a process.", "boolean",
     "true unless there is a fault", process_signal},
    {"supervisor.signalProcessGroup", rpc_signal_group, false,
     "Sends a signal to every process of a group that runs.", "array",
     "one struct per process with its name, group, status code and description", group_signal},
    {"supervisor.startAllProcesses", rpc_control_start_all, false,
     "Starts every process that does not run, by priority.", "array",
     "one struct per process with its name, group, status code and description", wait_started},
    {"supervisor.startProcess", rpc_control_start_process, false, "Starts a process.", "boolean",
     "true unless there is a fault", process_wait_started},
    {"supervisor.startProcessGroup", rpc_control_start_group, false,
     "Starts every process of a group that does not run, by priority.", "array",
     "one struct per process with its name, group, status code and description", group_wait_started},
    {"supervisor.stopAllProcesses", rpc_control_stop_all, false,
     "Stops every process that runs, by priority.", "array",
     "one struct per process with its name, group, status code and description", wait_stopped},
    {"supervisor.stopProcess", rpc_control_stop_process, false, "Stops a process.", "boolean",
     "true unless there is a fault", process_wait_stopped},
    {"supervisor.stopProcessGroup", rpc_control_stop_group, false,
     "Stops every process of a group that runs, by priority.", "array",
     "one struct per process with its name, group, status code and description", group_wait_stopped},
    {"supervisor.tailProcessLog", rpc_log_tail_stdout, false,
     "Another name of supervisor.tailProcessStdoutLog.", "array",
     "the bytes, the offset to go on from, and whether something was skipped", process_tail},
    {"supervisor.tailProcessStderrLog", rpc_log_tail_stderr, false,
     "What was added to a process's stderr log, for somebody who follows it.", "array",
     "the bytes, the offset to go on from, and whether something was skipped", process_tail},
    {"supervisor.tailProcessStdoutLog", rpc_log_tail_stdout, false,
     "What was added to a process's stdout log, for somebody who follows it.", "array",
     "the bytes, the offset to go on from, and whether something was skipped", process_tail},
    {"system.listMethods", rpc_system_list_methods, true, "The names of all methods, sorted.", "array",
     "names", no_parameters},
    {"system.methodHelp", rpc_system_method_help, true, "What a method does, takes and returns.", "string",
     "text", method_name},
    {"system.methodSignature", rpc_system_method_signature, true,
     "The type that a method returns, and the types of its parameters in order.", "array", "names of types",
     method_name},
    {"system.multicall", rpc_multicall, true,
     "Carries out several calls, one after the other. One that fails has a struct of faultCode and "
     "faultString as its result.",
     "array", "the results", calls},
};

size_t rpc_method_count(void)
{
    return sizeof methods / sizeof *methods;
}

const RpcMethod *rpc_method_get(size_t index)
{
    return &methods[index];
}

static int compare(const void *name, const void *method)
{
    return strcmp(name, ((const RpcMethod *)method)->name);
}

const RpcMethod *rpc_method_find(const char *name)
{
    return bsearch(name, methods, rpc_method_count(), sizeof *methods, compare);
}
