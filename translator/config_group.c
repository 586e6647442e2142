/* Groups and what they hold: the oracle's process_groups_from_parser(). */
#include <errno.h>
#include <string.h>

#include "common/event_type.h"
#include "translator/config_reader.h"
#include "translator/path.h"
#include "translator/text.h"
#include "translator/value.h"

#define DEFAULT_RESULT_HANDLER "supervisor.dispatchers:default_handler"

static const char *group_name_part(const char *section)
{
    return strchr(section, ':') + 1;
}

static GroupConfig *group_new(ConfigReader *reader, const char *section, GroupKind kind)
{
    Origin origin = config_reader_origin(reader, section, NULL);
    GroupConfig *group = config_allocate(reader->config, sizeof *group);
    group->kind = kind;
    group->origin = (Origin){config_keep(reader->config, origin.file), origin.line};
    return group;
}

static int group_read_name(ConfigReader *reader, const char *section, GroupConfig *group)
{
    g_autofree char *name = NULL, *error = NULL;
    if (value_name(group_name_part(section), &name, &error) < 0)
        return config_reader_fail(reader, section, NULL, "%s", error);
    group->name = config_keep(reader->config, name);
    return 0;
}

/* A program's priority counts twice, for its group and for its processes. This is the group's. */
static int group_read_priority(ConfigReader *reader, const char *section, const char *default_text,
                               GroupConfig *group)
{
    Option row = *option_find_in(SECTION_GROUP, "priority");
    row.default_text = default_text;
    return config_reader_store(reader, section, &row, reader->here, group);
}

static void group_add(ConfigReader *reader, GroupConfig *group, GPtrArray *processes)
{
    const ProcessConfig **kept = config_allocate(reader->config, processes->len * sizeof *kept);
    for (unsigned i = 0; i < processes->len; i++)
        kept[i] = g_ptr_array_index(processes, i);
    group->processes = kept;
    group->process_count = processes->len;
    g_ptr_array_add(reader->config->groups, group);
}

/* ---- [group:x] ---- */

static int group_read_member(ConfigReader *reader, const char *section, const GroupConfig *group,
                             const char *program, GHashTable *taken, GPtrArray *processes)
{
    g_autofree char *plain = g_strconcat("program:", program, NULL);
    g_autofree char *fcgi = g_strconcat("fcgi-program:", program, NULL);
    bool is_plain = ini_document_find(reader->document, plain) != NULL;
    bool is_fcgi = ini_document_find(reader->document, fcgi) != NULL;
    if (!is_plain && !is_fcgi)
        return config_reader_fail(reader, section, "programs",
                                  "[%s] names unknown program or fcgi-program %s", section, program);
    if (is_plain && is_fcgi)
        return config_reader_fail(reader, section, "programs",
                                  "[%s] name %s is ambiguous (exists as program and fcgi-program)", section,
                                  program);
    const char *member = is_plain ? plain : fcgi;
    g_hash_table_add(taken, g_strdup(member));
    /* A FastCGI program in a [group:x] is a plain one to the oracle: it gets no socket. */
    return config_program_read(reader, member, group->name, PROGRAM_PLAIN, processes);
}

static int group_read_heterogeneous(ConfigReader *reader, const char *section, GHashTable *taken)
{
    GroupConfig *group = group_new(reader, section, GROUP_HETEROGENEOUS);
    g_autofree char *text = NULL;
    int result = group_read_name(reader, section, group);
    if (result == 0)
        result = config_reader_get(reader, section, "programs", NULL, reader->here, &text);
    if (result == 0)
        result = group_read_priority(reader, section, "999", group);
    g_auto(GStrv) programs = value_list(text ? text : "");
    g_autoptr(GPtrArray) processes = g_ptr_array_new();
    for (char **program = programs; *program && result == 0; program++)
        result = group_read_member(reader, section, group, *program, taken, processes);
    if (result == 0)
        group_add(reader, group, processes);
    return result;
}

/* ---- [program:x] on its own ---- */

static int group_read_program(ConfigReader *reader, const char *section, GHashTable *taken)
{
    if (g_hash_table_contains(taken, section))
        return 0;
    GroupConfig *group = group_new(reader, section, GROUP_PROGRAM);
    g_autoptr(GPtrArray) processes = g_ptr_array_new();
    int result = group_read_name(reader, section, group);
    if (result == 0)
        result = group_read_priority(reader, section, "999", group);
    if (result == 0)
        result = config_program_read(reader, section, group->name, PROGRAM_PLAIN, processes);
    if (result == 0)
        group_add(reader, group, processes);
    return result;
}

