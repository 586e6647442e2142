#include "bridge/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file is written anew when this many lines have been appended and most of them are superseded. */
enum { COMPACT_LINES = 20000, COMPACT_SIZE = 8 << 20, MAXIMUM_SIZE = 64 << 20 };

/* The year 5138. */
#define TIME_MAXIMUM 1e11

typedef struct Remembered {
    StoreRecord record;
    char *spawnerr; /* what record.spawnerr points to */
} Remembered;

struct Store {
    char *path;
    int fd;
    bool restart;
    size_t lines;
    off_t compacted_size;  /* of the file when it was last written anew */
    off_t whole;           /* where the last whole line ends, after reading */
    GHashTable *processes; /* namespec → Remembered */
    GHashTable *autologs;  /* "STREAM namespec" → path */
    GHashTable *removed;   /* set of group names */
    GHashTable *adopted;   /* namespec → StoreAdopted */
};

static void remembered_free(void *data)
{
    Remembered *remembered = data;
    g_free(remembered->spawnerr);
    g_free(remembered);
}

static char *autolog_key(const char *namespec, Stream stream)
{
    return g_strdup_printf("%d %s", (int)stream, namespec);
}

/* Reading
 * -------------------------------------------------------------------------------------------------------- */

static void remember(Store *store, const char *namespec, const StoreRecord *record)
{
    Remembered *remembered = g_new0(Remembered, 1);
    remembered->spawnerr = g_strdup(record->spawnerr ? record->spawnerr : "");
    remembered->record = *record;
    remembered->record.spawnerr = remembered->spawnerr;
    g_hash_table_replace(store->processes, g_strdup(namespec), remembered);
}

static void forget(Store *store, const char *namespec)
{
    g_hash_table_remove(store->processes, namespec);
    g_hash_table_remove(store->adopted, namespec);
    for (int stream = 0; stream < STREAM_COUNT; stream++) {
        g_autofree char *key = autolog_key(namespec, (Stream)stream);
        g_hash_table_remove(store->autologs, key);
    }
}

static bool is_state(long number)
{
    return number == PROCESS_UNKNOWN || strcmp(process_state_name((ProcessState)number), "UNKNOWN") != 0;
}

/* Clients get times as whole seconds: what cannot be one is none. */
static double read_time(const char *text)
{
    double time = g_ascii_strtod(text, NULL);

    return time >= 0 && time <= TIME_MAXIMUM ? time : 0;
}

static void read_process(Store *store, char **fields)
{
    /* Tables are indexed with it. */
    if (!is_state(strtol(fields[1], NULL, 10)))
        return;
    remember(store, fields[0],
             &(StoreRecord){
                 .state = (ProcessState)strtol(fields[1], NULL, 10),
                 .laststart = read_time(fields[2]),
                 .laststop = read_time(fields[3]),
                 .exitstatus = (int)strtol(fields[4], NULL, 10),
                 .backoff = (unsigned)strtoul(fields[5], NULL, 10),
                 .pending = fields[6][0] == '1',
                 .spawnerr = fields[7],
             });
}

static void read_forgotten(Store *store, char **fields)
{
    forget(store, fields[0]);
}

static void read_autolog(Store *store, char **fields)
{
    long stream = strtol(fields[1], NULL, 10);
    if (stream >= 0 && stream < STREAM_COUNT)
        g_hash_table_replace(store->autologs, autolog_key(fields[0], (Stream)stream), g_strdup(fields[2]));
}

static void read_removed(Store *store, char **fields)
{
    if (strcmp(fields[1], "1") == 0)
        g_hash_table_add(store->removed, g_strdup(fields[0]));
    else
        g_hash_table_remove(store->removed, fields[0]);
}

static void remember_adopted(Store *store, const char *namespec, StoreAdopted adopted)
{
    if (adopted.pid > 0)
        g_hash_table_replace(store->adopted, g_strdup(namespec), g_memdup2(&adopted, sizeof adopted));
    else
        g_hash_table_remove(store->adopted, namespec);
}

static void read_adopted(Store *store, char **fields)
{
    remember_adopted(store, fields[0],
                     (StoreAdopted){
                         .pid = (pid_t)strtol(fields[1], NULL, 10),
                         .start = strtoull(fields[2], NULL, 10),
                     });
}

static const struct {
    const char *kind;
    unsigned fields;
    void (*read)(Store *store, char **fields);
} line_kinds[] = {
    {"process", 8, read_process}, {"forget", 1, read_forgotten}, {"autolog", 3, read_autolog},
    {"removed", 2, read_removed}, {"adopted", 3, read_adopted},
};

