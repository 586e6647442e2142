/* The structs of Supervisor's XML-RPC interface that the client shows. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <xmlrpc-c/base.h>

/* getProcessInfo; getAllProcessInfo: an array of them */
typedef struct ProcessInfo {
    char *group;
    char *name;
    int64_t state;
    char *statename;
    char *description;
    int64_t pid;
} ProcessInfo;

/* One process's part of startProcessGroup, stopAllProcesses, … */
typedef struct ProcessResult {
    char *group;
    char *name;
    int64_t status; /* a Fault, or FAULT_SUCCESS */
    char *description;
} ProcessResult;

/* getAllConfigInfo */
typedef struct ConfigInfo {
    char *group;
    char *name;
    bool inuse;
    bool autostart;
    int64_t group_priority;
    int64_t process_priority;
} ConfigInfo;

/* reloadConfig: names of groups, NULL-terminated */
typedef struct ConfigChanges {
    char **added;
    char **changed;
    char **removed;
} ConfigChanges;

void record_clear_process_info(ProcessInfo *info);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ProcessInfo, record_clear_process_info)
void record_clear_changes(ConfigChanges *changes);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ConfigChanges, record_clear_changes)

/* Each returns 0, or -EBADMSG with `ret_problem` newly allocated. */
int record_read_process_info(xmlrpc_value *value, ProcessInfo *ret, char **ret_problem);
/* Arrays of ProcessInfo, ProcessResult and ConfigInfo that free their elements. */
int record_read_process_infos(xmlrpc_value *value, GArray **ret, char **ret_problem);
int record_read_results(xmlrpc_value *value, GArray **ret, char **ret_problem);
int record_read_config_infos(xmlrpc_value *value, GArray **ret, char **ret_problem);
int record_read_changes(xmlrpc_value *value, ConfigChanges *ret, char **ret_problem);
