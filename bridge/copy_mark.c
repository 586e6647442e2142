#include "bridge/copy_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"

typedef struct Record {
    LogPlace place;
    LogPlace behind;
    uint64_t doubt;
    uint64_t was_cut;
} Record;

/* The file. A kill may come between any two instructions: a record is written while the other one counts. */
typedef struct Contents {
    uint64_t turn; /* 0: nothing was marked; odd: the first record counts; even: the second */
    Record records[2];
    uint64_t shared;
} Contents;

struct CopyMark {
    char *path;
    Contents *mapped; /* NULL: what the file has is read and written */
};

/* Opens or makes the file, and takes the room it needs now: on a full disk a write to a hole in a mapped file
 * is a SIGBUS. */
static int make_file(const char *path)
{
    CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return -errno;
    if (status.st_size >= (off_t)sizeof(Contents))
        return 0;
    return -posix_fallocate(fd, 0, sizeof(Contents));
}

int copy_mark_open(const char *path, CopyMark **ret)
{
    int r = make_file(path);

    if (r < 0)
        return r;
    *ret = g_new0(CopyMark, 1);
    (*ret)->path = g_strdup(path);
    return 0;
}

void copy_mark_free(CopyMark *mark)
{
    if (!mark)
        return;
    if (mark->mapped)
        (void)munmap(mark->mapped, sizeof *mark->mapped);
    g_free(mark->path);
    g_free(mark);
}

/* A mapping is a whole page of memory: only streams that have lines to send get one. */
static void map(CopyMark *mark)
{
    CLEANUP_CLOSE int fd = -1;

    if (mark->mapped)
        return;
    fd = open(mark->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof(Contents), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED)
        mark->mapped = mapped;
}

static Contents contents(const CopyMark *mark)
{
    CLEANUP_CLOSE int fd = -1;
    Contents read = {0};

    if (mark->mapped)
        return *mark->mapped;
    fd = open(mark->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || pread(fd, &read, sizeof read, 0) != (ssize_t)sizeof read)
        return (Contents){0};
    return read;
}

static void save(const CopyMark *mark, const Contents *written)
{
    CLEANUP_CLOSE int fd = open(mark->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd >= 0)
        (void)!pwrite(fd, written, sizeof *written, 0);
}

static Record current(const CopyMark *mark)
{
    const Contents now = contents(mark);

    return now.records[(now.turn + 1) % 2];
}

static void write_record(CopyMark *mark, const Record *record)
{
    Contents now = contents(mark);
    uint64_t turn = now.turn + 1;

    if (mark->mapped) {
        mark->mapped->records[(turn + 1) % 2] = *record;
        __atomic_store_n(&mark->mapped->turn, turn, __ATOMIC_RELEASE);
        return;
    }
    now.records[(turn + 1) % 2] = *record;
    now.turn = turn;
    save(mark, &now);
}

bool copy_mark_is_set(const CopyMark *mark)
{
    return contents(mark).turn != 0;
}

LogPlace copy_mark_place(const CopyMark *mark)
{
    return current(mark).place;
}

uint64_t copy_mark_doubt(const CopyMark *mark, LogPlace *ret_behind)
{
    const Record now = current(mark);

    *ret_behind = now.behind;
    return now.doubt;
}

bool copy_mark_was_cut(const CopyMark *mark)
{
    return current(mark).was_cut != 0;
}

void copy_mark_set_shared(CopyMark *mark)
{
    if (mark->mapped) {
        mark->mapped->shared = 1;
        return;
    }
    Contents now = contents(mark);
    now.shared = 1;
    save(mark, &now);
}

bool copy_mark_is_shared(const CopyMark *mark)
{
    return contents(mark).shared != 0;
}

static uint64_t realtime_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void copy_mark_begin(CopyMark *mark, const LogPlace *behind)
{
    map(mark);
    const Record now = current(mark);
    write_record(
        mark,
        &(Record){.place = now.place, .behind = *behind, .doubt = realtime_now(), .was_cut = now.was_cut});
}

void copy_mark_finish(CopyMark *mark, const LogPlace *place, bool was_cut)
{
    /* The first is where the copy begins, and often the last. */
    if (copy_mark_is_set(mark))
        map(mark);
    write_record(mark, &(Record){.place = *place, .was_cut = was_cut});
}