static void read_line(Store *store, const char *line)
{
    g_auto(GStrv) fields = g_strsplit(line, "\t", -1);
    unsigned count = g_strv_length(fields);

    for (unsigned i = 1; i < count; i++) {
        char *plain = g_strcompress(fields[i]);
        g_free(fields[i]);
        fields[i] = plain;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(line_kinds); i++) {
        if (count == line_kinds[i].fields + 1 && strcmp(fields[0], line_kinds[i].kind) == 0)
            line_kinds[i].read(store, fields + 1);
    }
}

static int read_all(Store *store)
{
    struct stat status;

    if (fstat(store->fd, &status) < 0)
        return -errno;
    if (status.st_size > MAXIMUM_SIZE)
        return -EFBIG;
    g_autofree char *text = g_malloc((size_t)status.st_size + 1);
    ssize_t size = pread(store->fd, text, (size_t)status.st_size, 0);
    if (size < 0)
        return -errno;
    text[size] = '\0';
    store->restart = size > 0;
    /* What stands behind the last newline is a line that a kill cut short. */
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        read_line(store, line);
        store->lines++;
        store->whole = end + 1 - text;
    }
    return 0;
}

/* Writing
 * -------------------------------------------------------------------------------------------------------- */

static void format_field(GString *line, const char *value)
{
    g_autofree char *escaped = g_strescape(value, NULL);
    g_string_append_c(line, '\t');
    g_string_append(line, escaped);
}

static void format_process(GString *line, const char *namespec, const StoreRecord *record)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append(line, "process");
    format_field(line, namespec);
    g_string_append_printf(line, "\t%d", (int)record->state);
    format_field(line, g_ascii_formatd(number, sizeof number, "%.6f", record->laststart));
    format_field(line, g_ascii_formatd(number, sizeof number, "%.6f", record->laststop));
    g_string_append_printf(line, "\t%d\t%u\t%d", record->exitstatus, record->backoff, record->pending);
    format_field(line, record->spawnerr ? record->spawnerr : "");
    g_string_append_c(line, '\n');
}

static void format_autolog(GString *line, const char *namespec, Stream stream, const char *path)
{
    g_string_append(line, "autolog");
    format_field(line, namespec);
    g_string_append_printf(line, "\t%d", (int)stream);
    format_field(line, path);
    g_string_append_c(line, '\n');
}

static void format_removed(GString *line, const char *group, bool removed)
{
    g_string_append(line, "removed");
    format_field(line, group);
    g_string_append(line, removed ? "\t1\n" : "\t0\n");
}

static void format_adopted(GString *line, const char *namespec, const StoreAdopted *adopted)
{
    g_string_append(line, "adopted");
    format_field(line, namespec);
    g_string_append_printf(line, "\t%d\t%" G_GUINT64_FORMAT "\n", (int)adopted->pid, adopted->start);
}

static int write_whole(int fd, const GString *text)
{
    ssize_t written = write(fd, text->str, text->len);
    if (written < 0)
        return -errno;
    return (size_t)written == text->len ? 0 : -ENOSPC;
}

static void format_everything(Store *store, GString *text)
{
    GHashTableIter iterator;
    void *key, *value;

    g_hash_table_iter_init(&iterator, store->processes);
    while (g_hash_table_iter_next(&iterator, &key, &value))
        format_process(text, key, &((Remembered *)value)->record);
    g_hash_table_iter_init(&iterator, store->autologs);
    while (g_hash_table_iter_next(&iterator, &key, &value))
        format_autolog(text, (char *)key + 2, ((char *)key)[0] == '0' ? STREAM_STDOUT : STREAM_STDERR, value);
    g_hash_table_iter_init(&iterator, store->removed);
    while (g_hash_table_iter_next(&iterator, &key, NULL))
        format_removed(text, key, true);
    g_hash_table_iter_init(&iterator, store->adopted);
    while (g_hash_table_iter_next(&iterator, &key, &value))
        format_adopted(text, key, value);
}

static int compact(Store *store)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *temporary = g_strconcat(store->path, ".new", NULL);

    format_everything(store, text);
    int fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = write_whole(fd, text);
    if (r >= 0 && rename(temporary, store->path) < 0)
        r = -errno;
    if (r < 0) {
        close(fd);
        return r;
    }
    close(store->fd);
    store->fd = fd;
    store->lines = g_hash_table_size(store->processes) + g_hash_table_size(store->autologs);
    store->compacted_size = (off_t)text->len;
    return 0;
}

