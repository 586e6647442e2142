/* The table of every section and option that Supervisor knows: one row each. The parser, the defaults, the
 * report of `supersede check` and the manual pages come from it.
 *
 * Rows of one section stand in the order in which the oracle evaluates them, so that of several errors ours
 * is the oracle's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum SectionKind {
    SECTION_SUPERVISORD,
    SECTION_SUPERVISORCTL,
    SECTION_UNIX_HTTP_SERVER,
    SECTION_INET_HTTP_SERVER,
    SECTION_INCLUDE,
    SECTION_PROGRAM,
    SECTION_FCGI_PROGRAM,
    SECTION_EVENTLISTENER,
    SECTION_GROUP,
    SECTION_RPCINTERFACE,
    SECTION_CTLPLUGIN,
    SECTION_DEFAULT, /* [DEFAULT]: every section sees its options */
    SECTION_KIND_COUNT,
    SECTION_UNKNOWN = SECTION_KIND_COUNT,
} SectionKind;

/* How the text of a value is read. */
typedef enum ValueKind {
    VALUE_NONE, /* not read at all */
    VALUE_STRING,
    VALUE_INTEGER,
    VALUE_BOOLEAN,
    VALUE_SIZE,
    VALUE_OCTAL,
    VALUE_SIGNAL,
    VALUE_AUTORESTART,
    VALUE_EXITCODES,
    VALUE_LOGLEVEL,
    VALUE_DIRECTORY, /* must exist */
    VALUE_FILE,      /* the directory that holds it must exist */
    VALUE_SOCKET_FILE,
    VALUE_LOGFILE, /* a path, AUTO, NONE, syslog */
    VALUE_ENVIRONMENT,
    VALUE_USER,
    VALUE_OWNER,   /* user, user:group */
    VALUE_ADDRESS, /* host:port, :port, *:port, port */
    VALUE_BACKLOG, /* of a listening socket */
    VALUE_SOCKET,  /* tcp://host:port, unix:///path */
    VALUE_SERVERURL,
    VALUE_PROCESS_NAME,
    VALUE_PROGRAMS,
    VALUE_EVENTS,
    VALUE_GLOBS,
    VALUE_FACTORY, /* module:name of a Python function */
    VALUE_KIND_COUNT,
} ValueKind;

/* What becomes of an option. */
typedef enum Disposition {
    DISPOSITION_TRANSLATOR, /* shapes what is made: which units there are and how they are called */
    DISPOSITION_PROPERTY,   /* becomes a property of the unit: `property` */
    DISPOSITION_LAUNCHER,   /* done by supersede-exec at each start */
    DISPOSITION_GATE,       /* done by supersede-gate at each start */
    DISPOSITION_BRIDGE,     /* done by the daemon */
    DISPOSITION_CLIENT,     /* done by supervisorctl */
    DISPOSITION_IGNORED,    /* accepted, has no effect */
    DISPOSITION_REFUSED,    /* an error, except for the values in `choices` */
} Disposition;

/* When the oracle evaluates an option of a program: once for the section, or for each of its processes, which
 * sees process_num and the variables of `environment`. */
typedef enum OptionPhase {
    PHASE_SECTION,
    PHASE_PROCESS,
    PHASE_GROUP, /* evaluated with the group that the section makes, before its processes */
} OptionPhase;

typedef struct Option {
    SectionKind section;
    const char *name;
    ValueKind kind;
    bool has_field;           /* whether there is one */
    size_t field;             /* offset of the member of the section's record (translator/config.h) */
    const char *default_text; /* read like a value of the file; NULL: the option is unset */
    const char
        *default_note; /* what a reader is told about the default where `default_text` is NULL; may be NULL */
    const char *choices; /* what may be written, in words */
    OptionPhase phase;
    Disposition disposition;
    const char
        *property; /* systemd's D-Bus name; several are separated by a space; only for DISPOSITION_PROPERTY */
    const char *doc; /* one line */
} Option;

/* "program:web" is SECTION_PROGRAM; SECTION_UNKNOWN for what Supervisor does not look at. The oracle's own
 * rules, so "inet_http_serverx" is a server. */
SectionKind option_section_kind(const char *section);
/* How a section of this kind is written: "program:x". Never NULL for a kind of the list. */
const char *option_section_pattern(SectionKind kind);
/* One line about a section. */
const char *option_section_doc(SectionKind kind);

/* All rows, grouped by section. */
size_t option_count(void);
const Option *option_get(size_t index);
/* The rows of one section follow each other: the first, and how many. */
const Option *option_rows(SectionKind kind, size_t *ret_count);

/* By a section's name as written and the lower-case name of an option; NULL when Supervisor knows no such
 * option there. */
const Option *option_find(const char *section, const char *name);
const Option *option_find_in(SectionKind kind, const char *name);

/* systemd.PROPERTY= in a section that makes processes: no option of Supervisor's, and meant. */
bool option_is_systemd(const char *section, const char *name);

/* The known name that a misspelt one probably means, or NULL. */
const char *option_suggest(const char *section, const char *name);
/* The same for a section, as option_section_pattern() writes it: "program:x" for "pogram:web". */
const char *option_suggest_section(const char *section);

/* "a property of the unit", "done by the daemon": for reports. Never NULL. */
const char *option_disposition_text(Disposition disposition);
/* "integer", "signal name or number". Never NULL. */
const char *option_kind_text(ValueKind kind);