/* ---- [eventlistener:x] ---- */

static int group_read_result_handler(ConfigReader *reader, const char *section, GroupConfig *group)
{
    g_autofree char *text = NULL;
    int result =
        config_reader_get(reader, section, "result_handler", DEFAULT_RESULT_HANDLER, reader->here, &text);
    if (result < 0)
        return result;
    g_auto(GStrv) words = text_split(text);
    g_autofree char *packed = g_strjoinv("", words);
    if (strcmp(packed, DEFAULT_RESULT_HANDLER) != 0)
        return config_reader_fail(
            reader, section, "result_handler",
            "%s cannot be resolved within [%s]: there is no Python here, only %s; let the "
            "listener itself answer RESULT 2 and OK for an event that it has dealt with, "
            "RESULT 4 and FAIL to get it again, and take this line out",
            text, section, DEFAULT_RESULT_HANDLER);
    group->result_handler = config_keep(reader->config, packed);
    return 0;
}

static int group_compare_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int group_read_events(ConfigReader *reader, const char *section, GroupConfig *group)
{
    g_autofree char *text = NULL;
    int result = config_reader_get(reader, section, "events", "", reader->here, &text);
    if (result < 0)
        return result;
    g_autofree char *upper = text_upper(text);
    g_auto(GStrv) names = value_list(upper);
    if (!names[0])
        return config_reader_fail(reader, section, "events", "[%s] section requires an \"events\" line",
                                  section);

    bool subscribed[EVENT_TYPE_COUNT] = {false};
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();
    for (char **name = names; *name; name++) {
        EventType type;
        if (event_type_from_name(*name, &type) < 0)
            return config_reader_fail(reader, section, "events", "Unknown event type %s in [%s] events",
                                      *name, section);
        if (!subscribed[type])
            g_ptr_array_add(sorted, (void *)event_type_name(type));
        subscribed[type] = true;
    }
    g_ptr_array_sort(sorted, group_compare_text);
    group->events = memcpy(config_allocate(reader->config, sorted->len * sizeof(char *)), sorted->pdata,
                           sorted->len * sizeof(char *));
    group->event_count = sorted->len;
    return 0;
}

/* stdout of a listener is its side of the protocol. */
static int group_check_redirection(ConfigReader *reader, const char *section)
{
    g_autofree char *text = NULL, *error = NULL;
    bool redirect;
    int result = config_reader_get(reader, section, "redirect_stderr", "false", reader->here, &text);
    if (result < 0)
        return result;
    if (value_boolean(text, &redirect, &error) < 0)
        return config_reader_fail(reader, section, "redirect_stderr", "%s", error);
    if (redirect)
        return config_reader_fail(
            reader, section, "redirect_stderr",
            "[%s] section sets redirect_stderr=true but this is not allowed because it will "
            "interfere with the eventlistener protocol",
            section);
    return 0;
}

static int group_read_buffer_size(ConfigReader *reader, const char *section, GroupConfig *group)
{
    int result = config_reader_store(reader, section, option_find_in(SECTION_EVENTLISTENER, "buffer_size"),
                                     reader->here, group);
    if (result == 0 && group->buffer_size < 1)
        return config_reader_fail(reader, section, "buffer_size",
                                  "[%s] section sets invalid buffer_size (%" G_GINT64_FORMAT ")", section,
                                  group->buffer_size);
    return result;
}

static int group_read_listener(ConfigReader *reader, const char *section, GHashTable *taken)
{
    GroupConfig *group = group_new(reader, section, GROUP_EVENTLISTENER);
    g_autoptr(GPtrArray) processes = g_ptr_array_new();
    group->name = config_keep(reader->config, group_name_part(section));
    /* Listeners start first and stop last unless they say otherwise. */
    int result = group_read_priority(reader, section, "-1", group);
    if (result == 0)
        result = group_read_buffer_size(reader, section, group);
    if (result == 0)
        result = group_read_result_handler(reader, section, group);
    if (result == 0)
        result = group_read_events(reader, section, group);
    if (result == 0)
        result = group_check_redirection(reader, section);
    if (result == 0)
        result = config_program_read(reader, section, group->name, PROGRAM_EVENTLISTENER, processes);
    if (result == 0)
        group_add(reader, group, processes);
    return result;
}

