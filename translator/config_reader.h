/* What the files translator/config_*.c share while a configuration is read. Nobody else includes it. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "translator/config.h"
#include "translator/environment.h"
#include "translator/expand.h"
#include "translator/ini.h"
#include "translator/options.h"

struct Config {
    int references;
    char *path;
    char *here;
    DaemonConfig daemon;
    ClientConfig client;
    GPtrArray *groups;         /* of GroupConfig */
    GPtrArray *servers;        /* of ServerConfig */
    GPtrArray *rpcinterfaces;  /* of PluginConfig */
    GPtrArray *ctlplugins;     /* of PluginConfig */
    GArray *sections;          /* of RawSection */
    GHashTable *section_index; /* name → number of the section + 1 */
    GStringChunk *strings;
    GPtrArray *memory; /* everything else that it owns */
};

Config *config_new(const char *path);
/* Copies that live as long as the configuration; NULL stays NULL. */
const char *config_keep(Config *config, const char *text);
void *config_allocate(Config *config, size_t size);
const EnvironmentVariable *config_keep_environment(Config *config, const Environment *environment,
                                                   size_t *ret_count);
/* Fills in the sections as written. */
void config_keep_document(Config *config, const IniDocument *document);

typedef struct ConfigReader {
    const ConfigHost *host;
    Diagnostics *diagnostics;
    IniDocument *document;
    Config *config;
    const char *path;                /* the main file as the user named it */
    ExpandMapping *base;             /* ENV_ names: of the host, then of [supervisord] too */
    ExpandMapping *here;             /* %(here)s alone: what most sections know */
    Environment *daemon_environment; /* of [supervisord] */
    const char *processes_of; /* section whose processes are being made: the oracle's messages then name it */
} ConfigReader;

void config_reader_init(ConfigReader *reader, const char *path, const ConfigHost *host,
                        Diagnostics *diagnostics);
void config_reader_clear(ConfigReader *reader);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ConfigReader, config_reader_clear)

/* Reads a file into memory; at most 64 MiB. Returns 0 or negative errno. */
int config_reader_slurp(const char *path, char **ret_text, size_t *ret_length);

/* Where an option, or else the section's header, stands. */
Origin config_reader_origin(const ConfigReader *reader, const char *section, const char *option);
bool config_reader_has(const ConfigReader *reader, const char *section, const char *option);

/* Tells an error with file and line behind it. `option` may be NULL. Returns -EINVAL. */
int config_reader_fail(ConfigReader *reader, const char *section, const char *option, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
/* A warning or information of the oracle's. */
void config_reader_note(ConfigReader *reader, Severity severity, const char *section, const char *option,
                        const char *format, ...) G_GNUC_PRINTF(5, 6);

/* The text of an option or its default, newly allocated, not expanded. NULL when it has neither. */
char *config_reader_raw(const ConfigReader *reader, const char *section, const char *option,
                        const char *default_text);
/* The same, expanded with reader->base and `names`. 0, or -EINVAL after telling. */
int config_reader_get(ConfigReader *reader, const char *section, const char *option, const char *default_text,
                      const ExpandMapping *names, char **ret);

/* Reads the option of a row and stores its value in the row's field of `record`, whose type must be the
 * section's record. An option that is unset leaves the record alone. */
int config_reader_store(ConfigReader *reader, const char *section, const Option *row,
                        const ExpandMapping *names, void *record);
/* All rows of a section's kind and phase that have a field, in order. */
int config_reader_store_all(ConfigReader *reader, const char *section, OptionPhase phase,
                            const ExpandMapping *names, void *record);

/* What processes_from_section() makes: appends const ProcessConfig * to `processes`. */
int config_program_read(ConfigReader *reader, const char *section, const char *group, ProgramKind kind,
                        GPtrArray *processes);
/* The options systemd.PROPERTY of a section, expanded for one process: fills settings and setting_count. */
int config_setting_read(ConfigReader *reader, const char *section, const ExpandMapping *names,
                        ProcessConfig *process);
/* Has systemd look at the values of all of them. 0, or -EINVAL after telling. */
int config_setting_check_all(ConfigReader *reader);
int config_group_read_all(ConfigReader *reader);
int config_server_read_all(ConfigReader *reader);
/* The sections of one kind of plugin. `built_in` is the only factory that works. */
int config_plugin_read_all(ConfigReader *reader, SectionKind kind, const char *built_in, GPtrArray *plugins);
/* What `supersede check` has to say about names that Supervisor does not know. */
void config_lint(ConfigReader *reader);
