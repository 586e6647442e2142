#include "tests/unit/fake-config.h"

#include <signal.h>

struct Config {
    unsigned references;
    const GroupConfig *groups;
    size_t group_count;
    DaemonConfig daemon;
};

static unsigned alive;

Config *fake_config_new(const GroupConfig *groups, size_t group_count)
{
    Config *config = g_new0(Config, 1);

    *config = (Config){.references = 1, .groups = groups, .group_count = group_count};
    alive++;
    return config;
}

unsigned fake_config_alive(void)
{
    return alive;
}

Config *config_ref(Config *config)
{
    config->references++;
    return config;
}

void config_unref(Config *config)
{
    if (--config->references > 0)
        return;
    alive--;
    g_free(config);
}

const DaemonConfig *config_daemon(const Config *config)
{
    return &config->daemon;
}

DaemonConfig *fake_config_daemon(Config *config)
{
    return &config->daemon;
}

size_t config_group_count(const Config *config)
{
    return config->group_count;
}

const GroupConfig *config_group(const Config *config, size_t index)
{
    return &config->groups[index];
}

ProcessConfig fake_process(const char *program)
{
    static const int exitcodes[] = {0};

    return (ProcessConfig){
        .kind = PROGRAM_PLAIN,
        .program = program,
        .name = program,
        .numprocs = 1,
        .command = "/bin/true",
        .priority = 999,
        .autostart = true,
        .autorestart = AUTORESTART_UNEXPECTED,
        .startsecs = 1,
        .startretries = 3,
        .stopsignal = SIGTERM,
        .stopwaitsecs = 10,
        .exitcodes = exitcodes,
        .exitcode_count = 1,
        .section = "program",
    };
}