/* ---- [fcgi-program:x] on its own ---- */

typedef struct FcgiUser {
    bool is_set;
    uid_t uid;
    gid_t gid;
} FcgiUser;

static int group_read_fcgi_user(ConfigReader *reader, const char *section, FcgiUser *user)
{
    g_autofree char *text = NULL, *error = NULL;
    int result = config_reader_get(reader, section, "user", NULL, reader->here, &text);
    if (result < 0 || !text)
        return result;
    if (value_user(text, reader->host, &user->uid, &user->gid, &error) < 0)
        return config_reader_fail(reader, section, "user", "%s", error);
    user->is_set = true;
    return 0;
}

static int group_read_socket_backlog(ConfigReader *reader, const char *section, SocketConfig *socket)
{
    g_autofree char *text = NULL, *error = NULL;
    int64_t backlog;
    int result = config_reader_get(reader, section, "socket_backlog", NULL, reader->here, &text);
    if (result < 0 || !text)
        return result;
    if (value_integer(text, &backlog, &error) < 0)
        return config_reader_fail(reader, section, "socket_backlog", "%s", error);
    if (backlog < 1 || backlog > 65535)
        return config_reader_fail(reader, section, "socket_backlog",
                                  "Invalid socket_backlog value %" G_GINT64_FORMAT, backlog);
    socket->backlog = (int)backlog;
    return 0;
}

static int group_read_socket_owner(ConfigReader *reader, const char *section, SocketConfig *socket)
{
    g_autofree char *text = NULL, *error = NULL;
    int result = config_reader_get(reader, section, "socket_owner", NULL, reader->here, &text);
    if (result < 0 || !text)
        return result;
    if (value_owner(text, reader->host, &socket->uid, &socket->gid, &error) < 0)
        return config_reader_fail(reader, section, "socket_owner", "Invalid socket_owner value %s", text);
    socket->has_owner = true;
    return 0;
}

static int group_read_socket_mode(ConfigReader *reader, const char *section, SocketConfig *socket)
{
    g_autofree char *text = NULL, *error = NULL;
    int result = config_reader_get(reader, section, "socket_mode", NULL, reader->here, &text);
    if (result < 0 || !text)
        return result;
    if (value_octal(text, &socket->mode, &error) < 0)
        return config_reader_fail(reader, section, "socket_mode", "Invalid socket_mode value %s", text);
    socket->has_mode = true;
    return 0;
}

/* "tcp://host:port": the host has neither white space nor a colon in it. Returns the digits of the port, or
 * NULL. */
static const char *group_split_tcp(const char *text, char **ret_host)
{
    if (!g_str_has_prefix(text, "tcp://"))
        return NULL;
    const char *host = text + strlen("tcp://"), *colon = strchr(host, ':');
    if (!colon || colon == host || colon[1] == '\0')
        return NULL;
    const char *end = text + strlen(text);
    for (const char *at = host; at < end;) {
        gunichar character;
        bool in_port = at > colon;
        const char *next = text_next(at, end, &character);
        if (in_port ? !g_unichar_isdigit(character) : text_is_space(character))
            return NULL;
        at = next;
    }
    *ret_host = g_strndup(host, (size_t)(colon - host));
    return colon + 1;
}

static int group_parse_tcp_socket(ConfigReader *reader, const char *section, const char *text,
                                  SocketConfig *socket)
{
    g_autofree char *host = NULL, *lower = NULL, *ignored = NULL, *error = NULL;
    if (socket->has_owner || socket->has_mode)
        return config_reader_fail(reader, section, socket->has_owner ? "socket_owner" : "socket_mode",
                                  "socket_owner and socket_mode params should only be used with a Unix "
                                  "domain socket in [%s] socket",
                                  section);
    const char *port = group_split_tcp(text, &host);
    if (!port) {
        /* The oracle's message shows the two arguments of its exception. */
        g_autofree char *shown = text_repr(text);
        return config_reader_fail(reader, section, "socket", "('Bad socket format %%s', %s) in [%s] socket",
                                  shown, section);
    }
    g_autofree char *address = g_strconcat(":", port, NULL);
    if (value_address(address, &ignored, &socket->port, &error) < 0)
        return config_reader_fail(reader, section, "socket", "%s in [%s] socket", error, section);
    lower = text_lower(host);
    g_autofree char *url = g_strdup_printf("tcp://%s:%u", lower, socket->port);
    socket->host = config_keep(reader->config, lower);
    socket->url = config_keep(reader->config, url);
    return 0;
}

