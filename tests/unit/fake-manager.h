/* A manager, groups and instances whose every move the test makes: for tests of what stands above them. They
 * take the places of bridge/manager.c, group.c and instance.c at link time. */
#pragma once

#include "bridge/manager.h"

struct Manager {
    sd_event *event;
    MainLog *log;
    DaemonState state;
    Config *config;
    EventBus *events;
    GPtrArray *groups; /* of Group, in order of priority */
    unsigned shutdowns;
    unsigned restarts;
    int reread_result;
    const char *reread_message;
};

struct Group {
    GroupConfig config;
    GPtrArray *instances;
};

struct Instance {
    Group *group;
    const ProcessConfig *config;
    char *namespec;
    ProcessState state;
    pid_t pid;
    double laststart;
    double laststop;
    int exitstatus;
    unsigned restarts;
    uint64_t log_bytes;
    const char *spawnerr;
    const char *logfile[STREAM_COUNT];
    JournalLog *journal_log[STREAM_COUNT]; /* NULL: it does not log to the journal alone */
    int command_problem;
    const char *command_message;
    int clear_result;
    GString *stdin_text; /* what was written to it */
    int stdin_result;
    /* What a start and a stop lead to at once. */
    ProcessState after_start;
    const char *spawnerr_after_start;
    ProcessState after_stop;
    /* Signals: the answer, now or when the test calls fake_instance_deliver(). */
    int signal_result;
    bool signal_later;
    int last_signal;
    InstanceSignalDone signal_done;
    void *signal_userdata;
    unsigned starts;
    unsigned stops;
    unsigned reports;
    GArray *watches;
};

Manager *fake_manager_new(sd_event *event, MainLog *log, Config *config);
void fake_manager_free(Manager *manager);
Group *fake_manager_add(Manager *manager, const GroupConfig *config);
/* The group with all its instances is gone; watchers are told. */
void fake_manager_remove(Manager *manager, const char *name);
Instance *fake_manager_instance(const Manager *manager, const char *group, const char *name);

/* Changes the state and tells the watchers. */
void fake_instance_set_state(Instance *instance, ProcessState state);
void fake_instance_deliver(Instance *instance);
unsigned fake_instance_watch_count(const Instance *instance);