/* What is written over and over is thrown away in time: by lines, and by bytes, since a line that tells why a
 * start failed holds the command, which may be long. */
static bool has_grown(const Store *store, off_t size)
{
    return store->lines > COMPACT_LINES + 2 * g_hash_table_size(store->processes) ||
           size > COMPACT_SIZE + 2 * store->compacted_size;
}

static int append(Store *store, const GString *line)
{
    off_t end = lseek(store->fd, 0, SEEK_END);
    int r = write_whole(store->fd, line);

    /* Half a line would spoil the next one. */
    if (r < 0 && end >= 0 && ftruncate(store->fd, end) < 0)
        return -errno;
    if (r < 0)
        return r;
    store->lines++;
    off_t size = end + (off_t)line->len;
    if (has_grown(store, size) && compact(store) < 0) {
        /* No room now: not again for every line. */
        store->lines = 0;
        store->compacted_size = size;
    }
    return 0;
}

/* Everything behind the last whole line goes. */
static int cut(Store *store)
{
    return ftruncate(store->fd, store->whole) < 0 ? -errno : 0;
}

/* The surface
 * ---------------------------------------------------------------------------------------------------- */

int store_open(const char *path, Store **ret)
{
    g_autoptr(Store) store = g_new0(Store, 1);

    store->path = g_strdup(path);
    store->processes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, remembered_free);
    store->autologs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    store->removed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    store->adopted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    store->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->fd < 0)
        return -errno;
    int r = read_all(store);
    /* A cut line must not swallow the next one. */
    if (r >= 0 && store->restart && compact(store) < 0)
        r = cut(store);
    if (r < 0)
        return r;
    *ret = g_steal_pointer(&store);
    return 0;
}

void store_free(Store *store)
{
    if (!store)
        return;
    if (store->fd >= 0)
        close(store->fd);
    g_hash_table_unref(store->processes);
    g_hash_table_unref(store->autologs);
    g_hash_table_unref(store->removed);
    g_hash_table_unref(store->adopted);
    g_free(store->path);
    g_free(store);
}

bool store_is_restart(const Store *store)
{
    return store->restart;
}

const StoreRecord *store_process(const Store *store, const char *namespec)
{
    const Remembered *remembered = g_hash_table_lookup(store->processes, namespec);
    return remembered ? &remembered->record : NULL;
}

int store_put_process(Store *store, const char *namespec, const StoreRecord *record)
{
    g_autoptr(GString) line = g_string_new(NULL);

    remember(store, namespec, record);
    format_process(line, namespec, record);
    return append(store, line);
}

const char *store_autolog(const Store *store, const char *namespec, Stream stream)
{
    g_autofree char *key = autolog_key(namespec, stream);
    return g_hash_table_lookup(store->autologs, key);
}

int store_put_autolog(Store *store, const char *namespec, Stream stream, const char *path)
{
    g_autoptr(GString) line = g_string_new(NULL);

    g_hash_table_replace(store->autologs, autolog_key(namespec, stream), g_strdup(path));
    format_autolog(line, namespec, stream, path);
    return append(store, line);
}

bool store_group_removed(const Store *store, const char *group)
{
    return g_hash_table_contains(store->removed, group);
}

int store_put_group_removed(Store *store, const char *group, bool removed)
{
    g_autoptr(GString) line = g_string_new(NULL);

    if (removed == store_group_removed(store, group))
        return 0;
    if (removed)
        g_hash_table_add(store->removed, g_strdup(group));
    else
        g_hash_table_remove(store->removed, group);
    format_removed(line, group, removed);
    return append(store, line);
}

StoreAdopted store_adopted(const Store *store, const char *namespec)
{
    const StoreAdopted *adopted = g_hash_table_lookup(store->adopted, namespec);
    return adopted ? *adopted : (StoreAdopted){0};
}

int store_put_adopted(Store *store, const char *namespec, StoreAdopted adopted)
{
    g_autoptr(GString) line = g_string_new(NULL);

    remember_adopted(store, namespec, adopted);
    format_adopted(line, namespec, &adopted);
    return append(store, line);
}

int store_forget_process(Store *store, const char *namespec)
{
    g_autoptr(GString) line = g_string_new("forget");

    forget(store, namespec);
    format_field(line, namespec);
    g_string_append_c(line, '\n');
    return append(store, line);
}