static int group_parse_unix_socket(ConfigReader *reader, const char *section, const char *path,
                                   const FcgiUser *user, SocketConfig *socket)
{
    if (path[0] != '/') {
        g_autofree char *shown = text_repr(path);
        return config_reader_fail(reader, section, "socket",
                                  "('Unix socket path %%s is not an absolute path', %s) in [%s] socket",
                                  shown, section);
    }
    g_autofree char *normal = path_normalize(path, reader->host);
    g_autofree char *url = g_strconcat("unix://", normal, NULL);
    socket->is_unix = true;
    socket->path = config_keep(reader->config, normal);
    socket->url = config_keep(reader->config, url);
    if (!socket->has_owner && user->is_set && user->uid != reader->host->uid) {
        socket->has_owner = true;
        socket->uid = user->uid;
        socket->gid = user->gid;
    }
    if (!socket->has_mode)
        socket->mode = 0700;
    socket->has_mode = true;
    return 0;
}

static int group_read_socket(ConfigReader *reader, const char *section, const GroupConfig *group,
                             const FcgiUser *user, SocketConfig *socket)
{
    g_autoptr(ExpandMapping) names = expand_mapping_new();
    expand_mapping_set(names, "program_name", group->name);
    expand_mapping_update(names, reader->here);
    g_autofree char *text = NULL;
    int result = config_reader_get(reader, section, "socket", NULL, names, &text);
    if (result < 0)
        return result;
    if (!text || text[0] == '\0')
        return config_reader_fail(reader, section, "socket", "[%s] section requires a \"socket\" line",
                                  section);
    if (g_str_has_prefix(text, "unix://"))
        return group_parse_unix_socket(reader, section, text + strlen("unix://"), user, socket);
    return group_parse_tcp_socket(reader, section, text, socket);
}

static int group_read_fcgi(ConfigReader *reader, const char *section, GHashTable *taken)
{
    if (g_hash_table_contains(taken, section))
        return 0;
    GroupConfig *group = group_new(reader, section, GROUP_FCGI);
    FcgiUser user = {0};
    g_autoptr(GPtrArray) processes = g_ptr_array_new();
    int result = group_read_name(reader, section, group);
    if (result == 0)
        result = group_read_priority(reader, section, "999", group);
    if (result == 0)
        result = group_read_fcgi_user(reader, section, &user);
    if (result == 0)
        result = group_read_socket_backlog(reader, section, &group->socket);
    if (result == 0)
        result = group_read_socket_owner(reader, section, &group->socket);
    if (result == 0)
        result = group_read_socket_mode(reader, section, &group->socket);
    if (result == 0)
        result = group_read_socket(reader, section, group, &user, &group->socket);
    if (result == 0)
        result = config_program_read(reader, section, group->name, PROGRAM_FCGI, processes);
    if (result == 0)
        group_add(reader, group, processes);
    return result;
}

/* ---- all of them ---- */

static int group_compare(gconstpointer a, gconstpointer b)
{
    const GroupConfig *left = *(const GroupConfig *const *)a, *right = *(const GroupConfig *const *)b;
    if (left->priority != right->priority)
        return left->priority < right->priority ? -1 : 1;
    return strcmp(left->name, right->name);
}

int config_group_read_all(ConfigReader *reader)
{
    /* The oracle goes through all sections once for each kind, in this order. */
    static const struct {
        const char *prefix;
        int (*read)(ConfigReader *reader, const char *section, GHashTable *taken);
    } passes[] = {
        {"group:", group_read_heterogeneous},
        {"program:", group_read_program},
        {"eventlistener:", group_read_listener},
        {"fcgi-program:", group_read_fcgi},
    };
    /* Sections that belong to a [group:x] make no group of their own. */
    g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(passes); i++) {
        for (size_t j = 0; j < ini_document_count(reader->document); j++) {
            const char *section = ini_document_get(reader->document, j)->name;
            if (!g_str_has_prefix(section, passes[i].prefix))
                continue;
            int result = passes[i].read(reader, section, taken);
            if (result < 0)
                return result;
        }
    }
    g_ptr_array_sort(reader->config->groups, group_compare);
    return 0;
}
